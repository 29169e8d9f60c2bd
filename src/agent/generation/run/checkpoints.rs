//! When an answer is saved while it grows: one save at a time, the text only when it has changed.

use std::future::pending;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use super::save::{self, SaveFuture};
use crate::agent::Job;
use crate::agent::generation::recorder::{Save, Saved};
use crate::agent::message::answer::Answer;
use crate::supabase::SupabaseError;

/// The checkpoints of an answer.
pub(super) struct Checkpoints {
    interval: Interval,
    in_flight: Option<SaveFuture>,
    /// The version of the text that was saved last.
    saved_version: Option<[usize; 3]>,
}

/// What happens to checkpoints.
pub(super) enum CheckpointEvent {
    /// It is time for the next one.
    Due,
    /// The one in flight has come back.
    Saved(Result<Saved, SupabaseError>),
}

impl Checkpoints {
    pub(super) fn new(every: Duration) -> Self {
        let mut interval = tokio::time::interval(every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, in_flight: None, saved_version: None }
    }

    /// Waits for what happens next. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> CheckpointEvent {
        let saved = async {
            match &mut self.in_flight {
                Some(in_flight) => in_flight.await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            saved = saved => {
                self.in_flight = None;
                CheckpointEvent::Saved(saved)
            }
            _ = self.interval.tick() => CheckpointEvent::Due,
        }
    }

    pub(super) fn is_saving(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Begins a save, with the text if it has changed since the last one.
    pub(super) fn start(&mut self, job: &Job, answer: &Answer, save: Save) {
        let version = Some(answer.version());
        let text = (self.saved_version != version).then(|| save::text(answer));
        self.saved_version = version;
        self.in_flight = Some(save::once(job, Save { text, ..save }));
    }

    /// The save in flight, for someone else to wait for.
    pub(super) fn take_in_flight(&mut self) -> Option<SaveFuture> {
        self.in_flight.take()
    }

    /// The last save has failed: the next one brings the text again.
    pub(super) fn invalidate(&mut self) {
        self.saved_version = None;
    }
}
