//! The limits of a unit of work: its time, the size of its output, cancellation by its caller, and the
//! shutdown of the process.
//!
//! SQLite interrupts only between its own opcodes. A function of this crate that runs within one of
//! them, and may run for long, calls `check` or uses a `StepCounter`.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Error, Result, ffi};

/// Maximum size of a response, and of the text that SQLite produces for one row, in bytes.
pub(crate) const MAX_ANSWER: usize = 64 << 20;
/// Supabase's statement timeout for signed-in users.
const MAX_TIME: Duration = Duration::from_secs(8);
/// The same while others wait for the connection.
const MAX_TIME_WHILE_OTHERS_WAIT: Duration = Duration::from_secs(2);
/// Maximum number of bytes of output that one request may produce. Embedded rows count once for each
/// level.
const MAX_OUTPUT: usize = 256 << 20;
/// The same limit for all concurrent requests together.
const MAX_TOTAL_OUTPUT: usize = 512 << 20;
/// How many opcodes SQLite runs between two checks.
const OPCODES_PER_CHECK: i32 = 1000;

/// The state that all work on a database shares.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Whether all work must stop.
    pub closing: AtomicBool,
    output: AtomicUsize,
    /// The start of the current write transaction.
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

    /// Whether a write transaction is running that has not exceeded its time limit.
    pub fn is_writing(&self) -> bool {
        let since = *self.writing_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() < MAX_TIME + Duration::from_secs(2))
    }
}

/// A unit of work: what one request does in one transaction.
pub(super) struct Work {
    pub shared: Arc<Shared>,
    pub deadline: Instant,
    /// The deadline that applies while others wait.
    pub deadline_while_others_wait: Instant,
    /// The number of requests that wait.
    pub waiting: Arc<AtomicUsize>,
    pub is_cancelled: Arc<AtomicBool>,
    /// Whether it writes. SQLite rolls back the whole transaction when a statement that writes is
    /// interrupted, so a write continues after its caller has disconnected.
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

    /// Runs `work` on this thread, where `check` sees these limits.
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

/// Fails once the work of this thread must stop.
pub fn check() -> Result<()> {
    let over = |work: &Work| work.is_over() || work.is_cancelled.load(Relaxed);
    let is_over = CURRENT.with_borrow(|work| work.as_ref().is_some_and(over));
    if is_over { Err(failure(ffi::SQLITE_INTERRUPT)) } else { Ok(()) }
}

/// Counts bytes that SQLite produces for this thread's work, and fails if they exceed the limit.
pub fn count_output(bytes: usize) -> Result<()> {
    CURRENT.with_borrow_mut(|work| work.as_mut().map_or(Ok(()), |work| work.count_output(bytes)))
}

/// Fails if a row or a list of rows exceeds the maximum size of a response.
pub fn check_length(bytes: usize) -> Result<()> {
    if bytes > MAX_ANSWER { Err(failure(ffi::SQLITE_TOOBIG)) } else { Ok(()) }
}

/// Counts the steps of a loop and calls `check` periodically.
#[derive(Default)]
pub struct StepCounter(usize);

impl StepCounter {
    /// Counts the processing of this many bytes.
    pub fn count(&mut self, bytes: usize) -> Result<()> {
        self.0 += bytes + 16;
        if self.0 < 1 << 16 {
            return Ok(());
        }
        self.0 = 0;
        check()
    }
}

/// Makes SQLite check the limits while it runs a statement.
pub(super) fn install_progress_handler(connection: &mut Connection) -> Result<()> {
    let must_stop = || {
        let over =
            |work: &Work| work.is_over() || !work.is_write && work.is_cancelled.load(Relaxed);
        CURRENT.with_borrow(|work| work.as_ref().is_some_and(over))
    };
    connection.progress_handler(OPCODES_PER_CHECK, Some(must_stop))
}

/// Cancels the work when the caller's future is dropped.
#[derive(Default)]
pub(super) struct CancelOnDrop(pub Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// The error for requests that cannot be served now.
pub(super) fn busy() -> Error {
    failure(ffi::SQLITE_BUSY)
}

fn failure(code: i32) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), None)
}
