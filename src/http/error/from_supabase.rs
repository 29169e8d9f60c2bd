//! API errors for failures of Supabase.

use std::borrow::Borrow;
use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;

use super::ApiError;
use crate::json;
use crate::supabase::{Query, SupabaseError, SupabaseErrorKind};

/// The `Retry-After` of errors for which Supabase gives none.
const RETRY_AFTER: Duration = Duration::from_secs(2);
const MIGRATION_RETRY_AFTER: Duration = Duration::from_secs(30);

/// The code for a token that was verified here but that Supabase refuses.
pub const TOKEN_REFUSED: &str = "token_refused";

/// For the log: the usual reason for a table or function that PostgREST does not know.
const MIGRATIONS: &str = "the migrations seem to be missing: apply supabase/migrations (`supabase \
                          db push`) and let PostgREST see them (`notify pgrst, 'reload schema'`); \
                          `chat-backend check` tells what is missing";

impl From<SupabaseError> for ApiError {
    fn from(error: SupabaseError) -> Self {
        let cause = match error.kind {
            SupabaseErrorKind::SchemaMismatch => format!("{error}; {MIGRATIONS}"),
            _ => error.to_string(),
        };
        from_supabase(&error).caused_by(cause)
    }
}

/// Whether the database is read-only or its disk full. Supabase makes it read-only before that.
fn takes_no_writes(error: &SupabaseError) -> bool {
    matches!(error.code.as_deref(), Some("53100" | "25006"))
}

impl ApiError {
    /// 502: a row does not match the schema. `thing` is `chat`, `message`, `file`…
    pub fn unreadable(thing: &str, error: impl Borrow<serde_json::Error>) -> Self {
        SupabaseError::unreadable(format!("unreadable {thing}: {}", json::cause(error.borrow())))
            .into()
    }
}

impl ApiError {
    /// The error of a query for one row: 404 if there was none.
    pub fn from_one(error: SupabaseError, thing: &str) -> Self {
        match error.kind {
            SupabaseErrorKind::NotOneRow => Self::not_found(thing),
            _ => error.into(),
        }
    }
}

/// The one row of a query; 404 if there is none.
pub async fn one_or_not_found(query: Query<'_>, thing: &str) -> Result<Bytes, ApiError> {
    query.one().await.map_err(|error| ApiError::from_one(error, thing))
}

/// Deletes the rows of a query; 404 if there are none.
pub async fn delete_or_not_found(query: Query<'_>, thing: &str) -> Result<(), ApiError> {
    let deleted = query.delete().select("id").rows().await?;
    if deleted.is_empty() { Err(ApiError::not_found(thing)) } else { Ok(()) }
}

fn from_supabase(error: &SupabaseError) -> ApiError {
    use SupabaseErrorKind as Kind;
    let retry_after = error.retry_after.unwrap_or(RETRY_AFTER);
    match error.kind {
        Kind::NotOneRow | Kind::Forbidden => {
            ApiError::new(StatusCode::NOT_FOUND, "not_found", "There is nothing with this id.")
        }
        Kind::Duplicate => ApiError::id_conflict(),
        Kind::ForeignKey => from_foreign_key(error),
        Kind::InvalidValue => invalid_value(error),
        Kind::TooLarge => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "file_too_large",
            "The file is larger than the storage takes.",
        ),
        Kind::TokenExpired => {
            ApiError::unauthorized("token_expired", "Your session has expired. Sign in again.")
        }
        Kind::UserNotFound => user_not_found(),
        // The clocks of Supabase's services differ. A 401 would sign the user out.
        Kind::TokenTooEarly => ApiError::unavailable(
            "token_not_yet_valid",
            "The database does not accept this session yet. Please try again in a moment.",
            RETRY_AFTER,
        ),
        Kind::SchemaMismatch => ApiError::unavailable(
            "schema_mismatch",
            "The database is not set up for this server yet. The operator has to apply the \
             migrations.",
            MIGRATION_RETRY_AFTER,
        ),
        Kind::Timeout => ApiError::new(
            StatusCode::GATEWAY_TIMEOUT,
            "supabase_timeout",
            "The database took too long. Please try again.",
        ),
        Kind::Unreachable => ApiError::unavailable(
            "supabase_unreachable",
            "The database cannot be reached at the moment. Please try again.",
            retry_after,
        ),
        Kind::Overloaded if takes_no_writes(error) => ApiError::unavailable(
            "supabase_overloaded",
            "The database stores nothing at the moment, because its disk is full or it is \
             read-only. The operator has to make room.",
            MIGRATION_RETRY_AFTER,
        ),
        Kind::Overloaded | Kind::Contention => ApiError::unavailable(
            "supabase_overloaded",
            "The database is busy at the moment. Please try again.",
            retry_after,
        ),
        Kind::NoMemory(full) => full.into(),
        Kind::TokenRefused => ApiError::new(
            StatusCode::BAD_GATEWAY,
            TOKEN_REFUSED,
            "The database did not accept this session. Please try again; if it goes on, report the \
             request id.",
        ),
        Kind::AnswerTooLarge => ApiError::new(
            StatusCode::BAD_GATEWAY,
            "supabase_answer_too_large",
            "The database's answer is larger than this server reads at once. Ask for less.",
        ),
        Kind::Refused | Kind::NoSuchRoute => ApiError::new(
            StatusCode::BAD_GATEWAY,
            "supabase_refused",
            "The database did not accept the request. If it goes on, report the request id.",
        ),
        Kind::Protocol => ApiError::new(
            StatusCode::BAD_GATEWAY,
            "supabase_refused",
            "The database answered something unreadable. If it goes on, report the request id.",
        ),
    }
}

fn user_not_found() -> ApiError {
    ApiError::unauthorized("user_not_found", "This account no longer exists. Sign in again.")
}

/// Constraints are named `<table>_<what>_fkey`, except for one named by PostgreSQL.
fn from_foreign_key(error: &SupabaseError) -> ApiError {
    match quoted(&error.message).find(|name| name.ends_with("_fkey")) {
        Some("token_reservations_user_id_fkey") => user_not_found(),
        Some(name) if name.ends_with("_user_fkey") => user_not_found(),
        // The database chooses the parent of a message, so the chat has just been deleted.
        Some(name) if name.ends_with("_chat_fkey") || name.ends_with("_parent_fkey") => {
            ApiError::not_found("chat")
        }
        _ => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation_failed",
            "The request refers to something that does not exist.",
        ),
    }
}

fn invalid_value(error: &SupabaseError) -> ApiError {
    match refused_column(error) {
        Some(column) => {
            ApiError::invalid(format!("/{column}"), "is too long or not of the right form")
        }
        None => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation_failed",
            "The database refused a value as too long or of the wrong form.",
        ),
    }
}

/// The column whose check or `not null` constraint was violated; the checks of one column are named
/// `<table>_<column>_check`.
fn refused_column(error: &SupabaseError) -> Option<String> {
    let mut names = quoted(&error.message);
    match error.code.as_deref()? {
        "23502" => names.next().map(str::to_owned),
        "23514" => {
            let (table, constraint) = (names.next()?, names.next()?);
            let column = constraint.strip_prefix(table)?.strip_prefix('_')?;
            column.strip_suffix("_check").map(str::to_owned)
        }
        _ => None,
    }
}

/// The quoted words of a message.
fn quoted(message: &str) -> impl Iterator<Item = &str> {
    message.split('"').skip(1).step_by(2)
}
