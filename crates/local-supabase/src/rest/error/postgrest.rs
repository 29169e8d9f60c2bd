//! PostgREST's own errors, in the order of their codes.

use axum::http::StatusCode;
use serde_json::Value;

use super::RestError;

impl RestError {
    /// Too many requests wait for the database, or this one has waited for too long.
    pub(crate) fn no_connection() -> Self {
        let message = "Timed out acquiring connection from connection pool.";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "PGRST003", message)
    }

    pub(crate) fn parse(message: String, details: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PGRST100", message).details(details)
    }

    pub(crate) fn rpc_method(method: &str) -> Self {
        let message = format!("Cannot use the {method} method on RPC");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST101", message)
    }

    pub(crate) fn invalid_body(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PGRST102", message)
    }

    pub(crate) fn invalid_range(details: impl Into<String>) -> Self {
        let message = "Requested range not satisfiable";
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "PGRST103", message).details(details.into())
    }

    pub(crate) fn put_filters() -> Self {
        let message = "Filters must include all and only primary key columns with 'eq' operators";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST105", message)
    }

    pub(crate) fn unacceptable_schema(schema: &str) -> Self {
        let hint = "Only the following schemas are exposed: public";
        Self::new(StatusCode::NOT_ACCEPTABLE, "PGRST106", format!("Invalid schema: {schema}"))
            .hint(Some(hint.to_owned()))
    }

    pub(crate) fn media_type(accepted: &str) -> Self {
        let message = format!("None of these media types are available: {accepted}");
        Self::new(StatusCode::NOT_ACCEPTABLE, "PGRST107", message)
    }

    pub(crate) fn not_embedded(resource: &str) -> Self {
        let message = format!("'{resource}' is not an embedded resource in this request");
        let hint = format!("Verify that '{resource}' is included in the 'select' query parameter.");
        Self::new(StatusCode::BAD_REQUEST, "PGRST108", message).hint(Some(hint))
    }

    pub(crate) fn put_limit() -> Self {
        let message = "limit/offset querystring parameters are not allowed for PUT";
        Self::new(StatusCode::BAD_REQUEST, "PGRST114", message)
    }

    pub(crate) fn put_mismatch() -> Self {
        let message = "Payload values do not match URL in primary key column(s)";
        Self::new(StatusCode::BAD_REQUEST, "PGRST115", message)
    }

    pub(crate) fn not_single(rows: usize) -> Self {
        let message = "Cannot coerce the result to a single JSON object";
        Self::new(StatusCode::NOT_ACCEPTABLE, "PGRST116", message)
            .details(format!("The result contains {rows} rows"))
    }

    pub(crate) fn unsupported_method(method: &str) -> Self {
        let message = format!("Unsupported HTTP method: {method}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST117", message)
    }

    pub(crate) fn related_order(origin: &str, target: &str) -> Self {
        let message = format!("A related order on '{target}' is not possible");
        Self::new(StatusCode::BAD_REQUEST, "PGRST118", message).details(format!(
            "'{origin}' and '{target}' do not form a many-to-one or one-to-one relationship"
        ))
    }

    pub(crate) fn invalid_preferences(preferences: &str) -> Self {
        let message = "Invalid preferences given with handling=strict";
        Self::new(StatusCode::BAD_REQUEST, "PGRST122", message)
            .details(format!("Invalid preferences: {preferences}"))
    }

    pub(crate) fn aggregates_not_allowed() -> Self {
        let message = "Use of aggregate functions is not allowed";
        Self::new(StatusCode::BAD_REQUEST, "PGRST123", message)
    }

    pub(crate) fn max_affected(rows: usize) -> Self {
        let message = "Query result exceeds max-affected preference constraint";
        Self::new(StatusCode::BAD_REQUEST, "PGRST124", message)
            .details(format!("The query affects {rows} rows"))
    }

    pub(crate) fn invalid_path() -> Self {
        let message = "Invalid path specified in request URL";
        Self::new(StatusCode::NOT_FOUND, "PGRST125", message)
    }

    pub(crate) fn not_implemented(details: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "PGRST127", "Feature not implemented")
            .details(details.into())
    }

    pub(crate) fn max_affected_rpc() -> Self {
        let message = "Function must return SETOF or TABLE when max-affected preference is used \
                       with handling=strict";
        Self::new(StatusCode::BAD_REQUEST, "PGRST128", message)
    }

    pub(crate) fn relationship_not_found(
        origin: &str,
        target: &str,
        hint: Option<&str>,
        near: Option<&str>,
    ) -> Self {
        let message = format!(
            "Could not find a relationship between '{origin}' and '{target}' in the schema cache"
        );
        let using = hint.map(|hint| format!(" using the hint '{hint}'")).unwrap_or_default();
        Self::new(StatusCode::BAD_REQUEST, "PGRST200", message)
            .details(format!(
                "Searched for a foreign key relationship between '{origin}' and '{target}'{using} \
                 in the schema 'public', but no matches were found."
            ))
            .hint(near.map(|near| format!("Perhaps you meant '{near}' instead of '{target}'.")))
    }

    pub(crate) fn relationship_ambiguous(
        origin: &str,
        target: &str,
        choices: &str,
        details: Vec<Value>,
    ) -> Self {
        let message = format!(
            "Could not embed because more than one relationship was found for '{origin}' and \
             '{target}'"
        );
        let hint = format!(
            "Try changing '{target}' to one of the following: {choices}. Find the desired \
             relationship in the 'details' key."
        );
        Self::new(StatusCode::MULTIPLE_CHOICES, "PGRST201", message)
            .details(details)
            .hint(Some(hint))
    }

    /// `arguments` are those of the call. `or_unnamed` is what POST adds to the search.
    pub(crate) fn function_not_found(
        name: &str,
        arguments: &[&str],
        or_unnamed: &str,
        near: Option<&str>,
    ) -> Self {
        let list = arguments.join(", ");
        let (called, searched) = match arguments.len() {
            0 => (" without parameters".to_owned(), " without parameters".to_owned()),
            1 => (format!("({list})"), format!(" with parameter {list}")),
            _ => (format!("({list})"), format!(" with parameters {list}")),
        };
        let message =
            format!("Could not find the function public.{name}{called} in the schema cache");
        Self::new(StatusCode::NOT_FOUND, "PGRST202", message)
            .details(format!(
                "Searched for the function public.{name}{searched}{or_unnamed}, but no matches \
                 were found in the schema cache."
            ))
            .hint(near.map(|near| format!("Perhaps you meant to call the function public.{near}")))
    }

    pub(crate) fn unknown_payload_column(table: &str, column: &str) -> Self {
        let message =
            format!("Could not find the '{column}' column of '{table}' in the schema cache");
        Self::new(StatusCode::BAD_REQUEST, "PGRST204", message)
    }

    pub(crate) fn table_not_found(table: &str, near: Option<&str>) -> Self {
        let message = format!("Could not find the table 'public.{table}' in the schema cache");
        Self::new(StatusCode::NOT_FOUND, "PGRST205", message)
            .hint(near.map(|near| format!("Perhaps you meant the table 'public.{near}'")))
    }
}
