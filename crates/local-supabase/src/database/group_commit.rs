//! Writes that share a commit: each in a savepoint of its own, all of them durable at once.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, Transaction, TransactionBehavior, ffi};
use tokio::sync::oneshot;

use super::limits::{Work, busy, check};
use super::queue::Queue;

/// How long a transaction takes up further writes.
const MAX_SHARED: Duration = Duration::from_millis(100);

/// A write that waits.
pub(super) struct Job {
    /// Whether it has statements that may run for long. SQLite answers the interruption of one by
    /// taking back the transaction, with everything that others have written.
    pub exclusive: bool,
    run: Box<dyn FnOnce(&Transaction<'_>) -> Reply + Send>,
}

/// Tells a caller, once it is known whether the commit has succeeded.
type Reply = Box<dyn FnOnce(&Result<(), Error>) + Send>;

/// What a write has come to, or its panic.
pub(super) type Done<T, E> = Result<Result<T, E>, Box<dyn Any + Send>>;

impl Job {
    /// A write whose caller may have gone away by the time it is its turn; then nothing is done.
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

/// Runs `work`; what it has written is taken back unless it returns `Ok`.
fn in_savepoint<T, E: From<Error>>(
    transaction: &Transaction<'_>,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    /// Also after a panic.
    struct Rollback<'a>(&'a Transaction<'a>);
    impl Drop for Rollback<'_> {
        fn drop(&mut self) {
            // It fails only after SQLite itself has taken back everything.
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

/// Does the writes whose turn it is, then commits them together.
pub(super) fn commit(connection: &mut Connection, queue: &Queue<Job>) {
    let Some(first) = queue.pop_first(|_| true) else { return };
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    // A job that is dropped says that the database is busy.
    let Ok(transaction) = begun else { return };
    let started = Instant::now();
    let mut replies = Vec::new();
    let mut next = Some(first);
    while let Some(job) = next.take() {
        replies.push((job.run)(&transaction));
        if job.exclusive || transaction.is_autocommit() || started.elapsed() > MAX_SHARED {
            break;
        }
        next = queue.pop_first(|job| !job.exclusive);
    }
    // SQLite has taken everything back where a write was interrupted in a statement.
    let committed = if transaction.is_autocommit() { Err(busy()) } else { transaction.commit() };
    replies.into_iter().for_each(|reply| reply(&committed));
}

/// The result of a write; its panic goes on in the caller.
pub(super) fn result<T, E: From<Error>>(
    done: Result<Done<T, E>, oneshot::error::RecvError>,
) -> Result<T, E> {
    match done {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => resume_unwind(panic),
        // The transaction could not be begun.
        Err(_) => Err(busy().into()),
    }
}

/// The same error once more, for each write of a commit that has failed.
fn copy_error(error: &Error) -> Error {
    let code = error.sqlite_error().copied().unwrap_or(ffi::Error::new(ffi::SQLITE_IOERR));
    Error::SqliteFailure(code, Some(error.to_string()))
}
