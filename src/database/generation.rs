//! The functions by which an answer is saved, followed and stopped, and its tokens are reserved.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Function;
use crate::agent::{
    Budget, BudgetLimit, Checkpoint, OverLimit, PartDelta, Reserve, Reserved, SavedEnd, TokenUsage,
    UsageLog,
};
use crate::providers::catalogue::Usd;

/// Saves what is new of answers that are being written and renews their leases, each by itself.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct SaveCheckpoints<'a> {
    /// Each a [`RunCheckpoint`].
    pub p_checkpoints: &'a [&'a RawValue],
}

/// A checkpoint of a run.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct RunCheckpoint {
    pub run: Uuid,
    /// The user for whom the service key acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    #[serde(flatten)]
    pub checkpoint: Checkpoint,
}

/// What has become of a checkpoint.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum CheckpointReply {
    /// It was carried out, as far as the answer is still the run's.
    CarriedOut {
        /// The message is still the run's.
        owned: bool,
        /// A stop was requested.
        stop_requested: bool,
        /// What was to be reserved is not left of the day's tokens.
        over_limit: Option<OverLimit>,
    },
    /// The answer was locked: it is to be sent again.
    Busy {
        /// Always.
        busy: bool,
    },
    /// It was refused.
    Refused {
        /// Why.
        error: String,
    },
}

impl Function for SaveCheckpoints<'_> {
    const NAME: &'static str = "save_checkpoints";
    const IS_REPEATABLE: bool = true;
    type Reply = Vec<CheckpointReply>;
}

/// Reads what is new of an answer that another replica writes.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct FollowAnswer {
    pub p_message_id: Uuid,
    /// The checkpoint up to which it was read.
    pub p_after: u32,
}

/// What is new of an answer.
#[derive(Debug, Deserialize)]
pub struct Followed {
    /// The message, if it has ended or is saved whole; then there is nothing else.
    pub message: Option<Box<RawValue>>,
    /// Up to which checkpoint this is.
    #[serde(default)]
    pub checkpoint: u32,
    /// What was saved since.
    #[serde(default)]
    pub delta: Vec<PartDelta>,
    /// The model, once it is known.
    pub model: Option<String>,
    /// Its provider.
    pub provider: Option<String>,
}

impl Function for FollowAnswer {
    const NAME: &'static str = "follow_answer";
    const IS_REPEATABLE: bool = true;
    type Reply = Option<Followed>;
}

/// Saves the end of an answer for the run that owns it, or its usage alone if it is no message.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct SaveGeneration<'a> {
    pub p_message_id: Uuid,
    pub p_run: Uuid,
    pub p_chat_id: Uuid,
    pub p_parts: Option<&'a RawValue>,
    pub p_model: Option<&'a str>,
    pub p_metadata: Option<&'a Map<String, Value>>,
    pub p_usage: Option<TokenUsage>,
    pub p_cost_usd: Option<Usd>,
    pub p_end: Option<SaveEnd<'a>>,
    /// The user for whom the service key acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_user_id: Option<Uuid>,
}

/// The end of an answer.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum SaveEnd<'a> {
    /// Of a message.
    Message(&'a SavedEnd),
    /// Of something that is no message.
    Usage {
        /// Its usage, where a provider was called at all.
        usage_log: Option<&'a UsageLog>,
    },
}

/// What has become of the answer. The parts are independent of one another.
#[derive(Debug, Deserialize)]
pub struct SaveReply {
    /// The message is still the run's.
    pub owned: bool,
    /// A stop was requested.
    pub stop_requested: bool,
    /// The message after its end.
    pub message: Option<Box<RawValue>>,
}

impl Function for SaveGeneration<'_> {
    const NAME: &'static str = "save_generation";
    const IS_REPEATABLE: bool = true;
    type Reply = SaveReply;
}

/// Asks the running answer of a chat to stop.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct RequestStop {
    pub p_chat_id: Uuid,
}

/// What there was to stop.
#[derive(Debug, Deserialize)]
#[serde(from = "Option<StopFields>")]
pub enum StopReply {
    /// The chat does not exist.
    NoChat,
    /// An answer that is being written, whose owner will end it.
    Running(Option<Box<RawValue>>),
    /// Nothing; the newest answer of the chat, if it has one.
    Idle(Option<Box<RawValue>>),
}

#[derive(Deserialize)]
struct StopFields {
    running: bool,
    message: Option<Box<RawValue>>,
}

impl From<Option<StopFields>> for StopReply {
    fn from(fields: Option<StopFields>) -> Self {
        match fields {
            None => Self::NoChat,
            Some(StopFields { running: true, message }) => Self::Running(message),
            Some(StopFields { running: false, message }) => Self::Idle(message),
        }
    }
}

impl Function for RequestStop {
    const NAME: &'static str = "request_stop";
    const IS_REPEATABLE: bool = true;
    type Reply = StopReply;
}

/// Reserves the day's tokens for an answer that belongs to no chat.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ReserveTokens {
    pub p_run: Uuid,
    pub p_reserve: Reserve,
}

/// Whether they are reserved.
#[derive(Debug, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum ReserveReply {
    /// They are.
    Started {
        /// How many; none without a limit.
        reserved: Option<Reserved>,
    },
    /// The day's tokens are used up.
    OverLimit {
        /// What is left of them.
        over_limit: OverLimit,
    },
}

impl Function for ReserveTokens {
    const NAME: &'static str = "reserve_tokens";
    const IS_REPEATABLE: bool = true;
    type Reply = ReserveReply;
}

/// What counts against the caller's budgets.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct Budgets<'a> {
    pub p_budgets: &'a [BudgetLimit],
}

impl Function for Budgets<'_> {
    const NAME: &'static str = "budgets";
    const IS_REPEATABLE: bool = true;
    type Reply = Option<Vec<Budget>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_that_does_not_exist_has_nothing_to_stop() {
        assert!(matches!(serde_json::from_str("null").unwrap(), StopReply::NoChat));
        let idle = serde_json::from_str(r#"{"running":false,"message":null}"#).unwrap();
        assert!(matches!(idle, StopReply::Idle(None)));
    }
}
