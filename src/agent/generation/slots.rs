//! When the answers of a replica are saved where they are saved together: all at the same moments.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// Time in slots of the same length. Answers are saved at the beginning of a slot; whoever cannot wait
/// so long, only if nobody has been saved in this slot.
#[derive(Debug)]
pub struct CheckpointSlots {
    began_at: Instant,
    length: Duration,
    /// The number of the last slot in which something was saved.
    last_used: AtomicU32,
}

impl CheckpointSlots {
    /// Slots of this length, from now on.
    pub fn new(length: Duration) -> Self {
        let length = length.max(Duration::from_millis(1));
        Self { began_at: Instant::now(), length, last_used: AtomicU32::new(0) }
    }

    /// The beginning of the next slot.
    pub(super) fn next(&self) -> Instant {
        self.began_at + self.length.saturating_mul(self.current())
    }

    /// Whether nobody has been saved in this slot.
    pub(super) fn is_free(&self) -> bool {
        self.last_used.load(Ordering::Relaxed) < self.current()
    }

    /// Something is saved now.
    pub(super) fn take(&self) {
        self.last_used.fetch_max(self.current(), Ordering::Relaxed);
    }

    /// The number of this slot; the first is 1.
    fn current(&self) -> u32 {
        let slots = self.began_at.elapsed().as_micros() / self.length.as_micros();
        u32::try_from(slots).unwrap_or(u32::MAX - 1) + 1
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slot_is_taken_once_or_at_its_beginning() {
        let slots = CheckpointSlots::new(Duration::from_secs(2));
        let began_at = Instant::now();
        assert!(slots.is_free());
        slots.take();
        advance(Duration::from_millis(1900)).await;
        assert!(!slots.is_free());
        assert_eq!(slots.next() - began_at, Duration::from_secs(2));
        advance(Duration::from_millis(100)).await;
        assert!(slots.is_free());
        assert_eq!(slots.next() - began_at, Duration::from_secs(4), "never the present one");
        slots.take();
        assert!(!slots.is_free());
    }
}
