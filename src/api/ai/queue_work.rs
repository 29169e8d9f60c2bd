//! Messages that wait for the answer that is being written in their chat: `if_running: "queue"`.
//!
//! The database has them, with what is needed to answer them. A replica that has been asked about a chat
//! answers what waits there, one after another; who is the first to claim the chat answers the message.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use tokio::time::sleep;
use uuid::Uuid;

use super::begin::{self, AnswerReceiver};
use super::model::ChatGenerate;
use super::request::ChatRequest;
use super::{Ai, resume};
use crate::agent::Credentials;
use crate::database::{self, Action, QueuedMessage, QueuedMessages};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::memory::Held;

/// How long a chat is left alone that cannot be claimed, as after a stop whose owner was not heard of.
const PAUSE: Duration = Duration::from_secs(1);
/// How often that is tried: longer than the lease of an owner that was not heard of.
const MAX_REFUSALS: u32 = 45;

/// Sees to it that what waits in a chat is answered. `held` says whose memory it takes.
pub(super) fn work_on(ai: &Ai, user: &CurrentUser, chat_id: Uuid, held: &Held) {
    if ai.queues.begin(chat_id) {
        let held = Held::new(held.sibling());
        let credentials = Credentials::new(user.id, user.token.clone(), user.expires_at);
        let (ai, user) = (ai.clone(), user.clone());
        let work = Work { ai, user, credentials, chat_id, held, refusals: 0 };
        tokio::spawn(work.run());
    }
}

/// The work on one chat's queue.
struct Work {
    ai: Ai,
    user: CurrentUser,
    /// The user's newest token.
    credentials: Arc<Credentials>,
    chat_id: Uuid,
    held: Held,
    /// How often in a row the next message could not be answered.
    refusals: u32,
}

impl Work {
    /// Answers what waits until nothing does.
    async fn run(mut self) {
        let _fresh = self.ai.generations.keep_fresh(&self.credentials);
        loop {
            match self.step().await {
                Ok(true) => {}
                // One may have come between the last look and the end.
                Ok(false) if self.ai.queues.end_if_unasked(self.chat_id) => break,
                Ok(false) => {}
                Err(error) => {
                    tracing::info!("messages go on waiting for the next request: {error:?}");
                    self.ai.queues.end(self.chat_id);
                    break;
                }
            }
        }
    }

    /// Waits for what is being written and has the next message answered; false when nothing waits.
    async fn step(&mut self) -> Result<bool, ApiError> {
        self.wait_until_idle().await?;
        self.user.token = self.credentials.token();
        self.user.expires_at = self.credentials.expires_at();
        if resume::is_awaiting(&self.ai, &self.user, self.chat_id).await? {
            // Who continues that answer goes on with the queue.
            return Ok(false);
        }
        let queue = self.queue().await?;
        for message_id in self.ai.queues.listened_for(self.chat_id) {
            if queue.iter().all(|queued| queued.id != message_id) {
                self.catch_up(message_id).await;
            }
        }
        let Some(next) = queue.into_iter().next() else { return Ok(false) };
        let request = serde_json::from_str(next.request.get())
            .map_err(|error| ApiError::unreadable("message", error))?;
        match self.begin(next.id, request).await {
            Ok(answer) => {
                self.ai.queues.notify(self.chat_id, next.id, &answer);
                let has_ended = answer.borrow().end.is_some();
                if has_ended && !self.is_answered(next.id).await? {
                    // It waits although there is an answer: somebody has written one beside it.
                    return self.refused().await;
                }
                self.refusals = 0;
            }
            // Another one is being written, or the message has been answered or deleted meanwhile.
            Err(error) if is_passing(&error) && self.refusals < MAX_REFUSALS => {
                return self.refused().await;
            }
            Err(error) => {
                if !self.is_answered(next.id).await? {
                    return Err(error);
                }
                // Its answer has failed, which says nothing of the others'.
                self.refusals = 0;
                self.ai.queues.forget(self.chat_id, next.id);
            }
        }
        Ok(true)
    }

    /// Waits before the same message is tried again; false when that was done often enough.
    async fn refused(&mut self) -> Result<bool, ApiError> {
        self.refusals += 1;
        sleep(PAUSE).await;
        Ok(self.refusals <= MAX_REFUSALS)
    }

    async fn is_answered(&self, message_id: Uuid) -> Result<bool, ApiError> {
        Ok(self.queue().await?.iter().all(|queued| queued.id != message_id))
    }

    async fn wait_until_idle(&self) -> Result<(), ApiError> {
        if let Some(mut answer) = resume::resume(&self.ai, &self.user, self.chat_id).await? {
            let _ = answer.wait_for(|answer| answer.end.is_some()).await;
        }
        Ok(())
    }

    async fn queue(&self) -> Result<Vec<QueuedMessage>, ApiError> {
        let list = QueuedMessages { p_chat_id: self.chat_id };
        Ok(database::call(self.ai.supabase.rest(self.user.caller()), &list).await?)
    }

    /// Finds the answer to a message that another replica has had answered.
    async fn catch_up(&self, message_id: Uuid) {
        match self.begin(message_id, ChatGenerate::default()).await {
            Ok(answer) => self.ai.queues.notify(self.chat_id, message_id, &answer),
            Err(_) => self.ai.queues.forget(self.chat_id, message_id),
        }
    }

    async fn begin(&self, id: Uuid, body: ChatGenerate) -> Result<AnswerReceiver, ApiError> {
        let held = Held::new(self.held.sibling());
        let request = ChatRequest::read(body, self.chat_id, &HeaderMap::new(), held)?;
        let request = ChatRequest {
            action: Action::Queued,
            regenerate: Some(id),
            user_message: None,
            ..request
        };
        begin::start(&self.ai, &self.user, self.chat_id, false, request).await
    }
}

fn is_passing(error: &ApiError) -> bool {
    [StatusCode::CONFLICT, StatusCode::NOT_FOUND].contains(&error.status())
}
