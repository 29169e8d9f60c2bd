//! Adapts the injected clock to governor.

use std::time::Duration;

use governor::clock;

use crate::clock::Clock;

/// Measures the time since the clock's start, which never goes back.
#[derive(Clone, Debug)]
pub(super) struct GovernorClock(pub(super) Clock);

impl clock::Clock for GovernorClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
