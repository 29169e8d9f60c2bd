//! The functions for calls that wait for the page, and for continuing their answers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{BeginReply, Function};
use crate::agent::Reserve;

/// Records the results of calls that wait for the page.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct AnswerToolCalls<'a> {
    pub p_chat_id: Uuid,
    /// `{"output"}` or `{"error"}` by the calls' ids.
    pub p_outcomes: &'a Map<String, Value>,
    /// The message; without it there is one call, and its newest message is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_message_id: Option<Uuid>,
}

/// What has become of the results.
#[derive(Debug, Deserialize)]
pub struct AnsweredCalls {
    /// The message of the calls.
    pub message_id: Uuid,
    /// Of each call.
    pub results: HashMap<String, CallResult>,
    /// How many calls still wait.
    pub remaining: u64,
    /// How many parts the message had when it began to wait.
    pub message_parts: usize,
}

/// What has become of a call's result. The first one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// It is recorded.
    Recorded,
    /// The same was recorded before.
    Same,
    /// There is another one.
    Decided,
    /// Nobody wants it any more.
    Superseded,
    /// It came too late.
    Expired,
    /// The message has no call with this id that waits for the page.
    Unknown,
}

impl Function for AnswerToolCalls<'_> {
    const NAME: &'static str = "answer_tool_calls";
    const IS_REPEATABLE: bool = true;
    type Reply = Option<AnsweredCalls>;
}

/// Continues an answer whose calls wait for nobody any more. The claim belongs to `p_run`.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ContinueGeneration<'a> {
    pub p_chat_id: Uuid,
    pub p_message_id: Uuid,
    pub p_run: Uuid,
    pub p_model: Option<&'a str>,
    pub p_reserve: Reserve,
}

impl Function for ContinueGeneration<'_> {
    const NAME: &'static str = "continue_generation";
    const IS_REPEATABLE: bool = true;
    type Reply = BeginReply;
}
