//! Keeps a generation within what it has reserved of its user's limits.

use super::{Interruption, Run};
use crate::agent::generation::failure::Failure;
use crate::agent::usage::reservation::{Extension, OverLimit};
use crate::providers::{ChosenModel, Request};

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
        let Some(over_limit) = self.extend(shortfall.needed.clone()).await? else {
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

    /// Reserves more; what is left when that is not enough.
    async fn extend(&mut self, reserve: Extension) -> Result<Option<OverLimit>, Interruption> {
        self.checkpoints.pause();
        if let Some(in_flight) = self.checkpoints.take_in_flight() {
            let checkpoint = self.wait_for(in_flight).await?;
            self.handle_checkpoint_result(checkpoint)?;
        }
        let (checkpoint, state) = self.next_checkpoint(Some(reserve));
        let (job, sent_at) = (self.job.clone(), self.lease.now());
        let saving = async move { job.recorder.checkpoint(&job.credentials, checkpoint).await };
        let saved = self.wait_for(saving).await??;
        self.handle_saved(&saved, sent_at, state)?;
        self.checkpoints.unpause();
        Ok(saved.over_limit)
    }
}
