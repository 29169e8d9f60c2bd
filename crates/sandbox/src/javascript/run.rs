//! The state of a running script and its limits.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::model::Status;
use crate::protocol::Request;

/// The state of a running script.
pub(super) struct Run {
    ends_at: Instant,
    pub(super) output_left: Cell<u64>,
    /// The limit that was reached; from then on the script is interrupted.
    pub(super) limit_reached: Cell<Option<Status>>,
    /// The code with which the script has ended itself; it is interrupted as well.
    pub(super) exit_code: Cell<Option<i32>>,
}

impl Run {
    /// Starts the timer of a request's limits.
    pub(super) fn begin(request: &Request) -> Self {
        Self {
            ends_at: Instant::now() + Duration::from_millis(request.timeout_ms),
            output_left: Cell::new(request.output_bytes),
            limit_reached: Cell::new(None),
            exit_code: Cell::new(None),
        }
    }

    /// How long it may still run.
    pub(super) fn left(&self) -> Duration {
        self.ends_at.saturating_duration_since(Instant::now())
    }

    /// Whether a limit was reached or the script has ended itself.
    pub(super) fn has_ended(&self) -> bool {
        self.limit_reached.get().is_some() || self.exit_code.get().is_some()
    }

    /// Whether the script must stop.
    pub(super) fn must_end(&self) -> bool {
        if !self.has_ended() && Instant::now() >= self.ends_at {
            self.limit_reached.set(Some(Status::Timeout));
        }
        self.has_ended()
    }
}
