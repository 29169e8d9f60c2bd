//! Who works on which chat's queue on this replica, and who listens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::{oneshot, watch};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::agent::Answer;
use crate::api::messages::model::Message;

/// In how many chats messages are waited for at once. In others they are answered at the next request.
const MAX_CHATS: usize = 4_096;

/// A user message that waits for its turn.
#[derive(Debug, Serialize, ToSchema)]
pub struct QueuedAnswer {
    /// The message, with `metadata.queued`.
    #[schema(value_type = Message)]
    pub user_message: Box<RawValue>,
    /// Always true.
    pub queued: bool,
}

/// The chats whose queues this replica works on. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Queues {
    by_chat: Arc<Mutex<HashMap<Uuid, Queue>>>,
}

/// A queue that is worked on.
#[derive(Default)]
struct Queue {
    /// Somebody has asked for it since the work last looked.
    is_asked_for: bool,
    listeners: Vec<Listener>,
}

/// A request that waits for the answer to a message.
#[derive(Debug)]
struct Listener {
    message_id: Uuid,
    started: oneshot::Sender<watch::Receiver<Answer>>,
}

impl Queues {
    /// Begins the work on a chat's queue; false if it has been started, or if there is too much of it. Then
    /// it looks once more before it ends.
    pub(super) fn begin(&self, chat_id: Uuid) -> bool {
        let mut by_chat = self.lock();
        if let Some(queue) = by_chat.get_mut(&chat_id) {
            queue.is_asked_for = true;
            return false;
        }
        let has_room = by_chat.len() < MAX_CHATS;
        if has_room {
            by_chat.insert(chat_id, Queue::default());
        }
        has_room
    }

    /// The answer to a message that waits, once it has started.
    pub(super) fn listen(
        &self,
        chat_id: Uuid,
        message_id: Uuid,
    ) -> oneshot::Receiver<watch::Receiver<Answer>> {
        let (started, answer) = oneshot::channel();
        if let Some(queue) = self.lock().get_mut(&chat_id) {
            queue.listeners.push(Listener { message_id, started });
        }
        answer
    }

    pub(super) fn notify(&self, chat_id: Uuid, message_id: Uuid, answer: &watch::Receiver<Answer>) {
        let mut by_chat = self.lock();
        let Some(queue) = by_chat.get_mut(&chat_id) else { return };
        for listener in queue.listeners.extract_if(.., |listener| listener.message_id == message_id)
        {
            let _ = listener.started.send(answer.clone());
        }
    }

    /// The messages that are listened for.
    pub(super) fn listened_for(&self, chat_id: Uuid) -> Vec<Uuid> {
        let by_chat = self.lock();
        let listeners = by_chat.get(&chat_id).into_iter().flat_map(|queue| &queue.listeners);
        listeners.map(|listener| listener.message_id).collect()
    }

    pub(super) fn forget(&self, chat_id: Uuid, message_id: Uuid) {
        if let Some(queue) = self.lock().get_mut(&chat_id) {
            queue.listeners.retain(|listener| listener.message_id != message_id);
        }
    }

    pub(super) fn end(&self, chat_id: Uuid) {
        self.lock().remove(&chat_id);
    }

    /// Ends the work on a queue, unless somebody has asked for it since it last looked.
    pub(super) fn end_if_unasked(&self, chat_id: Uuid) -> bool {
        let mut by_chat = self.lock();
        let is_asked_for =
            by_chat.get_mut(&chat_id).is_some_and(|queue| std::mem::take(&mut queue.is_asked_for));
        if !is_asked_for {
            by_chat.remove(&chat_id);
        }
        !is_asked_for
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Queue>> {
        self.by_chat.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
