//! Writes that share a commit: each in a savepoint of its own, all of them durable at once.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rusqlite::{Connection, Error, Transaction, TransactionBehavior, ffi};
use tokio::sync::oneshot;

/// A write that waits. It tells its caller once it knows whether the commit has succeeded.
pub(super) type Job = Box<dyn FnOnce(&Transaction<'_>) -> Tell + Send>;
type Tell = Box<dyn FnOnce(&Result<(), Error>) + Send>;

/// What a write has come to, or its panic.
pub(super) type Done<T, E> = Result<Result<T, E>, Box<dyn Any + Send>>;

/// A write whose caller may have gone away by the time it is its turn; then nothing is done.
pub(super) fn job<T, E, F>(work: F, reply: oneshot::Sender<Done<T, E>>) -> Job
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
{
    Box::new(move |transaction| {
        if reply.is_closed() {
            return Box::new(|_| ());
        }
        let done = catch_unwind(AssertUnwindSafe(|| in_savepoint(transaction, work)));
        Box::new(move |committed| {
            let done = match (done, committed) {
                (Ok(Ok(_)), Err(error)) => Ok(Err(again(error).into())),
                (done, _) => done,
            };
            // The caller may have gone away.
            let _ = reply.send(done);
        })
    })
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
    transaction.execute_batch("savepoint one_write")?;
    let rollback = Rollback(transaction);
    let written = work(transaction)?;
    std::mem::forget(rollback);
    transaction.execute_batch("release one_write")?;
    Ok(written)
}

/// Does the writes in their order, then commits them together.
pub(super) fn commit(connection: &mut Connection, jobs: Vec<Job>) {
    if jobs.is_empty() {
        return;
    }
    let mut tell = Vec::with_capacity(jobs.len());
    let committed = || -> Result<(), Error> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tell.extend(jobs.into_iter().map(|job| job(&transaction)));
        transaction.commit()
    }();
    tell.into_iter().for_each(|tell| tell(&committed));
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
fn again(error: &Error) -> Error {
    let code = error.sqlite_error().copied().unwrap_or(ffi::Error::new(ffi::SQLITE_IOERR));
    Error::SqliteFailure(code, Some(error.to_string()))
}

fn busy() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)
}
