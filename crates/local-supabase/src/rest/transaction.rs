//! One transaction for each request.

use rusqlite::Connection;

use super::error::RestError;
use super::session::Session;
use crate::database::Database;
use crate::database::blocking::run_blocking;

/// Longer bodies are parsed on a blocking thread.
const MAX_SHORT: usize = 64 << 10;

/// Parses a body before the transaction begins.
pub(super) async fn read_body<T: Send + 'static>(
    bytes: usize,
    read: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes > MAX_SHORT { run_blocking(read).await } else { read() }
}

/// Runs `work`, whose statements all see the same snapshot.
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

/// Runs `work`, which changes few rows in each statement and is rolled back if it fails.
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
