//! Keeps a generation within what it has reserved of the day's tokens.

use super::run::{Interruption, Run};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::Save;
use crate::agent::generation::save;
use crate::agent::usage::meter::estimated_input;
use crate::agent::usage::reservation::{Extension, LEAST_OUTPUT_TOKENS, OverLimit, Reserved};
use crate::providers::{ChosenModel, Request};

impl Run {
    /// The output cap of a call: with a daily limit there always is one.
    pub(in crate::agent) fn output_cap(&self, model: &ChosenModel) -> Option<u32> {
        let asked = self.job.options.max_output_tokens;
        asked.or_else(|| {
            let reserved = u32::try_from(self.reserved?.output_tokens).unwrap_or(u32::MAX);
            Some(model.max_output_tokens().map_or(reserved, |most| most.min(reserved)))
        })
    }

    /// Sees to it that a call is reserved for, which later calls and inputs that turn out longer
    /// than estimated need. A cap that the request did not ask for is lowered if it has to be.
    pub(in crate::agent) async fn reserve(
        &mut self,
        request: &mut Request,
    ) -> Result<(), Interruption> {
        let limit = self.settings.daily_token_limit;
        let (Some(limit), Some(reserved)) = (limit, self.reserved) else { return Ok(()) };
        let used = self.meter.so_far(self.answer.borrow().bytes()).tokens().total_tokens;
        let input = used + estimated_input(request);
        let output = request.max_output_tokens.map_or(reserved.output_tokens, u64::from);
        let tokens = input + output;
        if tokens <= reserved.tokens {
            return Ok(());
        }
        let Some(over_limit) = self.extend(Extension { limit, tokens }).await? else {
            self.reserved = Some(Reserved { tokens, ..reserved });
            return Ok(());
        };
        let left = reserved.tokens.saturating_sub(input);
        if self.job.options.max_output_tokens.is_some() || left < LEAST_OUTPUT_TOKENS {
            return Err(Failure::OverLimit(over_limit).into());
        }
        request.max_output_tokens = u32::try_from(left).ok();
        Ok(())
    }

    /// Reserves more; what is left when that is not enough.
    async fn extend(&mut self, reserve: Extension) -> Result<Option<OverLimit>, Interruption> {
        if let Some(saving) = self.saving.take() {
            let saved = self.wait_for(saving).await?;
            self.handle_save_result(saved)?;
        }
        let usage = self.meter.so_far(self.answer.borrow().bytes()).tokens();
        let save = Save { usage: Some(usage), reserve: Some(reserve), ..Save::default() };
        let saved = self.wait_for(save::once(&self.job, save)).await??;
        let over_limit = saved.over_limit.clone();
        self.handle_save_result(Ok(saved))?;
        Ok(over_limit)
    }
}
