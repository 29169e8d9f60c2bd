//! Functions about messages: which answers were read, and which versions are shown.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Function;

/// Marks an ended answer as read; replies whether it was unread.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct MarkAnswerRead {
    pub p_message_id: Uuid,
}

impl Function for MarkAnswerRead {
    const NAME: &'static str = "mark_answer_read";
    const IS_REPEATABLE: bool = true;
    type Reply = bool;
}

/// Finds the answer that a client which comes back to a chat has to be shown; `None` if there is no such
/// chat.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct AnswerToResume {
    pub p_chat_id: Uuid,
}

/// What a client that comes back has to be shown.
#[derive(Debug, Deserialize)]
pub struct ResumeReply {
    /// The answer that is being written, or else the unread one.
    pub message: Option<Box<RawValue>>,
    /// The first of the messages that wait.
    pub queued: Option<Uuid>,
    /// The newest message, if calls of it are to be answered.
    pub awaiting: Option<Uuid>,
}

impl Function for AnswerToResume {
    const NAME: &'static str = "answer_to_resume";
    const IS_REPEATABLE: bool = true;
    type Reply = Option<ResumeReply>;
}

/// Makes a version of a message and its newest continuation the active path of its chat.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SelectMessage {
    pub p_message_id: Uuid,
}

/// Whether the version is selected.
#[derive(Debug, Deserialize)]
#[serde(from = "SelectFields")]
pub enum SelectReply {
    /// It is.
    Selected(Box<RawValue>),
    /// An answer is being written in the chat.
    Busy {
        /// That answer.
        message_id: Uuid,
    },
    /// There is no such message.
    NotFound,
}

/// The reply as it is sent. An enum with a tag cannot hold a row as it came.
#[derive(Deserialize)]
struct SelectFields {
    message: Option<Box<RawValue>>,
    message_id: Option<Uuid>,
}

impl From<SelectFields> for SelectReply {
    fn from(fields: SelectFields) -> Self {
        match (fields.message, fields.message_id) {
            (Some(message), _) => Self::Selected(message),
            (None, Some(message_id)) => Self::Busy { message_id },
            (None, None) => Self::NotFound,
        }
    }
}

impl Function for SelectMessage {
    const NAME: &'static str = "select_message";
    const IS_REPEATABLE: bool = true;
    type Reply = SelectReply;
}

/// Lists the messages that wait in a chat, in their order.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct QueuedMessages {
    pub p_chat_id: Uuid,
}

/// A message that waits.
#[derive(Debug, Deserialize)]
pub struct QueuedMessage {
    /// Its id.
    pub id: Uuid,
    /// What is remembered of its request.
    pub request: Box<RawValue>,
}

impl Function for QueuedMessages {
    const NAME: &'static str = "queued_messages";
    const IS_REPEATABLE: bool = true;
    type Reply = Vec<QueuedMessage>;
}
