//! One transaction for each request.

use rusqlite::Connection;

use super::error::RestError;
use super::session::Session;
use crate::database::Database;
use crate::database::blocking::run_blocking;

/// A longer body takes longer to read than an async thread has.
const MAX_SHORT: usize = 64 << 10;

/// Reads a body before anybody waits for the transaction.
pub(super) async fn read_body<T: Send + 'static>(
    bytes: usize,
    read: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes > MAX_SHORT { run_blocking(read).await } else { read() }
}

/// Runs `work`, all of whose statements see the same state.
pub(super) async fn read<T, F>(db: &Database, session: Session, work: F) -> Result<T, RestError>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, RestError> + Send + 'static,
{
    db.read(session.role, |connection| {
        let snapshot = connection.unchecked_transaction()?;
        work(&snapshot)
    })
    .await
}

/// Runs `work`, which changes few rows at a time; what it has written stays only if it succeeds.
pub(super) async fn write<T, F>(db: &Database, session: Session, work: F) -> Result<T, RestError>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, RestError> + Send + 'static,
{
    db.write(session.role, |transaction| work(transaction)).await
}

/// The same for work that may change any number of rows in one statement.
pub(super) async fn write_many<T, F>(
    db: &Database,
    session: Session,
    work: F,
) -> Result<T, RestError>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, RestError> + Send + 'static,
{
    db.write_exclusive(session.role, |transaction| work(transaction)).await
}
