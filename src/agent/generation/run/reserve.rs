//! Keeps a generation within what it has reserved of the day's tokens.

use super::{Interruption, Run, save};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::Save;
use crate::agent::usage::reservation::{Extension, OverLimit};
use crate::providers::Request;

impl Run {
    /// Sees to it that a call is reserved for, which later calls and inputs that turn out longer
    /// than estimated need. A cap that the request did not ask for is lowered if it has to be.
    pub(super) async fn reserve(&mut self, request: &mut Request) -> Result<(), Interruption> {
        let Some(limit) = self.settings.daily_token_limit else { return Ok(()) };
        let shortfall = self.budget.shortfall(request, self.answer.bytes());
        let Some(shortfall) = shortfall else { return Ok(()) };
        let tokens = shortfall.tokens;
        let Some(over_limit) = self.extend(Extension { limit, tokens }).await? else {
            self.budget.extend_to(tokens);
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
        if let Some(in_flight) = self.checkpoints.take_in_flight() {
            let saved = self.wait_for(in_flight).await?;
            self.handle_save_result(saved)?;
        }
        let usage = self.budget.meter.so_far(self.answer.bytes()).tokens();
        let save = Save { usage: Some(usage), reserve: Some(reserve), ..Save::default() };
        let saved = self.wait_for(save::once(&self.job, save)).await??;
        let over_limit = saved.over_limit.clone();
        self.handle_save_result(Ok(saved))?;
        Ok(over_limit)
    }
}
