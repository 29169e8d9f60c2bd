//! The functions by which an answer is claimed, saved and stopped.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Function;
use crate::agent::{
    Extension, HistoryMessage, OverLimit, Reserve, Reserved, SavedEnd, TokenUsage, UsageLog,
};

/// Claims a chat for one answer. The claim belongs to `p_run`: the same again gets the same reply.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct BeginGeneration<'a> {
    pub p_chat_id: Uuid,
    pub p_run: Uuid,
    pub p_message_id: Uuid,
    pub p_action: Action,
    pub p_user_message: Option<UserMessage<'a>>,
    pub p_regenerate: Option<Uuid>,
    pub p_model: Option<&'a str>,
    pub p_default_model: &'a str,
    pub p_create_chat: Option<CreateChat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_reserve: Option<Reserve>,
}

/// What is to be done with the user message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is answered.
    Submit,
    /// It is answered, and may replace the content of a known message.
    Edit,
    /// It is answered again.
    Regenerate,
}

/// A message of the user's.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct UserMessage<'a> {
    pub id: Uuid,
    pub content: &'a str,
    pub parts: &'a [Value],
    pub metadata: Option<&'a Map<String, Value>>,
}

/// Creates a chat that does not exist yet, with the defaults of the table.
#[derive(Debug, Serialize)]
pub struct CreateChat {}

/// Whether the chat is claimed.
#[derive(Debug, Deserialize)]
#[serde(try_from = "BeginFields")]
pub enum BeginReply {
    /// It is.
    Started(Box<StartedReply>),
    /// This question is being answered.
    Running(Messages),
    /// This question was answered before.
    Answered(Messages),
    /// Another answer is being written.
    Busy {
        /// That answer.
        message_id: Uuid,
    },
    /// The id of the message is in use.
    Conflict,
    /// Something does not exist.
    NotFound(Missing),
    /// Every message is answered.
    NothingToAnswer,
    /// The day's tokens are used up.
    OverLimit(OverLimit),
}

/// A claimed chat.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct StartedReply {
    pub messages: Messages,
    pub chat: ChatRow,
    pub history: Vec<HistoryMessage>,
    pub reserved: Option<Reserved>,
}

/// The rows of an answer and its question.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Messages {
    pub message: Box<RawValue>,
    pub user_message: Option<Box<RawValue>>,
}

/// What the server reads of a chat.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct ChatRow {
    pub title: String,
    pub system_prompt: Option<String>,
}

/// What does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Missing {
    Chat,
    Message,
}

/// The reply as it is sent. An enum with a tag cannot hold rows as they came, so it is made of this.
#[derive(Deserialize)]
struct BeginFields {
    answer: BeginAnswer,
    missing: Option<Missing>,
    message_id: Option<Uuid>,
    message: Option<Box<RawValue>>,
    user_message: Option<Box<RawValue>>,
    chat: Option<ChatRow>,
    reserved: Option<Reserved>,
    over_limit: Option<OverLimit>,
    #[serde(default)]
    history: Vec<HistoryMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum BeginAnswer {
    Started,
    Running,
    Answered,
    Busy,
    Conflict,
    NotFound,
    NothingToAnswer,
    OverLimit,
}

impl BeginFields {
    fn messages(&mut self) -> Result<Messages, &'static str> {
        let message = self.message.take().ok_or("an answer without its message")?;
        Ok(Messages { message, user_message: self.user_message.take() })
    }
}

impl TryFrom<BeginFields> for BeginReply {
    type Error = &'static str;

    fn try_from(mut fields: BeginFields) -> Result<Self, Self::Error> {
        Ok(match fields.answer {
            BeginAnswer::Started => Self::Started(Box::new(StartedReply {
                messages: fields.messages()?,
                chat: fields.chat.ok_or("a claim without its chat")?,
                history: fields.history,
                reserved: fields.reserved,
            })),
            BeginAnswer::Running => Self::Running(fields.messages()?),
            BeginAnswer::Answered => Self::Answered(fields.messages()?),
            BeginAnswer::Busy => Self::Busy {
                message_id: fields.message_id.ok_or("a busy chat without its answer")?,
            },
            BeginAnswer::Conflict => Self::Conflict,
            BeginAnswer::NotFound => Self::NotFound(fields.missing.unwrap_or(Missing::Chat)),
            BeginAnswer::NothingToAnswer => Self::NothingToAnswer,
            BeginAnswer::OverLimit => {
                Self::OverLimit(fields.over_limit.ok_or("a limit without numbers")?)
            }
        })
    }
}

impl Function for BeginGeneration<'_> {
    const NAME: &'static str = "begin_generation";
    const IS_REPEATABLE: bool = true;
    type Reply = BeginReply;
}

/// Saves an answer for the run that owns it, or its usage alone if it is no message.
#[derive(Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct SaveGeneration<'a> {
    pub p_message_id: Uuid,
    pub p_run: Uuid,
    pub p_chat_id: Uuid,
    pub p_content: Option<&'a str>,
    pub p_parts: Option<&'a RawValue>,
    pub p_model: Option<&'a str>,
    pub p_metadata: Option<&'a Map<String, Value>>,
    pub p_usage: Option<TokenUsage>,
    pub p_cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_reserve: Option<Extension>,
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
    /// Somebody has asked for a stop.
    pub stop_requested: bool,
    /// The message after its end.
    pub message: Option<Box<RawValue>>,
    /// What was to be reserved is not left of the day's tokens.
    pub over_limit: Option<OverLimit>,
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
        /// How many.
        reserved: Reserved,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_as_they_came() {
        let reply = r#"{"answer":"running","message":{"b":1.0,"a":2},"user_message":null}"#;
        match serde_json::from_str(reply).unwrap() {
            BeginReply::Running(Messages { message, user_message: None }) => {
                assert_eq!(message.get(), r#"{"b":1.0,"a":2}"#);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_says_too_little_is_no_reply() {
        for reply in [
            r#"{"answer":"later"}"#,
            r#"{"answer":"running"}"#,
            r#"{"answer":"busy"}"#,
            r#"{"answer":"over_limit"}"#,
            r#"{"answer":"started","message":{}}"#,
            "null",
        ] {
            assert!(serde_json::from_str::<BeginReply>(reply).is_err(), "{reply}");
        }
    }

    #[test]
    fn a_chat_that_does_not_exist_has_nothing_to_stop() {
        assert!(matches!(serde_json::from_str("null").unwrap(), StopReply::NoChat));
        let idle = serde_json::from_str(r#"{"running":false,"message":null}"#).unwrap();
        assert!(matches!(idle, StopReply::Idle(None)));
    }
}
