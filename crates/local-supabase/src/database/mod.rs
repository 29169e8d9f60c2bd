//! The SQLite database of the local Supabase: one writer, a few readers, off the async threads.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::limits::Limit;
use rusqlite::{Connection, Transaction};
use tokio::sync::{Semaphore, oneshot};

use self::group_commit::Job;
use self::queue::Queue;
use self::readers::{READERS, Readers};
use self::work::{Gone, Shared, Work};
use super::role::Role;

mod health;
mod queue;
mod readers;
pub(super) mod work;
mod group_commit;

/// How long a request waits for its turn, as PostgREST's do for a connection of its pool.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// The longest text and the largest row.
const MAX_LENGTH: i32 = 128 << 20;
/// The longest answer, and what SQLite makes of one row.
pub(super) const MAX_ANSWER: usize = 64 << 20;
/// The memory of SQLite in the whole process: beyond the first, caches shrink; beyond the second,
/// statements fail.
const SOFT_HEAP_LIMIT: i64 = 128 << 20;
const HARD_HEAP_LIMIT: i64 = 512 << 20;

/// On whose behalf work is done. Callers take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who signs in.
    Auth,
    /// Whoever asks whether all is well.
    Probe,
    /// A user, the service role, or all who are not signed in together.
    Role(Role),
}

impl Caller {
    /// Whether there is always a reader left for it.
    fn is_privileged(self) -> bool {
        !matches!(self, Self::Role(_))
    }
}

impl From<Role> for Caller {
    fn from(role: Role) -> Self {
        Self::Role(role)
    }
}

/// A handle that all requests share.
#[derive(Clone)]
pub struct Database {
    writer: Arc<Mutex<Connection>>,
    free_writer: Arc<Semaphore>,
    writes: Queue<Job>,
    readers: Readers,
    shared: Arc<Shared>,
    health: Arc<health::Health>,
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
        let readers = (0..READERS)
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
            readers: Readers::new(readers),
            shared: Arc::default(),
            health: Arc::new(health::Health::beside(path, version)),
            path: path.into(),
        };
        Ok((database, migrated))
    }

    /// One more connection, for whoever is not a request.
    pub fn connect(&self) -> rusqlite::Result<Connection> {
        connect(&self.path)
    }

    /// Runs `work` on a connection that cannot write. It ends when its caller does.
    pub async fn read<T, E, F>(&self, caller: impl Into<Caller>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    {
        let reader = self.readers.lend(caller.into()).await?;
        let gone = Gone::default();
        let waiting = self.readers.queue.len.clone();
        let limits = Work::start(self.shared.clone(), waiting, gone.0.clone(), false);
        blocking(move || {
            limits.run(|| {
                work::check()?;
                work(reader.connection())
            })
        })
        .await
    }

    /// Runs `work` in a transaction that begins with `BEGIN IMMEDIATE`; what it has written is kept
    /// when it returns `Ok`. Writes that wait at the same time share one commit.
    pub async fn write<T, E, F>(&self, caller: impl Into<Caller>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.submit(caller.into(), false, work).await
    }

    /// The same in a transaction of its own, for work with statements that may run for long.
    pub async fn write_alone<T, E, F>(&self, caller: impl Into<Caller>, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        self.submit(caller.into(), true, work).await
    }

    async fn submit<T, E, F>(&self, caller: Caller, alone: bool, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (reply, mut answer) = oneshot::channel();
        let gone = Gone::default();
        let (shared, waiting, has_gone) =
            (self.shared.clone(), self.writes.len.clone(), gone.0.clone());
        let start = move || Work::start(shared, waiting, has_gone, true);
        let place = self.writes.push(caller, Job::new(alone, start, work, reply))?;
        let patience = tokio::time::sleep(MAX_WAIT);
        tokio::pin!(patience);
        let mut is_patient = true;
        loop {
            tokio::select! {
                biased;
                // Whoever has the writer does the writes of others as well.
                done = &mut answer => return group_commit::result(done),
                permit = self.free_writer.clone().acquire_owned() => {
                    let (queue, writer) = (self.writes.clone(), self.writer.clone());
                    let shared = self.shared.clone();
                    blocking(move || {
                        let _permit = permit;
                        shared.writing(|| group_commit::commit(&mut lock(&writer), &queue));
                    })
                    .await;
                }
                () = &mut patience, if is_patient => {
                    if place.leave() {
                        return Err(work::busy().into());
                    }
                    is_patient = false;
                }
            }
        }
    }

    /// Ends all work, that in progress and that to come.
    pub fn interrupt_all(&self) {
        self.shared.closing.store(true, Ordering::Relaxed);
    }

    /// Whether the database can be read and written just now.
    pub async fn is_well(&self) -> bool {
        self.health.of(self).await
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let mut connection = Connection::open(path)?;
    work::watch(&mut connection)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_LENGTH)?;
    connection.query_row(&format!("pragma soft_heap_limit = {SOFT_HEAP_LIMIT}"), [], |_| Ok(()))?;
    connection.query_row(&format!("pragma hard_heap_limit = {HARD_HEAP_LIMIT}"), [], |_| Ok(()))?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Which format a database has.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("pragma user_version", [], |row| row.get(0))
}

/// A panic inside `work` rolls its transaction back, so the connection behind a poisoned lock is fit
/// for use.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` where it may take its time.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests;
