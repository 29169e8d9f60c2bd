//! The functions for calls that wait for the page or a decision, and for continuing their answers.

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

/// A call that waits for a decision, or has waited.
#[derive(Clone, Debug, Deserialize)]
#[allow(missing_docs)]
pub struct StoredCall {
    /// The id by which it is decided.
    pub id: Uuid,
    pub chat_id: Uuid,
    pub message_id: Uuid,
    /// The provider's id.
    pub call_id: String,
    /// The label of the tool's source.
    pub source: String,
    /// The tool's name there.
    pub source_tool: Option<String>,
    /// The name by which the model called it.
    pub tool: String,
    pub title: Option<String>,
    pub target: Option<String>,
    pub policy: Option<String>,
    pub policy_reason: Option<String>,
    /// JSON Pointers of arguments that are not shown.
    pub redact: Option<Vec<String>>,
    pub definition_digest: Option<String>,
    pub arguments: Value,
    pub arguments_digest: Option<String>,
    pub is_repeatable: bool,
    pub may_edit: bool,
    pub may_remember: bool,
    pub seal: Option<String>,
    /// Whether the seal is over the call's own id; older ones are not.
    pub binds_id: bool,
    pub state: String,
    pub expires_at: String,
}

/// The call with this approval's or call's id; none if the chat has none.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct FindToolCall<'a> {
    pub p_chat_id: Uuid,
    pub p_call: &'a str,
}

impl Function for FindToolCall<'_> {
    const NAME: &'static str = "find_tool_call";
    const IS_REPEATABLE: bool = true;
    type Reply = Option<StoredCall>;
}

/// What waits for the caller's decision, the oldest first.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct PendingToolCalls {
    pub p_limit: usize,
    /// The last one of the page before.
    pub p_after: Option<Uuid>,
}

impl Function for PendingToolCalls {
    const NAME: &'static str = "pending_tool_calls";
    const IS_REPEATABLE: bool = true;
    type Reply = Vec<StoredCall>;
}

/// Approves or denies a call; the first decision counts.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct DecideToolCall<'a> {
    pub p_chat_id: Uuid,
    pub p_call: &'a str,
    pub p_approved: bool,
    pub p_reason: Option<&'a str>,
    /// The digest of the arguments that the person has seen.
    pub p_digest: Option<&'a str>,
    pub p_edit: Option<EditedArguments<'a>>,
    /// Allows the tool for the rest of the chat.
    pub p_grant_seal: Option<String>,
}

/// Arguments that the person has changed.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct EditedArguments<'a> {
    pub arguments: &'a Value,
    pub arguments_digest: String,
    pub seal: String,
}

/// What has become of a decision.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct DecidedCall {
    pub answer: DecisionResult,
    pub state: String,
    pub approved: Option<bool>,
    pub message_id: Uuid,
    /// How many calls still wait.
    pub remaining: u64,
    /// How many parts the message had when it began to wait.
    pub message_parts: usize,
}

/// Whether a decision counts. The first one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum DecisionResult {
    Recorded,
    /// It was decided so before.
    Same,
    /// It was decided otherwise.
    Decided,
    /// The person has seen other arguments.
    ArgumentsChanged,
    /// The arguments may not be changed.
    NotEditable,
    Expired,
    Superseded,
    /// Nobody is asked about this call.
    Unknown,
}

impl Function for DecideToolCall<'_> {
    const NAME: &'static str = "decide_tool_call";
    const IS_REPEATABLE: bool = true;
    type Reply = Option<DecidedCall>;
}

/// What the caller has allowed for the rest of a chat.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ToolGrants {
    pub p_chat_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_user_id: Option<Uuid>,
}

/// A tool that is allowed for the rest of a chat.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct StoredGrant {
    pub source: String,
    pub tool: String,
    pub definition_digest: String,
    pub seal: String,
}

impl Function for ToolGrants {
    const NAME: &'static str = "tool_grants";
    const IS_REPEATABLE: bool = true;
    type Reply = Vec<StoredGrant>;
}

/// Takes an approved call for the run that writes its message; none if it is not the run's.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct ClaimToolCall<'a> {
    pub p_message_id: Uuid,
    pub p_run: Uuid,
    pub p_call_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_user_id: Option<Uuid>,
}

/// Whether the call is the run's.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct ClaimedCall {
    /// `claimed`, or the state of a call that has ended.
    pub answer: String,
    pub call: Option<StoredCall>,
    /// `{"output"}` or `{"error"}` of one that has ended.
    pub outcome: Option<Value>,
}

impl Function for ClaimToolCall<'_> {
    const NAME: &'static str = "claim_tool_call";
    const IS_REPEATABLE: bool = true;
    type Reply = Option<ClaimedCall>;
}

/// Records what a call has come to; whether it was the run's still.
#[derive(Debug, Serialize)]
#[allow(missing_docs)]
pub struct FinishToolCall<'a> {
    pub p_message_id: Uuid,
    pub p_run: Uuid,
    pub p_call_id: &'a str,
    pub p_state: &'static str,
    /// `{"output"}` or `{"error"}`.
    pub p_outcome: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_user_id: Option<Uuid>,
}

impl Function for FinishToolCall<'_> {
    const NAME: &'static str = "finish_tool_call";
    const IS_REPEATABLE: bool = true;
    type Reply = bool;
}
