//! One transaction for each request, and no longer than PostgreSQL would let it run.

use std::time::Duration;

use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::error::RestError;
use crate::local_supabase::db::Database;

/// Supabase's statement timeout for signed-in users.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(8);

/// Runs `work`, all of whose statements see the same state.
pub(super) async fn read<T, F>(db: &Database, work: F) -> Result<T, RestError>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, RestError> + Send + 'static,
{
    db.read(|connection| {
        let snapshot = connection.unchecked_transaction()?;
        within(STATEMENT_TIMEOUT, &snapshot, work)
    })
    .await
}

/// Runs `work`; what it has written stays only if it succeeds.
pub(super) async fn write<T, F>(db: &Database, work: F) -> Result<T, RestError>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, RestError> + Send + 'static,
{
    db.write(|transaction| within(STATEMENT_TIMEOUT, transaction, work)).await
}

/// Interrupts the connection once `limit` has passed.
pub(super) fn within<T>(
    limit: Duration,
    connection: &Connection,
    work: impl FnOnce(&Connection) -> T,
) -> T {
    let interrupt = connection.get_interrupt_handle();
    let _timer = AbortOnDropHandle::new(Handle::current().spawn(async move {
        tokio::time::sleep(limit).await;
        interrupt.interrupt();
    }));
    work(connection)
}
