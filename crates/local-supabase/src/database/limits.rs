//! What ends a piece of work before it is done: its time, its caller's hanging up, the size of what
//! it makes, and the end of the server.
//!
//! SQLite interrupts only between its own steps. Whatever of ours runs within one of them, and may
//! run for long, calls `check` or uses a `StepCounter`.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, Result, ffi};

/// The longest answer, and the longest text that SQLite makes of one row.
pub(crate) const MAX_ANSWER: usize = 64 << 20;
/// Supabase's statement timeout for signed-in users.
const MAX_TIME: Duration = Duration::from_secs(8);
/// The same while somebody waits for the connection.
const MAX_TIME_WHILE_OTHERS_WAIT: Duration = Duration::from_secs(2);
/// How many bytes one request may have SQLite make for its answer, those of inner rows once for each
/// level.
const MAX_OUTPUT: usize = 256 << 20;
/// The same for all requests that run at a time.
const MAX_TOTAL_OUTPUT: usize = 512 << 20;
/// How many of its steps SQLite takes between two looks at the clock.
const OPCODES_PER_CHECK: i32 = 1000;

/// What all work on a database shares.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Whether everything is to end.
    pub closing: AtomicBool,
    output: AtomicUsize,
    /// When the transaction began that is being written.
    writing_since: Mutex<Option<Instant>>,
}

impl Shared {
    /// Runs a transaction that writes.
    pub fn writing<T>(&self, work: impl FnOnce() -> T) -> T {
        let set = |since| {
            *self.writing_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
        };
        set(Some(Instant::now()));
        let done = work();
        set(None);
        done
    }

    /// Whether one is being written that has not taken longer than it may.
    pub fn is_writing(&self) -> bool {
        let since = *self.writing_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() < MAX_TIME + Duration::from_secs(2))
    }
}

/// A piece of work: what one request does in one transaction.
pub(super) struct Work {
    pub shared: Arc<Shared>,
    pub deadline: Instant,
    /// When it ends if somebody waits.
    pub deadline_while_others_wait: Instant,
    /// How many wait.
    pub waiting: Arc<AtomicUsize>,
    pub is_cancelled: Arc<AtomicBool>,
    /// SQLite answers the interruption of a statement that writes by taking back the whole
    /// transaction, so a caller that has gone does not cause one.
    pub is_write: bool,
    output: usize,
}

thread_local! {
    static CURRENT: RefCell<Option<Work>> = const { RefCell::new(None) };
}

impl Work {
    pub fn start(
        shared: Arc<Shared>,
        waiting: Arc<AtomicUsize>,
        is_cancelled: Arc<AtomicBool>,
        is_write: bool,
    ) -> Self {
        let now = Instant::now();
        Self {
            shared,
            deadline: now + MAX_TIME,
            deadline_while_others_wait: now + MAX_TIME_WHILE_OTHERS_WAIT,
            waiting,
            is_cancelled,
            is_write,
            output: 0,
        }
    }

    /// Runs `work` on this thread, where `check` looks after it.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        /// Also after a panic.
        struct End;
        impl Drop for End {
            fn drop(&mut self) {
                CURRENT.set(None);
            }
        }
        CURRENT.set(Some(self));
        let _end = End;
        work()
    }

    fn is_over(&self) -> bool {
        let now = Instant::now();
        self.shared.closing.load(Relaxed)
            || now >= self.deadline
            || now >= self.deadline_while_others_wait && self.waiting.load(Relaxed) > 0
    }

    fn count_output(&mut self, bytes: usize) -> Result<()> {
        self.output += bytes;
        let total = self.shared.output.fetch_add(bytes, Relaxed) + bytes;
        if self.output > MAX_OUTPUT {
            return Err(failure(ffi::SQLITE_TOOBIG));
        }
        if total > MAX_TOTAL_OUTPUT { Err(failure(ffi::SQLITE_BUSY)) } else { Ok(()) }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.shared.output.fetch_sub(self.output, Relaxed);
    }
}

/// Fails once the work of this thread has to end.
pub fn check() -> Result<()> {
    let over = |work: &Work| work.is_over() || work.is_cancelled.load(Relaxed);
    let is_over = CURRENT.with_borrow(|work| work.as_ref().is_some_and(over));
    if is_over { Err(failure(ffi::SQLITE_INTERRUPT)) } else { Ok(()) }
}

/// Counts bytes that SQLite produces for this thread's work, and fails once they are too many.
pub fn count_output(bytes: usize) -> Result<()> {
    CURRENT.with_borrow_mut(|work| work.as_mut().map_or(Ok(()), |work| work.count_output(bytes)))
}

/// Fails where a row or a list of rows is longer than an answer may be.
pub fn check_length(bytes: usize) -> Result<()> {
    if bytes > MAX_ANSWER { Err(failure(ffi::SQLITE_TOOBIG)) } else { Ok(()) }
}

/// Counts what a loop does and calls `check` from time to time.
#[derive(Default)]
pub struct StepCounter(usize);

impl StepCounter {
    /// Counts the handling of some bytes.
    pub fn count(&mut self, bytes: usize) -> Result<()> {
        self.0 += bytes + 16;
        if self.0 < 1 << 16 {
            return Ok(());
        }
        self.0 = 0;
        check()
    }
}

/// Has SQLite itself look whether the work has to end.
pub(super) fn install_progress_handler(connection: &mut Connection) -> Result<()> {
    let must_stop = || {
        let over =
            |work: &Work| work.is_over() || !work.is_write && work.is_cancelled.load(Relaxed);
        CURRENT.with_borrow(|work| work.as_ref().is_some_and(over))
    };
    connection.progress_handler(OPCODES_PER_CHECK, Some(must_stop))
}

/// Set when the caller's future is dropped.
#[derive(Default)]
pub(super) struct CancelOnDrop(pub Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Nobody can be served now.
pub(super) fn busy() -> Error {
    failure(ffi::SQLITE_BUSY)
}

fn failure(code: i32) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), None)
}
