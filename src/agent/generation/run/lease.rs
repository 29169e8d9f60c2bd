//! Until when an answer is this run's to write.
//!
//! The database counts a lease from when it carries a save out, on its own clock. Here it is counted from
//! when that save was sent, on a clock that never goes back: so it ends here first, and nobody else can
//! have claimed the message while the provider is still being asked.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;

/// What clocks may run apart, and a provider may take to notice that nobody listens any more.
const MARGIN: Duration = Duration::from_millis(1500);

/// The right to write the answer.
pub(super) struct Lease {
    clock: Clock,
    /// How long a save renews it for; none where nobody else could claim the answer.
    length: Option<Duration>,
    /// When the last save was sent that was carried out.
    renewed_at: Duration,
}

impl Lease {
    /// A lease that is not held yet.
    pub(super) fn new(clock: Clock) -> Self {
        let renewed_at = clock.elapsed();
        Self { clock, length: None, renewed_at }
    }

    /// The time of sending a claim or a save.
    pub(super) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The claim that was sent then has been granted.
    pub(super) fn granted(&mut self, length: Option<Duration>, sent_at: Duration) {
        self.length = length;
        self.renewed_at = sent_at;
    }

    /// The save that was sent then has been carried out.
    pub(super) fn renewed(&mut self, sent_at: Duration) {
        self.renewed_at = self.renewed_at.max(sent_at);
    }

    pub(super) fn is_over(&self) -> bool {
        self.remaining().is_some_and(|remaining| remaining.is_zero())
    }

    /// When to look again whether it is over.
    pub(super) fn check_at(&self) -> Option<Instant> {
        Some(Instant::now() + self.remaining()?)
    }

    fn remaining(&self) -> Option<Duration> {
        let ends = self.renewed_at + self.length?.saturating_sub(MARGIN);
        Some(ends.saturating_sub(self.clock.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    const LENGTH: Duration = Duration::from_secs(29);

    #[test]
    fn it_ends_before_the_databases_does() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let mut lease = Lease::new(clock.clone());
        assert!(!lease.is_over(), "nobody else can claim it");
        let sent_at = lease.now();
        clock.advance(Duration::from_secs(20));
        lease.granted(Some(LENGTH), sent_at);
        clock.advance(Duration::from_secs(7));
        assert!(!lease.is_over());
        clock.advance(Duration::from_millis(500));
        assert!(lease.is_over(), "counted from when the claim was sent");
        lease.renewed(Duration::from_secs(10));
        assert!(!lease.is_over());
        lease.renewed(Duration::from_secs(5));
        clock.advance(Duration::from_secs(9));
        assert!(!lease.is_over(), "an older save takes nothing back");
        clock.advance(Duration::from_secs(1));
        assert!(lease.is_over());
    }
}
