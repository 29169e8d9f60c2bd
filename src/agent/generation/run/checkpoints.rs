//! When an answer is saved while it grows, and what of it: one save at a time, each with what is new since
//! the last that is known to have been carried out.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::agent::generation::recorder::{Checkpoint, Saved, Used};
use crate::agent::generation::slots::CheckpointSlots;
use crate::agent::message::answer::Answer;
use crate::agent::message::delta::Position;
use crate::agent::message::part::Part;
use crate::agent::usage::reservation::Extension;
use crate::agent::{Job, Settings};

/// How long one may take. Far below the lease, so that it can be sent again several times, and above what
/// a database under load takes.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The pause before a failed one is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// A checkpoint under way.
pub(super) type CheckpointFuture = BoxFuture<'static, CheckpointOutcome>;

/// What has become of a checkpoint.
pub(super) struct CheckpointOutcome {
    /// When it was sent, by the lease's clock.
    pub(super) sent_at: Duration,
    /// What is saved if it was carried out.
    pub(super) state: CheckpointState,
    /// What the database says, or why it says nothing.
    pub(super) saved: Result<Saved, String>,
}

/// What is saved once a checkpoint has been carried out.
pub(super) struct CheckpointState {
    number: u32,
    /// When the answer was like this.
    taken_at: Instant,
    position: Position,
    used: Used,
}

/// The checkpoints of an answer.
pub(super) struct Checkpoints {
    settings: Arc<Settings>,
    /// Ends when the next one is due. It begins at once when one takes longer than that.
    due: Pin<Box<Sleep>>,
    in_flight: Option<CheckpointFuture>,
    /// None is begun: one is sent from elsewhere.
    is_paused: bool,
    /// How many there have been.
    count: u32,
    /// The last one that is known to have been carried out.
    saved: CheckpointState,
}

/// What happens to checkpoints.
pub(super) enum CheckpointEvent {
    /// It is time for the next one.
    Due,
    /// The one in flight has come back.
    Done(Box<CheckpointOutcome>),
}

impl Checkpoints {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        let due = Box::pin(sleep_until(due_after(&settings, settings.checkpoint_every)));
        let (position, used) = (Position::default(), Used::default());
        let saved = CheckpointState { number: 0, taken_at: Instant::now(), position, used };
        Self { settings, due, in_flight: None, is_paused: false, count: 0, saved }
    }

    /// The parts that an earlier run has left are saved already, under this number.
    pub(super) fn resume(&mut self, number: u32, parts: &[Part]) {
        self.count = number;
        self.saved.number = number;
        self.saved.position = Position::end_of(parts);
    }

    /// Waits for what happens next. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> CheckpointEvent {
        match &mut self.in_flight {
            Some(in_flight) => {
                let done = in_flight.await;
                self.in_flight = None;
                CheckpointEvent::Done(Box::new(done))
            }
            None if self.is_paused => pending().await,
            None => {
                self.due.as_mut().await;
                CheckpointEvent::Due
            }
        }
    }

    /// Whether one may begin that is not due yet.
    pub(super) fn may_start(&self) -> bool {
        let slots = self.settings.checkpoint_slots.as_ref();
        self.in_flight.is_none() && slots.is_none_or(CheckpointSlots::is_free)
    }

    /// The next one: what is new since the last that is known to have been carried out. Another one may be
    /// under way, or may have been carried out although nothing was heard of it.
    pub(super) fn next_after_saved(
        &mut self,
        answer: &Answer,
        used: Used,
        reserve: Option<Extension>,
    ) -> (Checkpoint, CheckpointState) {
        self.count += 1;
        let saved = &self.saved;
        let is_same_model = used.model == saved.used.model;
        let new_used = (used != saved.used).then(|| Used {
            model: used.model.clone().filter(|_| !is_same_model),
            provider: used.provider.clone().filter(|_| !is_same_model),
            ..used
        });
        let checkpoint = Checkpoint {
            number: self.count,
            after: saved.number,
            delta: saved.position.delta(&answer.parts),
            used: new_used,
            reserve,
        };
        let position = Position::end_of(&answer.parts);
        let taken_at = Instant::now();
        (checkpoint, CheckpointState { number: self.count, taken_at, position, used })
    }

    /// This is saved now.
    pub(super) fn carried_out(&mut self, state: CheckpointState) {
        if state.number > self.saved.number {
            self.saved = state;
        }
    }

    /// Begins to save.
    pub(super) fn start(
        &mut self,
        job: &Job,
        checkpoint: Checkpoint,
        state: CheckpointState,
        sent_at: Duration,
    ) {
        if let Some(slots) = &self.settings.checkpoint_slots {
            slots.take();
        }
        self.due_in(self.settings.checkpoint_every);
        let (recorder, credentials) = (job.recorder.clone(), job.credentials.clone());
        let saving = async move { recorder.checkpoint(&credentials, checkpoint).await };
        let saving = timeout(TIMEOUT, saving).map(move |saved| CheckpointOutcome {
            sent_at,
            state,
            saved: match saved {
                Ok(saved) => saved.map_err(|error| error.to_string()),
                Err(_) => Err("no answer in time".to_owned()),
            },
        });
        self.in_flight = Some(saving.boxed());
    }

    /// None is begun from here on. One that is sent from elsewhere must not meet another: each takes the
    /// place of what was sent since the last that is known to have been carried out.
    pub(super) fn pause(&mut self) {
        self.is_paused = true;
    }

    /// They are begun again when they are due.
    pub(super) fn unpause(&mut self) {
        self.is_paused = false;
    }

    /// The save in flight, for someone else to wait for.
    pub(super) fn take_in_flight(&mut self) -> Option<CheckpointFuture> {
        self.in_flight.take()
    }

    /// The next one does not wait for its time.
    pub(super) fn hurry(&mut self) {
        self.due_in(Duration::ZERO);
    }

    /// The last save has failed: the next one comes soon.
    pub(super) fn failed(&mut self) {
        let slots = self.settings.checkpoint_slots.as_ref();
        let retry_at = retry_at(slots, self.settings.checkpoint_every, self.saved.taken_at);
        self.due.as_mut().reset(retry_at);
    }

    fn due_in(&mut self, pause: Duration) {
        self.due.as_mut().reset(due_after(&self.settings, pause));
    }
}

/// The time after a pause, or when all are saved.
fn due_after(settings: &Settings, pause: Duration) -> Instant {
    match &settings.checkpoint_slots {
        Some(slots) if pause.is_zero() && slots.is_free() => Instant::now(),
        Some(slots) => slots.next(),
        None => Instant::now() + pause,
    }
}

/// When one that has failed is sent again: with all others, unless what has not been saved since then would
/// be older than two intervals.
fn retry_at(slots: Option<&CheckpointSlots>, every: Duration, saved_at: Instant) -> Instant {
    match slots {
        Some(slots) if slots.next() <= saved_at + every * 2 => slots.next(),
        _ => Instant::now() + every.min(RETRY_AFTER),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};
    use tokio::time::advance;

    use super::*;

    #[test]
    fn what_is_not_known_yet_takes_nothing_from_what_the_run_began_with() {
        let model = Some("m".to_owned());
        let before = Used { model: model.clone(), ..Used::default() };
        assert_eq!(to_value(before).unwrap(), json!({ "model": "m" }));
        let unpriced = Used { model, cost_usd: Some(None), ..Used::default() };
        assert_eq!(to_value(unpriced).unwrap(), json!({ "model": "m", "cost_usd": null }));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_failed_does_not_wait_for_others_too_long() {
        let every = Duration::from_secs(2);
        let slots = CheckpointSlots::new(every);
        let saved_at = Instant::now();
        let pause = |slots| retry_at(slots, every, saved_at) - Instant::now();
        advance(Duration::from_millis(2100)).await;
        assert_eq!(pause(None), RETRY_AFTER);
        assert_eq!(pause(Some(&slots)), Duration::from_millis(1900), "with all others");
        advance(Duration::from_secs(2)).await;
        assert_eq!(pause(Some(&slots)), RETRY_AFTER, "it has failed twice, or was slow");
    }
}
