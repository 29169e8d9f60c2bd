//! The SQLite database of the local Supabase: one writer, a few readers, off the async threads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

mod writes;

/// The schema, in the order it grew. Each file is applied once; `user_version` counts them.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001_auth.sql"),
    include_str!("schema/0002_chats.sql"),
    include_str!("schema/0003_analytics.sql"),
    include_str!("schema/0004_files.sql"),
    include_str!("schema/0005_scripts.sql"),
];

/// The version of a database that has every migration.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

const READERS: usize = 4;

/// A handle that all requests share.
#[derive(Clone)]
pub struct Database {
    writer: Arc<Mutex<Connection>>,
    free_writer: Arc<Semaphore>,
    /// Writes that wait for the writer.
    queue: Arc<Mutex<Vec<writes::Job>>>,
    readers: Arc<Mutex<Vec<Connection>>>,
    free_readers: Arc<Semaphore>,
}

impl Database {
    /// Opens the file, creating or upgrading its schema. `prepare` runs on every connection (to
    /// register functions).
    pub fn open(
        path: &Path,
        prepare: impl Fn(&Connection) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<Self> {
        let mut writer = connect(path, OpenFlags::default())?;
        writer.pragma_update(None, "journal_mode", "wal")?;
        prepare(&writer)?;
        migrate(&mut writer)?;
        let readers = (0..READERS)
            .map(|_| {
                let reader = connect(path, OpenFlags::default())?;
                prepare(&reader)?;
                reader.pragma_update(None, "query_only", true)?;
                Ok(reader)
            })
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            free_writer: Arc::new(Semaphore::new(1)),
            queue: Arc::default(),
            readers: Arc::new(Mutex::new(readers)),
            free_readers: Arc::new(Semaphore::new(READERS)),
        })
    }

    /// Runs `work` on a connection that cannot write.
    pub async fn read<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> T + Send + 'static,
    {
        let permit = self.free_readers.clone().acquire_owned().await.expect("never closed");
        let readers = self.readers.clone();
        blocking(move || {
            let reader = lock(&readers).pop().expect("one reader for each permit");
            let reader = Borrowed { reader: Some(reader), home: readers, _permit: permit };
            work(reader.reader.as_ref().expect("held until dropped"))
        })
        .await
    }

    /// Runs `work` in a transaction that begins with `BEGIN IMMEDIATE`; what it has written is kept
    /// when it returns `Ok`. Writes that wait at the same time share one commit.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        lock(&self.queue).push(writes::job(work, reply));
        tokio::select! {
            biased;
            // Somebody who came before has done it already.
            done = &mut answer => return writes::result(done),
            permit = self.free_writer.clone().acquire_owned() => {
                let queue = std::mem::take(&mut *lock(&self.queue));
                let writer = self.writer.clone();
                blocking(move || {
                    let _permit = permit;
                    writes::commit(&mut lock(&writer), queue);
                })
                .await;
            }
        }
        writes::result(answer.await)
    }
}

/// A reader on loan, given back even when the work panics.
struct Borrowed {
    reader: Option<Connection>,
    home: Arc<Mutex<Vec<Connection>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        lock(&self.home).extend(self.reader.take());
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// How many migrations a database has.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("pragma user_version", [], |row| row.get(0))
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let applied = version(&transaction)?;
    for (version, migration) in (1u32..).zip(MIGRATIONS) {
        if version > applied {
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", version)?;
        }
    }
    transaction.commit()
}

/// A panic inside `work` rolls its transaction back, so the connection behind a poisoned lock is fit
/// for use.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests;
