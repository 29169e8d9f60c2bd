//! What ends a generation from outside.

use std::pin::Pin;

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::interruption::Interruption;
use crate::agent::generation::failure::Failure;

/// The reasons from outside to end a generation. They are waited for without a pause, because to begin and to
/// end a wait costs more than to handle a piece of the answer.
pub(in crate::agent::generation) struct Signals {
    /// The server is being stopped: what can go on elsewhere should.
    pub(super) draining: CancellationToken,
    /// The server cannot wait any longer.
    pub(super) shutdown: CancellationToken,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Signals {
    /// `draining` is cancelled when the server begins to stop, `shutdown` when it cannot wait any longer;
    /// `stop`, a child of that, also when the user has asked for a stop.
    pub(in crate::agent::generation) fn new(
        stop: CancellationToken,
        draining: CancellationToken,
        shutdown: CancellationToken,
    ) -> Self {
        Self { draining, shutdown, ended: Box::pin(stop.cancelled_owned()) }
    }

    /// Waits for either.
    pub(super) async fn received(&mut self) -> Interruption {
        self.ended.as_mut().await;
        if self.shutdown.is_cancelled() {
            return Failure::ShuttingDown.into();
        }
        Interruption::Stopped
    }
}
