//! Group commit: several writes, each in a savepoint of its own, share one transaction.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, Transaction, TransactionBehavior, ffi};
use tokio::sync::oneshot;

use super::limits::{Work, busy, check};
use super::queue::Queue;

/// How long a transaction accepts further writes.
const MAX_SHARED: Duration = Duration::from_millis(100);

/// A waiting write.
pub(super) struct Job {
    /// Whether it needs a transaction of its own, because its statements may run for long. SQLite rolls
    /// back the whole transaction when one is interrupted, including the writes of others.
    pub exclusive: bool,
    run: Box<dyn FnOnce(&Transaction<'_>) -> Reply + Send>,
}

/// Sends its result to a caller, given whether the commit succeeded.
type Reply = Box<dyn FnOnce(&Result<(), Error>) + Send>;

/// The result of a write, or its panic.
pub(super) type Done<T, E> = Result<Result<T, E>, Box<dyn Any + Send>>;

impl Job {
    /// A write. It is skipped if its caller has gone away before its turn.
    pub fn new<T, E, F>(
        exclusive: bool,
        start: impl FnOnce() -> Work + Send + 'static,
        work: F,
        reply: oneshot::Sender<Done<T, E>>,
    ) -> Self
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let run = move |transaction: &Transaction<'_>| -> Reply {
            if reply.is_closed() {
                return Box::new(|_| ());
            }
            let work = || start().run(|| in_savepoint(transaction, work));
            let done = catch_unwind(AssertUnwindSafe(work));
            Box::new(move |committed| {
                let done = match (done, committed) {
                    (Ok(Ok(_)), Err(error)) => Ok(Err(copy_error(error).into())),
                    (done, _) => done,
                };
                // The caller may have gone away.
                let _ = reply.send(done);
            })
        };
        Self { exclusive, run: Box::new(run) }
    }
}

/// Runs `work`, whose changes are rolled back unless it returns `Ok`.
fn in_savepoint<T, E: From<Error>>(
    transaction: &Transaction<'_>,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    /// Also after a panic.
    struct Rollback<'a>(&'a Transaction<'a>);
    impl Drop for Rollback<'_> {
        fn drop(&mut self) {
            // It fails only after SQLite has rolled back the transaction.
            let _ = self.0.execute_batch("rollback to one_write; release one_write");
        }
    }
    check()?;
    transaction.execute_batch("savepoint one_write")?;
    let rollback = Rollback(transaction);
    let written = work(transaction)?;
    std::mem::forget(rollback);
    transaction.execute_batch("release one_write")?;
    Ok(written)
}

/// Runs the writes that wait and commits them together.
pub(super) fn commit(connection: &mut Connection, queue: &Queue<Job>) {
    let Some(first) = queue.pop_first(|_| true) else { return };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    // A dropped job reports that the database is busy.
    let Ok(transaction) = transaction else { return };
    let started = Instant::now();
    let mut replies = Vec::new();
    let mut next = Some(first);
    while let Some((caller, job)) = next.take() {
        let job_started = Instant::now();
        replies.push((job.run)(&transaction));
        queue.recent_use.add(caller, job_started.elapsed());
        if job.exclusive || transaction.is_autocommit() || started.elapsed() > MAX_SHARED {
            break;
        }
        next = queue.pop_first(|job| !job.exclusive);
    }
    // SQLite has rolled back the transaction if a write was interrupted.
    let committed = if transaction.is_autocommit() { Err(busy()) } else { transaction.commit() };
    replies.into_iter().for_each(|reply| reply(&committed));
}

/// The result of a write. A panic is propagated to the caller.
pub(super) fn result<T, E: From<Error>>(
    done: Result<Done<T, E>, oneshot::error::RecvError>,
) -> Result<T, E> {
    match done {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => resume_unwind(panic),
        // The transaction could not be started.
        Err(_) => Err(busy().into()),
    }
}

/// A copy of the error, for each write of a commit that has failed.
fn copy_error(error: &Error) -> Error {
    let code = error.sqlite_error().copied().unwrap_or(ffi::Error::new(ffi::SQLITE_IOERR));
    Error::SqliteFailure(code, Some(error.to_string()))
}
