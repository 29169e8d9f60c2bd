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
        _ => StatusCode::BAD_REQUEST,
    }
}

impl RestError {
    /// An error of PostgreSQL.
    pub fn sql(state: &'static str, message: impl Into<String>) -> Self {
        Self::new(status(state), state, message)
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

    pub(crate) fn invalid_timestamp(value: &str) -> Self {
        let message =
            format!("invalid input syntax for type timestamp with time zone: \"{value}\"");
        Self::sql("22007", message)
    }

    pub(crate) fn timestamp_out_of_range(value: &str) -> Self {
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

    pub(crate) fn not_null(table: &str, column: &str) -> Self {
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

    pub(crate) fn unique(constraint: &str) -> Self {
        let message = format!("duplicate key value violates unique constraint \"{constraint}\"");
        Self::sql("23505", message)
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

    pub(crate) fn row_security(table: &str) -> Self {
        let message = format!("new row violates row-level security policy for table \"{table}\"");
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
