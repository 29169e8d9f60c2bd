//! Counts the streams that are open.

use std::sync::atomic::{AtomicU64, Ordering};

static OPEN: AtomicU64 = AtomicU64::new(0);

/// Counts a stream as open until it is dropped.
pub struct OpenStream(());

impl OpenStream {
    /// One more open stream.
    pub(super) fn new() -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// How many streams this process has open.
    pub fn count() -> u64 {
        OPEN.load(Ordering::Relaxed)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}
