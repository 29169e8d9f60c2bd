//! The claim of a chat for an answer.

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::agent::Refusal;

/// Whether the chat could be claimed for the answer.
#[derive(Clone, Debug, Default)]
pub enum Claim {
    /// Not yet known.
    #[default]
    Pending,
    /// It is generated here.
    Granted(Rows),
    /// Another replica is generating it.
    Elsewhere(Rows),
    /// It was answered before.
    Answered(Rows),
    /// It cannot be answered.
    Refused(Refusal),
}

/// The messages of a claim, as they are stored.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The assistant message's id.
    pub message_id: Uuid,
    /// The assistant message when the chat was claimed; none for a stateless answer.
    pub message: Option<Box<RawValue>>,
    /// The question; none for a stateless answer.
    pub user_message: Option<Box<RawValue>>,
}

impl Claim {
    /// The messages, once the chat is claimed.
    pub fn rows(&self) -> Option<&Rows> {
        match self {
            Self::Granted(rows) | Self::Elsewhere(rows) | Self::Answered(rows) => Some(rows),
            Self::Pending | Self::Refused(_) => None,
        }
    }
}
