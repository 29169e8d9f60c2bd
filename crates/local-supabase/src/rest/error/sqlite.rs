//! Other errors of SQLite, whose messages are only logged.

use rusqlite::{Error, ErrorCode};

use super::{RestError, THROUGH_SQLITE};

impl From<Error> for RestError {
    fn from(error: Error) -> Self {
        if let Some(refusal) = refused_by_function(&error) {
            return refusal;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => {
                return Self::sql("57014", "canceling statement due to statement timeout");
            }
            Some(ErrorCode::TooBig) => return Self::too_large(),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                return Self::no_connection();
            }
            _ if is_too_complex(&error) => return Self::too_complex(),
            _ => {}
        }
        tracing::error!(%error, "the local database failed");
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::sql("53100", "could not extend file"),
            Some(ErrorCode::OutOfMemory) => Self::sql("53200", "out of memory"),
            _ => Self::sql("XX000", "internal error"),
        }
    }
}

/// What a function of ours refuses is an error of PostgreSQL already.
fn refused_by_function(error: &Error) -> Option<RestError> {
    let Error::SqliteFailure(_, Some(message)) = error else { return None };
    let (state, message) = message.strip_prefix(THROUGH_SQLITE)?.split_once(':')?;
    Some(RestError::from_state(state.to_owned(), message))
}

/// Whether a statement has more parts than SQLite takes.
fn is_too_complex(error: &Error) -> bool {
    let message = match error {
        Error::SqlInputError { msg, .. } => msg,
        Error::SqliteFailure(_, Some(message)) => message,
        _ => return false,
    };
    let limits = ["too many ", "Expression tree is too large", "at most ", "parser stack overflow"];
    limits.iter().any(|limit| message.starts_with(limit))
}
