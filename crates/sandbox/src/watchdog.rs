//! Watches workers from outside: an engine cannot be relied on to enforce its own limits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::platform;
use super::termination::Termination;

/// The polling interval.
const INTERVAL: Duration = Duration::from_millis(10);
/// After this many failed polls in a row the worker counts as gone.
const MAX_UNSEEN: u32 = 50;
/// Threads take memory that does not count as the process's own.
const MAX_THREADS: u64 = 256;

/// What is measured from outside.
#[derive(Clone, Copy)]
pub(super) enum Watchdog {
    /// The worker's own memory.
    Process { max_bytes: u64 },
    /// The memory of the worker's grandchild and what is in its `/files` and `/tmp`.
    #[cfg(target_os = "linux")]
    Grandchild { max_bytes: u64, max_files: u64 },
}

/// The memory and threads that a worker uses.
pub(super) struct Usage {
    bytes: u64,
    threads: u64,
    files: u64,
}

impl Watchdog {
    /// Polls a worker; returns when it uses too much or cannot be measured. `peak` is the most memory
    /// that was seen.
    pub(super) async fn watch(self, process: Option<u32>, peak: &AtomicU64) -> Termination {
        let Some(process) = process else { return Termination::Broken };
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unseen = 0;
        loop {
            ticks.tick().await;
            let usage = self.usage(process);
            if let Some(usage) = &usage {
                peak.fetch_max(usage.bytes, Ordering::Relaxed);
            }
            match usage.map(|usage| self.exceeded(&usage)) {
                Some(Some(termination)) => return termination,
                Some(None) => unseen = 0,
                // A worker that has ended cannot be measured either; its response may be in transit.
                None if unseen >= MAX_UNSEEN => return Termination::Broken,
                None => unseen += 1,
            }
        }
    }

    /// Whether a worker that died with this much memory had hardly any left.
    pub(super) fn is_near_limit(self, peak: &AtomicU64) -> bool {
        peak.load(Ordering::Relaxed) > self.limits().0 / 4 * 3
    }

    fn limits(self) -> (u64, u64) {
        match self {
            Self::Process { max_bytes } => (max_bytes, 0),
            #[cfg(target_os = "linux")]
            Self::Grandchild { max_bytes, max_files } => (max_bytes, max_files),
        }
    }

    fn exceeded(self, usage: &Usage) -> Option<Termination> {
        let (max_bytes, max_files) = self.limits();
        if usage.bytes > max_bytes || usage.threads > MAX_THREADS {
            return Some(Termination::Memory);
        }
        (usage.files > max_files).then_some(Termination::Files)
    }

    /// Whether an idle worker holds much memory.
    pub(super) fn is_bloated(self, process: u32) -> bool {
        match self {
            Self::Process { max_bytes } => {
                self.usage(process).is_some_and(|usage| usage.bytes > max_bytes / 4)
            }
            #[cfg(target_os = "linux")]
            Self::Grandchild { .. } => false,
        }
    }

    /// `None` if the process has ended or cannot be seen.
    pub(super) fn usage(self, process: u32) -> Option<Usage> {
        match self {
            Self::Process { .. } => {
                let (bytes, threads) = platform::usage(process)?;
                Some(Usage { bytes, threads, files: 0 })
            }
            #[cfg(target_os = "linux")]
            Self::Grandchild { .. } => {
                let python = platform::child(platform::child(process)?)?;
                let (bytes, threads) = platform::usage(python)?;
                let mut usage = Usage { bytes, threads, files: 0 };
                for folder in ["/files", "/tmp"] {
                    let (bytes, files) = platform::stored(python, folder)?;
                    usage.bytes += bytes;
                    usage.files += files;
                }
                Some(usage)
            }
        }
    }
}
