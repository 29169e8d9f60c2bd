//! PostgreSQL's errors, by SQLSTATE.

use axum::http::StatusCode;

use super::RestError;
use crate::schema::PgType;

/// The status that PostgREST gives to an SQLSTATE.
fn status(state: &str) -> StatusCode {
    match state {
        "23503" | "23505" => StatusCode::CONFLICT,
        "25006" => StatusCode::METHOD_NOT_ALLOWED,
        "42501" => StatusCode::FORBIDDEN,
        "42883" => StatusCode::NOT_FOUND,
        "21000" | "57014" | "XX000" => StatusCode::INTERNAL_SERVER_ERROR,
        "53100" | "53200" | "53300" => StatusCode::SERVICE_UNAVAILABLE,
        // `raise` chooses the status.
        _ => state.strip_prefix("PT").and_then(chosen).unwrap_or(StatusCode::BAD_REQUEST),
    }
}

fn chosen(status: &str) -> Option<StatusCode> {
    status.parse::<u16>().ok().and_then(|status| StatusCode::from_u16(status).ok())
}

impl RestError {
    /// An error of PostgreSQL.
    pub fn sql(state: &'static str, message: impl Into<String>) -> Self {
        Self::new(status(state), state, message)
    }

    /// The same where the state is known only at run time.
    pub(super) fn from_state(state: String, message: &str) -> Self {
        Self::new(status(&state), state, message)
    }

    /// Policies that refer to one another in a circle.
    pub(crate) fn policy_recursion(table: &str) -> Self {
        let message = format!("infinite recursion detected in policy for relation \"{table}\"");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "42P17", message)
    }

    /// PostgREST knows this message of `pg_safeupdate` and answers with 400, not 500.
    pub(crate) fn no_where(statement: &str) -> Self {
        let message = format!("{statement} requires a WHERE clause");
        Self::new(StatusCode::BAD_REQUEST, "21000", message)
    }

    /// A computed column takes a row of its table, which the record of a subquery cannot be cast to.
    pub(crate) fn record_cast(table: &str) -> Self {
        Self::sql("42846", format!("cannot cast type record to {table}"))
    }

    pub(crate) fn affected_twice() -> Self {
        let hint = "Ensure that no rows proposed for insertion within the same command have \
                    duplicate constrained values.";
        Self::sql("21000", "ON CONFLICT DO UPDATE command cannot affect row a second time")
            .hint(Some(hint.to_owned()))
    }

    pub(crate) fn out_of_range(value: &str, pg_type: PgType) -> Self {
        Self::sql("22003", format!("value \"{value}\" is out of range for type {}", pg_type.name()))
    }

    /// Input that is no date or time; `name` is the type's as PostgreSQL's parser calls it.
    pub(crate) fn invalid_datetime(name: &str, value: &str) -> Self {
        Self::sql("22007", format!("invalid input syntax for type {name}: \"{value}\""))
    }

    /// A date or time whose numbers are too large.
    pub(crate) fn datetime_out_of_range(value: &str) -> Self {
        Self::sql("22008", format!("date/time field value out of range: \"{value}\""))
    }

    /// `name` is the name of a type in PostgreSQL; input of jsonb is reported as json.
    pub fn invalid_input(name: &str, value: &str) -> Self {
        Self::sql("22P02", format!("invalid input syntax for type {name}: \"{value}\""))
    }

    /// A text that is not JSON.
    pub fn invalid_json_input() -> Self {
        Self::sql("22P02", "invalid input syntax for type json")
    }

    pub(crate) fn null_character() -> Self {
        Self::sql("22P05", "unsupported Unicode escape sequence")
            .details("\\u0000 cannot be converted to text.")
    }

    /// A value that must be there.
    pub fn not_null(table: &str, column: &str) -> Self {
        let message = format!(
            "null value in column \"{column}\" of relation \"{table}\" violates not-null constraint"
        );
        Self::sql("23502", message)
    }

    /// A row that refers to one that does not exist.
    pub fn foreign_key(table: &str, constraint: &str) -> Self {
        let message = format!(
            "insert or update on table \"{table}\" violates foreign key constraint \"{constraint}\""
        );
        Self::sql("23503", message)
    }

    pub(crate) fn still_referenced(table: &str, constraint: &str, by: &str) -> Self {
        let message = format!(
            "update or delete on table \"{table}\" violates foreign key constraint \
             \"{constraint}\" on table \"{by}\""
        );
        Self::sql("23503", message)
    }

    /// A key that another row has.
    pub fn unique(constraint: &str) -> Self {
        let message = format!("duplicate key value violates unique constraint \"{constraint}\"");
        Self::sql("23505", message)
    }

    /// A value that is none of its domain.
    pub(crate) fn domain_check(domain: &str, constraint: &str) -> Self {
        let message =
            format!("value for domain {domain} violates check constraint \"{constraint}\"");
        Self::sql("23514", message)
    }

    /// A value for a column that is computed from others.
    pub(crate) fn generated_column(column: &str, is_insert: bool) -> Self {
        Self::not_default(column, is_insert)
            .details(format!("Column \"{column}\" is a generated column."))
    }

    /// A value for a column that is always numbered.
    pub(crate) fn identity_column(column: &str, is_insert: bool) -> Self {
        let hint = is_insert.then(|| "Use OVERRIDING SYSTEM VALUE to override.".to_owned());
        Self::not_default(column, is_insert)
            .details(format!(
                "Column \"{column}\" is an identity column defined as GENERATED ALWAYS."
            ))
            .hint(hint)
    }

    fn not_default(column: &str, is_insert: bool) -> Self {
        let message = match is_insert {
            true => format!("cannot insert a non-DEFAULT value into column \"{column}\""),
            false => format!("column \"{column}\" can only be updated to DEFAULT"),
        };
        Self::sql("428C9", message)
    }

    pub(crate) fn check(table: &str, constraint: &str) -> Self {
        let message =
            format!("new row for relation \"{table}\" violates check constraint \"{constraint}\"");
        Self::sql("23514", message)
    }

    pub(crate) fn read_only() -> Self {
        Self::sql("25006", "cannot execute UPDATE in a read-only transaction")
    }

    /// A privilege that the caller does not have.
    pub fn permission_denied(kind: &str, name: &str) -> Self {
        Self::sql("42501", format!("permission denied for {kind} {name}"))
    }

    /// A row that policies forbid; `policy` is the restrictive one that does.
    pub(crate) fn row_security(table: &str, policy: Option<&str>) -> Self {
        let policy = policy.map(|name| format!(" \"{name}\"")).unwrap_or_default();
        let message =
            format!("new row violates row-level security policy{policy} for table \"{table}\"");
        Self::sql("42501", message)
    }

    /// The row that an upsert would change is hidden from the caller.
    pub(crate) fn row_security_using(table: &str) -> Self {
        let message = format!(
            "new row violates row-level security policy (USING expression) for table \"{table}\""
        );
        Self::sql("42501", message)
    }

    /// `near` are similar names.
    pub fn undefined_column(relation: &str, column: &str, near: &[&str]) -> Self {
        let named: Vec<_> =
            near.iter().map(|near| format!("the column \"{relation}.{near}\"")).collect();
        let hint = (!named.is_empty())
            .then(|| format!("Perhaps you meant to reference {}.", named.join(" or ")));
        Self::sql("42703", format!("column {relation}.{column} does not exist")).hint(hint)
    }

    pub(crate) fn undefined_operator(left: &str, operator: &str) -> Self {
        let hint = "No operator matches the given name and argument types. You might need to add \
                    explicit type casts.";
        Self::sql("42883", format!("operator does not exist: {left} {operator} unknown"))
            .hint(Some(hint.to_owned()))
    }

    pub(crate) fn ambiguous_operator(left: &str, operator: &str) -> Self {
        let hint = "Could not choose a best candidate operator. You might need to add explicit \
                    type casts.";
        Self::sql("42725", format!("operator is not unique: {left} {operator} unknown"))
            .hint(Some(hint.to_owned()))
    }

    /// A type of which there are no arrays.
    pub(crate) fn no_array_type(name: &str) -> Self {
        Self::sql("42704", format!("could not find array type for data type {name}"))
    }

    /// A type whose values have no order.
    pub(crate) fn no_order(name: &str) -> Self {
        let hint = "Use an explicit ordering operator or modify the query.";
        let message = format!("could not identify an ordering operator for type {name}");
        Self::sql("42883", message).hint(Some(hint.to_owned()))
    }

    pub(crate) fn no_conflict_target() -> Self {
        let message =
            "there is no unique or exclusion constraint matching the ON CONFLICT specification";
        Self::sql("42P10", message)
    }

    /// A statement that exceeds a limit.
    pub(crate) fn too_complex() -> Self {
        let hint = "Ask for less at a time: fewer conditions, columns or relations.";
        Self::sql("54001", "stack depth limit exceeded").hint(Some(hint.to_owned()))
    }

    /// Lists of columns, and orders.
    pub(crate) fn too_many_columns(most: usize) -> Self {
        Self::sql("54011", format!("target lists can have at most {most} entries"))
    }

    /// JSON or CSV that would take too much memory.
    pub(crate) fn too_many_values(most: usize) -> Self {
        Self::sql("54000", format!("number of values exceeds the maximum allowed ({most})"))
    }

    /// Rows that would take too much memory.
    pub(crate) fn too_large() -> Self {
        let hint = "Ask for fewer rows or columns at a time.";
        Self::sql("54000", "the answer would be larger than 64 MiB").hint(Some(hint.to_owned()))
    }
}
