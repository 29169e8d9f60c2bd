//! Waiting for the model and its tools while the lease is kept and the answer saved.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tracing::warn;

use super::checkpoints::{Checkpoint, CheckpointEvent};
use super::{Interruption, Run};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::{Save, Saved};
use crate::agent::usage::meter::UsageTotal;

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
            if self.lease.is_over() {
                return Err(Failure::Unrenewed.into());
            }
            let is_silent = !self.answer.read().is_visible;
            let check_at = self.lease.check_at().map_or(deadline, |lease| deadline.min(lease));
            tokio::select! {
                biased;
                interruption = self.signals.received() => return Err(interruption),
                // Before the work: a provider that never pauses must not keep an answer from being saved.
                event = self.checkpoints.next() => self.handle_checkpoint(event)?,
                result = &mut work => return Ok(result),
                title = self.title.found() => self.answer.set_title(title),
                () = self.answer.wait_until_unobserved(), if !self.job.survives_disconnect => {
                    return Err(Interruption::Stopped);
                }
                () = sleep_until(silence_ends), if is_silent => self.answer.make_visible(),
                () = sleep_until(check_at) => {
                    if Instant::now() >= deadline {
                        return Err(Failure::TooLong.into());
                    }
                }
            }
        }
    }

    fn handle_checkpoint(&mut self, event: CheckpointEvent) -> Result<(), Interruption> {
        match event {
            CheckpointEvent::Done(checkpoint) => self.handle_checkpoint_result(checkpoint),
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

    /// Begins to save what there is, or as soon as the save that is under way has come back.
    pub(super) fn checkpoint(&mut self) {
        if self.checkpoints.is_saving() {
            return self.checkpoints.hurry();
        }
        let answer = self.answer.read();
        let usage = self.budget.meter.so_far(answer.bytes());
        let save = Save {
            model: self.model.id(),
            metadata: Some(answer.metadata.clone()),
            usage: usage.as_ref().map(UsageTotal::tokens),
            cost_usd: usage.and_then(|usage| usage.cost_usd()),
            ..Save::default()
        };
        self.checkpoints.start(&self.job, &answer, save, self.lease.now());
    }

    pub(super) fn handle_checkpoint_result(
        &mut self,
        checkpoint: Checkpoint,
    ) -> Result<(), Interruption> {
        match checkpoint.saved {
            Ok(saved) => self.handle_saved(&saved, checkpoint.sent_at),
            Err(error) => {
                warn!("a checkpoint could not be saved, the next one will be: {error}");
                self.checkpoints.failed();
                Ok(())
            }
        }
    }

    /// What a save that was sent then says about going on.
    pub(super) fn handle_saved(
        &mut self,
        saved: &Saved,
        sent_at: Duration,
    ) -> Result<(), Interruption> {
        if saved.stop_requested {
            return Err(Interruption::Stopped);
        }
        if !saved.is_owned {
            return Err(Failure::Lost.into());
        }
        self.lease.renewed(sent_at);
        Ok(())
    }
}
