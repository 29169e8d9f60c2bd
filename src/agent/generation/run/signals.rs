//! What ends a generation from outside.

use tokio_util::sync::CancellationToken;

use super::interruption::Interruption;
use crate::agent::generation::failure::Failure;

/// The reasons from outside to end a generation.
pub(in crate::agent::generation) struct Signals {
    /// The user has asked for a stop.
    pub(in crate::agent::generation) stop: CancellationToken,
    /// The server is being stopped: what can go on elsewhere should.
    pub(in crate::agent::generation) draining: CancellationToken,
    /// The server cannot wait any longer.
    pub(in crate::agent::generation) shutdown: CancellationToken,
}

impl Signals {
    /// Waits for either; a user's stop comes first.
    pub(super) async fn received(&self) -> Interruption {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Interruption::Stopped,
            () = self.shutdown.cancelled() => Failure::ShuttingDown.into(),
        }
    }
}
