//! Waiting for the model and its tools while the lease is kept and the answer saved.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep_until;
use tracing::warn;

use super::checkpoints::CheckpointEvent;
use super::{Interruption, Run};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::{Save, Saved};
use crate::supabase::SupabaseError;

/// How long a failure stays a plain HTTP problem while the model is silent.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a service key, a generation ends this long before its token does.
const TOKEN_MARGIN_S: i64 = 15;

impl Run {
    /// Waits for `work` while keeping the lease, saving, and watching for reasons to end.
    pub(super) async fn wait_for<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, Interruption> {
        let mut work = pin!(work);
        let deadline = self.answer.deadline(self.settings.generation_timeout);
        let silence_ends = self.answer.deadline(SILENCE_TIMEOUT);
        loop {
            let is_silent = !self.answer.read().is_visible;
            tokio::select! {
                biased;
                interruption = self.signals.received() => return Err(interruption),
                result = &mut work => return Ok(result),
                event = self.checkpoints.next() => self.handle_checkpoint(event)?,
                title = self.title.found() => self.answer.set_title(title),
                () = self.answer.wait_until_unobserved(), if !self.job.survives_disconnect => {
                    return Err(Interruption::Stopped);
                }
                () = sleep_until(silence_ends), if is_silent => self.answer.make_visible(),
                () = sleep_until(deadline) => return Err(Failure::TooLong.into()),
            }
        }
    }

    fn handle_checkpoint(&mut self, event: CheckpointEvent) -> Result<(), Interruption> {
        match event {
            CheckpointEvent::Saved(saved) => self.handle_save_result(saved),
            CheckpointEvent::Due => {
                self.check_token()?;
                self.checkpoint();
                Ok(())
            }
        }
    }

    fn check_token(&self) -> Result<(), Interruption> {
        let now = self.settings.clock.unix_seconds();
        let token_ends = self.job.credentials.expires_at() - TOKEN_MARGIN_S <= now;
        if token_ends && !self.settings.outlives_tokens {
            return Err(Failure::TokenExpired.into());
        }
        Ok(())
    }

    /// Begins to save what there is, unless a save is still under way.
    pub(super) fn checkpoint(&mut self) {
        if self.checkpoints.is_saving() {
            return;
        }
        let answer = self.answer.read();
        let usage = self.budget.meter.so_far(answer.bytes());
        let save = Save {
            model: self.model.id(),
            metadata: Some(answer.metadata.clone()),
            usage: Some(usage.tokens()),
            cost_usd: usage.cost_usd(),
            ..Save::default()
        };
        self.checkpoints.start(&self.job, &answer, save);
    }

    pub(super) fn handle_save_result(
        &mut self,
        saved: Result<Saved, SupabaseError>,
    ) -> Result<(), Interruption> {
        match saved {
            Ok(saved) if !saved.is_owned => Err(Failure::Lost.into()),
            Ok(saved) if saved.stop_requested => Err(Interruption::Stopped),
            Ok(_) => Ok(()),
            Err(error) => {
                warn!("a checkpoint could not be saved, the next one will be: {error}");
                self.checkpoints.invalidate();
                Ok(())
            }
        }
    }
}
