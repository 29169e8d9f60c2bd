//! The time of day, passed in wherever it decides something, so that tests can set it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;

mod backoff;
mod idle_timer;

pub use backoff::Backoff;
pub use idle_timer::IdleTimer;

/// Where the time of day comes from. Clones of one clock agree.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that moves only by `advance` and `sleep`: microseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still at `start`.
    pub fn fixed(start: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(start.as_microsecond())))
    }

    /// The current time.
    #[expect(clippy::disallowed_methods, reason = "everybody else asks this clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Fixed(micros) => Timestamp::from_microsecond(micros.load(Ordering::SeqCst))
                .unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    /// Whole seconds since 1970, as JSON Web Tokens count time.
    pub fn unix_seconds(&self) -> i64 {
        self.now().as_second()
    }

    /// The time since some moment in the past. It never goes back, not even when the machine's clock is
    /// set: for intervals.
    pub fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        match self {
            Self::System => START.elapsed(),
            Self::Fixed(micros) => {
                Duration::from_micros(micros.load(Ordering::SeqCst).try_into().unwrap_or(0))
            }
        }
    }

    /// Waits. A fixed clock moves on by as much at once instead.
    pub async fn sleep(&self, duration: Duration) {
        match self {
            Self::System => tokio::time::sleep(duration).await,
            Self::Fixed(_) => self.advance(duration),
        }
    }

    /// Moves a fixed clock forward; the machine's clock goes its own way.
    pub fn advance(&self, by: Duration) {
        if let Self::Fixed(micros) = self {
            let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            micros.fetch_add(by, Ordering::SeqCst);
        }
    }
}
