//! Waiting for the model and its tools while the lease is kept and the answer saved.

use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep_until;
use tracing::warn;

use super::run::{Interruption, Run};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::{Save, Saved};
use crate::agent::generation::save;
use crate::supabase::SupabaseError;

/// How long a failure stays a plain HTTP problem while the model is silent.
const SILENCE: Duration = Duration::from_secs(10);
/// Without a service key, a generation ends this long before its token does.
const TOKEN_MARGIN_S: i64 = 15;

impl Run {
    /// Waits for `work` while keeping the lease, saving, and watching for reasons to end.
    pub(in crate::agent) async fn wait_for<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, Interruption> {
        let mut work = pin!(work);
        let deadline = self.started_at + self.settings.generation_timeout;
        let silence_ends = self.started_at + SILENCE;
        loop {
            let is_silent = !self.answer.borrow().is_visible;
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Interruption::Stopped),
                () = self.shutdown.cancelled() => return Err(Failure::ShuttingDown.into()),
                result = &mut work => return Ok(result),
                saved = under_way(&mut self.saving) => {
                    self.saving = None;
                    self.handle_save_result(saved)?;
                }
                title = under_way(&mut self.title) => self.set_title(title.ok()),
                _ = self.checkpoints.tick() => self.keep_alive()?,
                () = self.answer.closed(), if !self.job.survives_disconnect => {
                    return Err(Interruption::Stopped);
                }
                () = sleep_until(silence_ends), if is_silent => {
                    self.answer.send_modify(|answer| answer.is_visible = true);
                }
                () = sleep_until(deadline) => return Err(Failure::TooLong.into()),
            }
        }
    }

    fn keep_alive(&mut self) -> Result<(), Interruption> {
        let now = self.settings.clock.unix_seconds();
        let token_ends = self.job.credentials.expires_at() - TOKEN_MARGIN_S <= now;
        if token_ends && !self.settings.outlives_tokens {
            return Err(Failure::TokenExpired.into());
        }
        self.checkpoint();
        Ok(())
    }

    /// Begins to save what there is, unless a save is still under way.
    pub(in crate::agent) fn checkpoint(&mut self) {
        if self.saving.is_some() {
            return;
        }
        let answer = self.answer.borrow();
        let bytes = answer.bytes();
        let text = (self.saved != Some(answer.version())).then(|| save::text(&answer));
        self.saved = Some(answer.version());
        let usage = self.meter.so_far(bytes);
        let save = Save {
            text,
            model: self.model.as_ref().map(|model| model.id.clone()),
            metadata: Some(answer.metadata.clone()),
            usage: Some(usage.tokens()),
            cost_usd: usage.cost_usd(),
            reserve: None,
            end: None,
        };
        drop(answer);
        self.saving = Some(save::once(&self.job, save));
    }

    pub(in crate::agent) fn handle_save_result(
        &mut self,
        saved: Result<Saved, SupabaseError>,
    ) -> Result<(), Interruption> {
        match saved {
            Ok(saved) if !saved.is_owned => Err(Failure::Lost.into()),
            Ok(saved) if saved.stop_requested => Err(Interruption::Stopped),
            Ok(_) => Ok(()),
            Err(error) => {
                warn!("a checkpoint could not be saved, the next one will be: {error}");
                self.saved = None;
                Ok(())
            }
        }
    }
}

/// What comes of the work under way; never without one.
async fn under_way<F: Future + Unpin>(work: &mut Option<F>) -> F::Output {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}
