//! The registry of the generations that run on this replica.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, warn};
use uuid::Uuid;

use super::credentials::{Credentials, Registration, TokenRefresher};
use super::run::{AnswerWriter, Run, Signals, spans};
use crate::agent::message::answer::{Answer, Claim};
use crate::agent::{Job, Settings};
use crate::observability::metrics::Metrics;

/// How long a stop may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last saves may take once there is no more time. What they do not manage is in the
/// checkpoints, at most seconds old.
const FINAL_SAVE_TIMEOUT: Duration = Duration::from_secs(4);

/// Starts generations, finds running ones, and ends them all. Clones share them.
#[derive(Clone)]
pub struct Generations {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Arc<Settings>,
    refresher: TokenRefresher,
    by_chat: Mutex<HashMap<Uuid, Vec<Generation>>>,
    tasks: TaskTracker,
    /// Cancelled when no new generations are started.
    draining: CancellationToken,
    /// Cancelled when the running ones must end.
    shutdown: CancellationToken,
}

/// Identifies the question, to recognise a repeated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The user message's id.
    pub id: Uuid,
    /// Its parts as JSON text.
    pub parts: String,
}

/// A generation that runs here.
#[derive(Clone)]
pub struct Generation {
    id: Uuid,
    user_id: Uuid,
    question: Option<Question>,
    /// Its answer, as it grows.
    pub answer: watch::Receiver<Answer>,
    stop: CancellationToken,
}

impl Generation {
    /// Asks it to stop; its answer ends soon after.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Asks it to stop and waits for its end, a few seconds at the most.
    pub async fn stop_and_wait(mut self) {
        self.stop();
        // An answer that has been handed over is another replica's to stop.
        let is_over =
            |answer: &Answer| answer.end.is_some() || matches!(answer.claim, Claim::Elsewhere(_));
        let ended = self.answer.wait_for(is_over);
        // Both errors mean that there is nothing left to wait for.
        let _ = tokio::time::timeout(STOP_TIMEOUT, ended).await;
    }

    fn is_running(&self) -> bool {
        let answer = self.answer.borrow();
        answer.end.is_none() && matches!(answer.claim, Claim::Pending | Claim::Granted(_))
    }

    /// Whether it belongs to this user.
    pub fn is_of(&self, user_id: Uuid) -> bool {
        self.user_id == user_id
    }

    fn is_writing(&self, message_id: Uuid) -> bool {
        let answer = self.answer.borrow();
        let is_granted =
            matches!(&answer.claim, Claim::Granted(rows) if rows.message_id == message_id);
        is_granted && answer.end.is_none()
    }

    /// Whether it writes this message, or the answer to it.
    fn is_about(&self, message_id: Uuid) -> bool {
        let answer = self.answer.borrow();
        let writes = answer.claim.rows().is_some_and(|rows| rows.message_id == message_id);
        let asked = answer.metadata.get("user_message_id").and_then(|id| id.as_str());
        let answers = self.question.as_ref().is_some_and(|question| question.id == message_id)
            || asked.is_some_and(|id| id.parse() == Ok(message_id));
        answer.end.is_none() && (writes || answers)
    }
}

impl Generations {
    /// A registry without running generations.
    pub fn new(settings: Settings, refresher: TokenRefresher) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings: Arc::new(settings),
                refresher,
                by_chat: Mutex::default(),
                tasks: TaskTracker::new(),
                draining: CancellationToken::new(),
                shutdown: CancellationToken::new(),
            }),
        }
    }

    /// Starts a generation that belongs to the server. A repeat of one that runs here joins it.
    /// `None` while the server is being stopped.
    pub fn start(&self, chat_id: Uuid, question: Option<Question>, job: Job) -> Option<Generation> {
        if self.is_draining() {
            return None;
        }
        let mut by_chat = self.inner.by_chat();
        let running = by_chat.entry(chat_id).or_insert_with(|| Vec::with_capacity(1));
        let same = running.iter().find(|other| {
            question.is_some()
                && other.question == question
                && other.user_id == job.credentials.user_id
                && other.is_running()
        });
        if let Some(same) = same {
            return Some(same.clone());
        }
        let generation = self.spawn(question, job, Some(chat_id));
        running.push(generation.clone());
        Some(generation)
    }

    /// What gives credentials the newer tokens of their user's requests.
    pub fn refresher(&self) -> TokenRefresher {
        self.inner.refresher.clone()
    }

    /// Gives these credentials the newer tokens of their user's requests, until the result is dropped.
    pub fn keep_fresh(&self, credentials: &Arc<Credentials>) -> Registration {
        self.inner.refresher.register(credentials)
    }

    /// Starts a generation that is cancelled when its last listener is dropped.
    pub fn start_stateless(&self, job: Job) -> Option<watch::Receiver<Answer>> {
        if self.is_draining() {
            return None;
        }
        Some(self.spawn(None, job, None).answer)
    }

    fn spawn(&self, question: Option<Question>, job: Job, chat_id: Option<Uuid>) -> Generation {
        let (sender, answer) = watch::channel(Answer::default());
        let stop = self.inner.shutdown.child_token();
        let id = Uuid::now_v7();
        let user_id = job.credentials.user_id;
        let registration = self.inner.refresher.register(&job.credentials);
        let settings = self.inner.settings.clone();
        let inner = self.inner.clone();
        let signals = Signals::new(stop.clone(), inner.draining.clone(), inner.shutdown.clone());
        // Boxed, since a future keeps a copy of what it moves into another one.
        let writer = AnswerWriter::new(sender, usize::from(chat_id.is_some()));
        let run = Box::new(Run::new(job, settings, writer, signals, inner.tasks.clone()));
        let span = spans::generation(user_id, chat_id);
        let work = async move {
            run.run().await;
            drop(registration);
            if let Some(chat_id) = chat_id {
                inner.forget(chat_id, id);
            }
        };
        self.inner.tasks.spawn(work.instrument(span));
        Generation { id, user_id, question, answer, stop }
    }

    /// The generation that is about to write, or writes, in this chat of this user here.
    pub fn in_chat(&self, user_id: Uuid, chat_id: Uuid) -> Option<Generation> {
        let by_chat = self.inner.by_chat();
        let mut of_user = by_chat.get(&chat_id)?.iter().filter(|other| other.user_id == user_id);
        of_user.find(|generation| generation.is_running()).cloned()
    }

    /// The generation that writes this message of a chat here.
    pub fn writing(&self, chat_id: Uuid, message_id: Uuid) -> Option<Generation> {
        let by_chat = self.inner.by_chat();
        let mut of_chat = by_chat.get(&chat_id)?.iter();
        of_chat.find(|generation| generation.is_writing(message_id)).cloned()
    }

    /// The generation that writes this message, or the answer to it, here.
    pub fn find_by_message(&self, user_id: Uuid, message_id: Uuid) -> Option<Generation> {
        let by_chat = self.inner.by_chat();
        let mut all = by_chat.values().flatten().filter(|other| other.user_id == user_id);
        all.find(|generation| generation.is_about(message_id)).cloned()
    }

    /// The metrics of this server.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.settings.metrics
    }

    /// The number of generations running in chats on this replica.
    pub fn running(&self) -> usize {
        let by_chat = self.inner.by_chat();
        by_chat.values().flatten().filter(|generation| generation.is_running()).count()
    }

    /// Whether new generations are refused.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.is_cancelled()
    }

    /// Refuses new generations from now on.
    pub fn drain(&self) {
        self.inner.draining.cancel();
        self.inner.tasks.close();
    }

    /// Waits for the running generations; after `grace` the rest are saved as interrupted.
    pub async fn finish(&self, grace: Duration) {
        self.drain();
        if tokio::time::timeout(grace, self.inner.tasks.wait()).await.is_err() {
            self.inner.shutdown.cancel();
            if tokio::time::timeout(FINAL_SAVE_TIMEOUT, self.inner.tasks.wait()).await.is_err() {
                warn!("some answers could not be saved before the server stopped");
            }
        }
    }
}

impl Inner {
    fn by_chat(&self) -> MutexGuard<'_, HashMap<Uuid, Vec<Generation>>> {
        self.by_chat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, chat_id: Uuid, id: Uuid) {
        let mut by_chat = self.by_chat();
        if let Some(running) = by_chat.get_mut(&chat_id) {
            running.retain(|generation| generation.id != id);
            if running.is_empty() {
                by_chat.remove(&chat_id);
            }
        }
    }
}
