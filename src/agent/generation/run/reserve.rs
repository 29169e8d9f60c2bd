//! Keeps a generation within what it has reserved of its user's limits.

use std::time::Duration;

use tokio::time::sleep;
use tracing::warn;

use super::{Interruption, Run, save};
use crate::agent::generation::failure::Failure;
use crate::agent::usage::reservation::{Extension, OverLimit};
use crate::providers::{ChosenModel, Request};

/// How long to wait before a save that has failed is tried again.
const PAUSE: Duration = Duration::from_millis(500);

impl Run {
    /// Sees to it that a call is reserved for, which later calls and inputs that turn out longer
    /// than estimated need. A cap that the request did not ask for is lowered if it has to be.
    pub(super) async fn reserve(
        &mut self,
        request: &mut Request,
        model: &ChosenModel,
    ) -> Result<(), Interruption> {
        let bytes = self.answer.bytes();
        let shortfall = self.budget.shortfall(request, model, bytes, &self.job.terms);
        let Some(shortfall) = shortfall else { return Ok(()) };
        let (tokens, usd) = (shortfall.needed.tokens, shortfall.needed.usd);
        let Some(over_limit) = self.save_now(Some(shortfall.needed.clone())).await? else {
            self.budget.extend_to(tokens, usd);
            return Ok(());
        };
        let may_lower = self.job.options.max_output_tokens.is_none();
        match shortfall.lowered_cap().filter(|_| may_lower) {
            Some(cap) => {
                request.max_output_tokens = Some(cap);
                Ok(())
            }
            None => Err(Failure::OverLimit(over_limit).into()),
        }
    }

    /// Saves what has been used so far and reserves more, if any is given; what is left when that is not
    /// enough. It is tried for as long as the answer is this run's.
    pub(super) async fn save_now(
        &mut self,
        reserve: Option<Extension>,
    ) -> Result<Option<OverLimit>, Interruption> {
        self.checkpoints.pause();
        if let Some(in_flight) = self.checkpoints.take_in_flight() {
            let checkpoint = self.wait_for(in_flight).await?;
            self.handle_checkpoint_result(checkpoint)?;
        }
        loop {
            let (checkpoint, state) = self.next_checkpoint(reserve.clone());
            let (job, sent_at) = (self.job.clone(), self.lease.now());
            let saving = async move { job.recorder.checkpoint(&job.credentials, checkpoint).await };
            match self.wait_for(saving).await? {
                Ok(saved) => {
                    self.handle_saved(&saved, sent_at, state)?;
                    self.checkpoints.unpause();
                    return Ok(saved.over_limit);
                }
                Err(error) if save::is_transient(&error) => {
                    warn!("a reservation cannot be saved, which is tried again: {error}");
                    self.wait_for(sleep(PAUSE)).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
