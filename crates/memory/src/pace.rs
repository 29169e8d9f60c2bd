//! How slowly a client may send or take what holds a place that others wait for.

use std::time::Duration;

/// How long a body may be idle.
pub const IDLE: Duration = Duration::from_secs(60);
/// What comes or goes more slowly than this is given up.
const MIN_BYTES_PER_SECOND: usize = 4 << 10;

/// How much has come or gone, and how long that took. Time in which the client was not waited for does not count.
#[derive(Debug, Default)]
pub struct Pace {
    bytes: usize,
    waited: Duration,
}

impl Pace {
    /// This many bytes have come, or are to go.
    pub fn count(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// The client has been waited for.
    pub fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    /// For how long the client may be waited for now.
    pub fn time_left(&self) -> Duration {
        let seconds = u64::try_from(self.bytes / MIN_BYTES_PER_SECOND).unwrap_or(u64::MAX);
        (IDLE + Duration::from_secs(seconds)).saturating_sub(self.waited)
    }
}
