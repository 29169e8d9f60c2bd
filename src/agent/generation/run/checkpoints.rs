//! When an answer is saved while it grows: one save at a time, the text only when it has changed.

use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::save;
use crate::agent::Job;
use crate::agent::generation::recorder::{Save, Saved};
use crate::agent::message::answer::Answer;

/// How long one may take. Far below the lease, so that it can be sent again several times, and above what
/// a database under load takes.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The pause before a failed one is sent again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// A checkpoint under way.
pub(super) type CheckpointFuture = BoxFuture<'static, Checkpoint>;

/// What has become of a checkpoint.
pub(super) struct Checkpoint {
    /// When it was sent, by the lease's clock.
    pub(super) sent_at: Duration,
    /// What the database says, or why it says nothing.
    pub(super) saved: Result<Saved, String>,
}

/// The checkpoints of an answer.
pub(super) struct Checkpoints {
    every: Duration,
    /// Ends when the next one is due. It begins at once when one takes longer than that.
    due: Pin<Box<Sleep>>,
    in_flight: Option<CheckpointFuture>,
    /// The version of the text that was saved last.
    saved_version: Option<[usize; 3]>,
}

/// What happens to checkpoints.
pub(super) enum CheckpointEvent {
    /// It is time for the next one.
    Due,
    /// The one in flight has come back.
    Done(Checkpoint),
}

impl Checkpoints {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, due: Box::pin(sleep(every)), in_flight: None, saved_version: None }
    }

    /// Waits for what happens next. Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> CheckpointEvent {
        match &mut self.in_flight {
            Some(in_flight) => {
                let done = in_flight.await;
                self.in_flight = None;
                CheckpointEvent::Done(done)
            }
            None => {
                self.due.as_mut().await;
                CheckpointEvent::Due
            }
        }
    }

    pub(super) fn is_saving(&self) -> bool {
        self.in_flight.is_some()
    }

    /// Begins a save, with the text if it has changed since the last one.
    pub(super) fn start(&mut self, job: &Job, answer: &Answer, save: Save, sent_at: Duration) {
        let version = Some(answer.version());
        let text = (self.saved_version != version).then(|| save::text(answer));
        self.saved_version = version;
        self.due_in(self.every);
        let saving = save::once(job, Save { text, ..save });
        let saving = timeout(TIMEOUT, saving).map(move |saved| Checkpoint {
            sent_at,
            saved: match saved {
                Ok(saved) => saved.map_err(|error| error.to_string()),
                Err(_) => Err("no answer in time".to_owned()),
            },
        });
        self.in_flight = Some(saving.boxed());
    }

    /// The save in flight, for someone else to wait for.
    pub(super) fn take_in_flight(&mut self) -> Option<CheckpointFuture> {
        self.in_flight.take()
    }

    /// The next one does not wait for its time.
    pub(super) fn hurry(&mut self) {
        self.due_in(Duration::ZERO);
    }

    /// The last save has failed: the next one comes soon and brings the text again.
    pub(super) fn failed(&mut self) {
        self.saved_version = None;
        self.due_in(self.every.min(RETRY_AFTER));
    }

    fn due_in(&mut self, pause: Duration) {
        self.due.as_mut().reset(Instant::now() + pause);
    }
}
