//! The function by which a chat is claimed for an answer.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Function;
use crate::agent::{HistoryMessage, OverLimit, Reserve, Reserved};

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
    pub p_reserve: Reserve,
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
    /// It has waited, and is answered now. `p_regenerate` names it.
    Queued,
}

/// A message of the user's.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct UserMessage<'a> {
    pub id: Uuid,
    pub content: &'a str,
    pub parts: &'a [Value],
    pub metadata: Option<&'a Map<String, Value>>,
    /// The message that it follows in the client's list, where that is known; `Some(None)` if it is the
    /// first there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Option<Uuid>>,
    /// What is remembered of the request if the message has to wait; without it nothing waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<&'a RawValue>,
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
    /// This question was answered before, or there is nothing to continue yet or any more.
    Answered(Messages),
    /// Another answer is being written.
    Busy {
        /// That answer.
        message_id: Uuid,
    },
    /// The message waits; it is this.
    Queued(Box<RawValue>),
    /// As many messages wait already as may.
    QueueFull,
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
    pub lease: Duration,
    /// Messages wait for this answer's end.
    pub has_queue: bool,
    /// The checkpoint of this run that holds the parts which the message has already; 0 where it has none.
    pub checkpoint: u32,
    /// What the page's tools were that this message has called.
    pub definitions: Vec<Value>,
    /// The ids of its calls that were approved and are to be made.
    pub calls: Vec<CallToRun>,
}

/// A call that was approved and is to be made.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct CallToRun {
    pub call_id: String,
    pub tool: String,
    pub source: String,
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
    #[serde(default)]
    has_queue: bool,
    reserved: Option<Reserved>,
    over_limit: Option<OverLimit>,
    /// Before there was such a member, leases had this length.
    #[serde(default = "first_lease_ms")]
    lease_ms: u64,
    #[serde(default)]
    history: Vec<HistoryMessage>,
    #[serde(default)]
    checkpoint: u32,
    #[serde(default)]
    definitions: Vec<Value>,
    #[serde(default)]
    calls: Vec<CallToRun>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum BeginAnswer {
    Started,
    Running,
    Answered,
    Busy,
    Queued,
    QueueFull,
    Conflict,
    NotFound,
    NothingToAnswer,
    OverLimit,
    Ended,
    NotReady,
}

fn first_lease_ms() -> u64 {
    15_000
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
                lease: Duration::from_millis(fields.lease_ms),
                has_queue: fields.has_queue,
                checkpoint: fields.checkpoint,
                definitions: fields.definitions,
                calls: fields.calls,
            })),
            BeginAnswer::Running => Self::Running(fields.messages()?),
            BeginAnswer::Answered | BeginAnswer::Ended | BeginAnswer::NotReady => {
                Self::Answered(fields.messages()?)
            }
            BeginAnswer::Busy => Self::Busy {
                message_id: fields.message_id.ok_or("a busy chat without its answer")?,
            },
            BeginAnswer::Queued => {
                Self::Queued(fields.user_message.ok_or("a message that waits is missing")?)
            }
            BeginAnswer::QueueFull => Self::QueueFull,
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
}
