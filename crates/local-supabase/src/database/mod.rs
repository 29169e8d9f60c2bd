//! The SQLite database: one writer and a few readers, on blocking threads.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::limits::Limit;
use rusqlite::{Connection, Transaction};
use tokio::sync::{Semaphore, oneshot};

use self::blocking::run_blocking;
use self::caller::Caller;
use self::group_commit::Job;
use self::health::{HealthCache, ProbeError, probe_disk};
use self::limits::{CancelOnDrop, Shared, Work};
use self::queue::{MAX_WAIT, Queue};
use self::reader_pool::{POOL_SIZE, ReaderPool};

pub(super) mod blocking;
pub(super) mod caller;
mod group_commit;
mod health;
pub(super) mod limits;
mod queue;
mod reader_pool;
mod recent_use;

/// The longest text and the largest row.
const MAX_LENGTH: i32 = 128 << 20;
/// The memory of SQLite in the whole process: beyond the first, caches shrink; beyond the second,
/// statements fail.
const SOFT_HEAP_LIMIT: i64 = 128 << 20;
const HARD_HEAP_LIMIT: i64 = 512 << 20;

/// A handle to the database. Clones share its connections.
#[derive(Clone)]
pub struct Database {
    writer: Arc<Mutex<Connection>>,
    free_writer: Arc<Semaphore>,
    writes: Queue<Job>,
    readers: ReaderPool,
    shared: Arc<Shared>,
    health: Arc<HealthCache>,
    version: u32,
    path: Arc<Path>,
}

impl Database {
    /// Opens the file. `prepare` runs on every connection (to register functions), `migrate` once on the
    /// one that writes.
    pub fn open<T, E: From<rusqlite::Error>>(
        path: &Path,
        prepare: impl Fn(&Connection) -> rusqlite::Result<()>,
        migrate: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<(Self, T), E> {
        let mut writer = connect(path)?;
        writer.pragma_update(None, "journal_mode", "wal")?;
        prepare(&writer)?;
        let migrated = migrate(&mut writer)?;
        let readers = (0..POOL_SIZE)
            .map(|_| {
                let reader = connect(path)?;
                prepare(&reader)?;
                reader.pragma_update(None, "query_only", true)?;
                Ok(reader)
            })
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let version = version(&writer)?;
        let database = Self {
            writer: Arc::new(Mutex::new(writer)),
            free_writer: Arc::new(Semaphore::new(1)),
            writes: Queue::default(),
            readers: ReaderPool::new(readers),
            shared: Arc::default(),
            health: Arc::default(),
            version,
            path: path.into(),
        };
        Ok((database, migrated))
    }

    /// Opens another connection, which is not part of the pool.
    pub fn connect(&self) -> rusqlite::Result<Connection> {
        connect(&self.path)
    }

    /// Runs `work` on a connection that cannot write. It is interrupted when its future is dropped.
    pub async fn read<T, E, F>(&self, caller: impl Into<Caller>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let reader = self.readers.acquire(caller.into()).await?;
        let cancel = CancelOnDrop::default();
        let waiting = self.readers.queue.len.clone();
        let limits = Work::start(self.shared.clone(), waiting, cancel.0.clone(), false);
        run_blocking(move || {
            limits.run(|| {
                limits::check()?;
                work(reader.connection())
            })
        })
        .await
    }

    /// Runs `work` in a transaction that begins with `BEGIN IMMEDIATE` and is rolled back unless `work`
    /// returns `Ok`. Writes that wait at the same time share one commit.
    pub async fn write<T, E, F>(&self, caller: impl Into<Caller>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.submit(caller.into(), false, work).await
    }

    /// The same in a transaction that is not shared, for work with statements that may run for long.
    pub async fn write_exclusive<T, E, F>(&self, caller: impl Into<Caller>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.submit(caller.into(), true, work).await
    }

    async fn submit<T, E, F>(&self, caller: Caller, exclusive: bool, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        let cancel = CancelOnDrop::default();
        let (shared, waiting, is_cancelled) =
            (self.shared.clone(), self.writes.len.clone(), cancel.0.clone());
        let start = move || Work::start(shared, waiting, is_cancelled, true);
        let ticket = self.writes.push(caller, Job::new(exclusive, start, work, reply))?;
        let max_wait = tokio::time::sleep(MAX_WAIT);
        tokio::pin!(max_wait);
        let mut may_time_out = true;
        loop {
            tokio::select! {
                biased;
                // The task that holds the writer also does the writes of others.
                done = &mut answer => return group_commit::result(done),
                permit = self.free_writer.clone().acquire_owned() => {
                    let (queue, writer) = (self.writes.clone(), self.writer.clone());
                    let shared = self.shared.clone();
                    run_blocking(move || {
                        let _permit = permit;
                        shared.writing(|| group_commit::commit(&mut lock(&writer), &queue));
                    })
                    .await;
                }
                () = &mut max_wait, if may_time_out => {
                    if ticket.cancel() {
                        return Err(limits::busy().into());
                    }
                    may_time_out = false;
                }
            }
        }
    }

    /// Interrupts all current and future work.
    pub fn interrupt_all(&self) {
        self.shared.closing.store(true, Ordering::Relaxed);
    }

    /// Whether the database can be read and written.
    pub async fn is_healthy(&self) -> bool {
        self.health.check(self.probe(), || self.shared.is_writing()).await
    }

    async fn probe(&self) -> Result<(), ProbeError> {
        let count = |connection: &Connection| {
            connection.query_row("select count(*) from sqlite_schema", [], |_| Ok(()))
        };
        self.read::<_, rusqlite::Error, _>(Caller::Probe, count).await?;
        // The value does not change, but the page that holds it is still written.
        let version = self.version;
        let touch = move |transaction: &Transaction<'_>| {
            transaction.pragma_update(None, "user_version", version)
        };
        self.write::<_, rusqlite::Error, _>(Caller::Probe, touch).await?;
        Ok(probe_disk(self.path.with_extension("probe")).await?)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    limits::install_progress_handler(&mut connection)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_LENGTH)?;
    connection.query_row(&format!("pragma soft_heap_limit = {SOFT_HEAP_LIMIT}"), [], |_| Ok(()))?;
    connection.query_row(&format!("pragma hard_heap_limit = {HARD_HEAP_LIMIT}"), [], |_| Ok(()))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The format version of a database.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("pragma user_version", [], |row| row.get(0))
}

/// A panic inside `work` rolls its transaction back, so the connection behind a poisoned lock is fit
/// for use.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
