//! Saves checkpoints: with a service key those of all answers together, without one each with its user's
//! token.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tracing::warn;
use uuid::Uuid;

use super::principal::Principal;
use crate::agent::{Checkpoint, Credentials, Saved};
use crate::clock::Clock;
use crate::database::{self, CheckpointReply, RunCheckpoint, SaveCheckpoints};
use crate::supabase::{Caller, Supabase, SupabaseError, SupabaseErrorKind};

/// How long a request waits for the checkpoints that are due at the same moment.
const GATHERING: Duration = Duration::from_millis(50);
/// The most that one request carries, but for a single checkpoint that is longer.
const MAX_BYTES: usize = 1 << 20;
const MAX_CHECKPOINTS: usize = 1000;
/// How many requests carry those that were sent in vain, at the least.
const RETRY_REQUESTS: usize = 8;

/// Saves checkpoints. Clones share the queue.
#[derive(Clone)]
pub(super) struct CheckpointWriter {
    supabase: Supabase,
    clock: Clock,
    queue: Option<mpsc::UnboundedSender<Queued>>,
}

/// A checkpoint that waits for the request that carries it. There is at most one of each answer.
struct Queued {
    json: Box<RawValue>,
    /// How many were sent before it in vain.
    failures: u32,
    reply: oneshot::Sender<Result<CheckpointReply, Arc<SupabaseError>>>,
}

impl CheckpointWriter {
    /// With a service key it has a task that writes for all.
    pub(super) fn new(supabase: Supabase, clock: Clock) -> Self {
        let queue = supabase.has_service_key().then(|| {
            let (queue, queued) = mpsc::unbounded_channel();
            tokio::spawn(write_together(supabase.clone(), queued));
            queue
        });
        Self { supabase, clock, queue }
    }

    /// Saves a checkpoint of a user's run.
    pub(super) async fn save(
        &self,
        credentials: &Credentials,
        run: Uuid,
        checkpoint: Checkpoint,
    ) -> Result<Saved, SupabaseError> {
        // A reservation waits for the user's other ones, and nobody else should wait with it.
        let Some(queue) = self.queue.as_ref().filter(|_| checkpoint.reserve.is_none()) else {
            return Box::pin(self.save_alone(credentials, run, checkpoint)).await;
        };
        let failures = checkpoint.number.saturating_sub(checkpoint.after + 1);
        // Boxed, as what is large and waits below is, since all answers wait at the same moment.
        let with_user =
            Box::new(RunCheckpoint { run, user_id: Some(credentials.user_id), checkpoint });
        let (reply, written) = oneshot::channel();
        let json = to_raw_value(&with_user)?;
        let is_queued = queue.send(Queued { json, failures, reply }).is_ok();
        let written = written.await.ok().filter(|_| is_queued);
        match written {
            Some(Ok(reply)) => saved(reply),
            Some(Err(error)) if may_pass(&error) => Err((*error).clone()),
            // What is refused as a whole is not the fault of each: the key may be wrong, or another's
            // checkpoint.
            Some(Err(_)) | None => {
                Box::pin(self.save_alone(credentials, run, with_user.checkpoint)).await
            }
        }
    }

    async fn save_alone(
        &self,
        credentials: &Credentials,
        run: Uuid,
        checkpoint: Checkpoint,
    ) -> Result<Saved, SupabaseError> {
        let principal = Principal::new(credentials, &self.supabase, &self.clock);
        let checkpoint = RunCheckpoint { run, user_id: principal.user_id, checkpoint };
        let p_checkpoints = [&*to_raw_value(&checkpoint)?];
        let save = SaveCheckpoints { p_checkpoints: &p_checkpoints };
        let rest = self.supabase.rest(principal.caller());
        let replies = database::call(rest, &save).await?;
        saved(replies.into_iter().next().ok_or_else(incomplete)?)
    }
}

/// Whether the same request may succeed later.
fn may_pass(error: &SupabaseError) -> bool {
    use SupabaseErrorKind as Kind;
    matches!(
        error.kind,
        Kind::Unreachable
            | Kind::Timeout
            | Kind::Overloaded
            | Kind::Contention
            | Kind::Protocol
            | Kind::AnswerTooLarge
            | Kind::NoMemory(_)
    )
}

fn saved(reply: CheckpointReply) -> Result<Saved, SupabaseError> {
    match reply {
        CheckpointReply::CarriedOut { owned, stop_requested, over_limit } => {
            Ok(Saved { is_owned: owned, stop_requested, over_limit, status: None, message: None })
        }
        CheckpointReply::Busy { .. } => {
            Err(SupabaseError::new(SupabaseErrorKind::Contention, "the answer is locked"))
        }
        CheckpointReply::Refused { error } => {
            Err(SupabaseError::new(SupabaseErrorKind::InvalidValue, error))
        }
    }
}

fn incomplete() -> SupabaseError {
    SupabaseError::unreadable("not every checkpoint was answered")
}

/// Sends what is due at the same moment in one request, or in as few as can be. No request waits for
/// another one.
async fn write_together(supabase: Supabase, mut queued: mpsc::UnboundedReceiver<Queued>) {
    while let Some(first) = queued.recv().await {
        sleep(GATHERING).await;
        let mut due = vec![first];
        while let Ok(next) = queued.try_recv() {
            due.push(next);
        }
        for batch in batches(due) {
            let supabase = supabase.clone();
            tokio::spawn(async move { write(&supabase, batch).await });
        }
    }
}

/// Requests for these checkpoints. Those that were sent in vain are divided each time, at last each goes
/// alone: what keeps one from being saved should not keep others from it until their leases have ended.
fn batches(due: Vec<Queued>) -> Vec<Vec<Queued>> {
    let (fresh, failed): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.failures == 0);
    let divided = failed.len().div_ceil(RETRY_REQUESTS).min(MAX_CHECKPOINTS);
    let mut batches = batches_of(MAX_CHECKPOINTS, fresh);
    batches.extend(batches_of(divided, failed));
    batches
}

/// Requests with at most so many checkpoints each.
fn batches_of(most: usize, due: Vec<Queued>) -> Vec<Vec<Queued>> {
    let mut batches: Vec<Vec<Queued>> = Vec::new();
    let mut bytes = 0;
    for queued in due {
        let length = queued.json.get().len();
        let has_room = |batch: &Vec<Queued>| batch.len() < most && bytes + length <= MAX_BYTES;
        match batches.last_mut().filter(|batch| has_room(batch)) {
            Some(batch) => batch.push(queued),
            None => {
                bytes = 0;
                batches.push(vec![queued]);
            }
        }
        bytes += length;
    }
    batches
}

async fn write(supabase: &Supabase, batch: Vec<Queued>) {
    let checkpoints: Vec<&RawValue> = batch.iter().map(|queued| &*queued.json).collect();
    let save = SaveCheckpoints { p_checkpoints: &checkpoints };
    let replies = database::call(supabase.rest(Caller::Service), &save).await;
    let replies = replies.and_then(|replies| {
        if replies.len() == batch.len() { Ok(replies) } else { Err(incomplete()) }
    });
    match replies {
        Ok(replies) => {
            for (queued, reply) in batch.into_iter().zip(replies) {
                let _ = queued.reply.send(Ok(reply));
            }
        }
        Err(error) => {
            warn!("{} checkpoints could not be saved together: {error}", batch.len());
            let error = Arc::new(error);
            for queued in batch {
                let _ = queued.reply.send(Err(error.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued(bytes: usize, failures: u32) -> Queued {
        let json = to_raw_value(&"x".repeat(bytes - 2)).unwrap();
        Queued { json, failures, reply: oneshot::channel().0 }
    }

    fn sizes(due: Vec<Queued>) -> Vec<usize> {
        batches(due).iter().map(Vec::len).collect()
    }

    fn many(count: usize, failures: u32) -> Vec<Queued> {
        (0..count).map(|_| queued(400, failures)).collect()
    }

    #[test]
    fn one_request_carries_all_that_are_due() {
        assert_eq!(sizes(many(1_000, 0)), [1_000]);
        assert_eq!(sizes(many(2_000, 0)), [1_000, 1_000]);
    }

    #[test]
    fn a_request_has_a_bound_in_bytes() {
        let due = vec![queued(600_000, 0), queued(600_000, 0), queued(400_000, 0)];
        assert_eq!(sizes(due), [1, 2]);
        assert_eq!(sizes(vec![queued(4 << 20, 0), queued(400, 0)]), [1, 1]);
    }

    #[test]
    fn what_has_failed_is_divided_until_each_goes_alone() {
        let due = [many(40, 0), many(24, 1)].into_iter().flatten().collect();
        assert_eq!(sizes(due), [40, 3, 3, 3, 3, 3, 3, 3, 3]);
        // The database may only be out of reach: then that does not grow with the number of answers.
        assert_eq!(sizes(many(2_000, 1)), [250; 8]);
        assert_eq!(sizes(many(8, 2)), [1; 8]);
    }
}
