//! Waiting for the model and its tools while the lease is kept and the answer saved.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::warn;

use super::checkpoints::{CheckpointEvent, CheckpointOutcome, CheckpointState};
use super::when_woken::when_woken;
use super::{Interruption, Run};
use crate::agent::generation::failure::Failure;
use crate::agent::generation::recorder::{Checkpoint, Saved, Used};
use crate::agent::usage::meter::UsageTotal;
use crate::agent::usage::reservation::Extension;

/// How long a failure stays a plain HTTP problem while the model is silent.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a service key, a generation ends this long before its token does.
const TOKEN_MARGIN_S: i64 = 15;

/// What happens while a run waits.
enum Event {
    Interruption(Interruption),
    Checkpoint(CheckpointEvent),
    Title(Option<String>),
    /// It is time to look at the clock.
    Alarm,
}

impl Run {
    /// Waits for `work` while keeping the lease, saving, and watching for reasons to end.
    pub(super) async fn wait_for<T>(
        &mut self,
        work: impl Future<Output = T>,
    ) -> Result<T, Interruption> {
        let mut work = pin!(work);
        loop {
            if self.lease.is_over() {
                return Err(Failure::Unrenewed.into());
            }
            tokio::select! {
                biased;
                // Before the work: a provider that never pauses must not keep an answer from being saved.
                event = when_woken(self.next_event()) => {
                    // What has come by now is in time.
                    if matches!(event, Event::Alarm)
                        && let Some(result) = work.as_mut().now_or_never()
                    {
                        return Ok(result);
                    }
                    self.handle(event)?;
                }
                result = &mut work => return Ok(result),
            }
        }
    }

    /// What happens besides the work. Nothing is lost when the future is dropped.
    async fn next_event(&mut self) -> Event {
        tokio::select! {
            biased;
            interruption = self.signals.received() => Event::Interruption(interruption),
            event = self.checkpoints.next() => Event::Checkpoint(event),
            title = self.title.found() => Event::Title(title),
            () = self.answer.wait_until_unobserved(), if !self.job.survives_disconnect => {
                Event::Interruption(Interruption::Stopped)
            }
            () = self.alarm.as_mut() => Event::Alarm,
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Interruption> {
        match event {
            Event::Interruption(interruption) => return Err(interruption),
            Event::Checkpoint(event) => self.handle_checkpoint(event)?,
            Event::Title(title) => self.answer.set_title(title),
            Event::Alarm => self.look_at_clock()?,
        }
        Ok(())
    }

    /// What the time says about going on, and when to look again. That is set once and not moved on with each
    /// renewal of the lease, which only makes it later.
    fn look_at_clock(&mut self) -> Result<(), Interruption> {
        let now = Instant::now();
        let deadline = self.answer.deadline(self.settings.generation_timeout);
        if now >= deadline {
            return Err(Failure::TooLong.into());
        }
        let silence_ends = self.answer.deadline(SILENCE_TIMEOUT);
        if now >= silence_ends {
            self.answer.make_visible();
        }
        let next = [Some(silence_ends).filter(|ends| *ends > now), self.lease.check_at()];
        self.alarm.as_mut().reset(next.into_iter().flatten().fold(deadline, Instant::min));
        Ok(())
    }

    fn handle_checkpoint(&mut self, event: CheckpointEvent) -> Result<(), Interruption> {
        match event {
            CheckpointEvent::Done(outcome) => self.handle_checkpoint_result(*outcome),
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

    /// Begins to save what there is as soon as it can be.
    pub(super) fn checkpoint_soon(&mut self) {
        if self.checkpoints.may_start() { self.checkpoint() } else { self.checkpoints.hurry() }
    }

    fn checkpoint(&mut self) {
        let (checkpoint, state) = self.next_checkpoint(None);
        self.checkpoints.start(&self.job, checkpoint, state, self.lease.now());
    }

    /// What is new since the last checkpoint that is known to have been carried out, and what will be
    /// saved when this one is.
    pub(super) fn next_checkpoint(
        &mut self,
        reserve: Option<Extension>,
    ) -> (Checkpoint, CheckpointState) {
        let answer = self.answer.read();
        let usage = self.budget.meter.so_far(answer.bytes());
        let has_model_calls = self.budget.meter.has_model_calls();
        let model = self.model.current();
        let used = Used {
            tokens: usage.as_ref().filter(|_| has_model_calls).map(UsageTotal::tokens),
            model: model.map(|model| model.id.clone()),
            provider: model.map(|model| model.provider().to_string()),
            cost_usd: usage.map(|usage| usage.cost()),
        };
        self.checkpoints.next_after_saved(&answer, used, reserve)
    }

    pub(super) fn handle_checkpoint_result(
        &mut self,
        outcome: CheckpointOutcome,
    ) -> Result<(), Interruption> {
        match outcome.saved {
            Ok(saved) => self.handle_saved(&saved, outcome.sent_at, outcome.state),
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
        state: CheckpointState,
    ) -> Result<(), Interruption> {
        if saved.stop_requested {
            return Err(Interruption::Stopped);
        }
        if !saved.is_owned {
            return Err(Failure::Lost.into());
        }
        self.checkpoints.carried_out(state);
        self.lease.renewed(sent_at);
        Ok(())
    }
}
