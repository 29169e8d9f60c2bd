//! The events of a run. Only those that clients of 0.0.59 know, because they refuse others.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An event of a run: the `data` of one server-sent event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = AgUiEvent)]
#[allow(missing_docs, reason = "the protocol says what its fields mean")]
pub enum Event<'a> {
    #[serde(rename_all = "camelCase")]
    RunStarted {
        thread_id: &'a str,
        run_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    RunFinished {
        thread_id: &'a str,
        run_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        result: Option<RunResult<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<Outcome<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        usage: Option<[RunUsage<'a>; 1]>,
    },
    RunError {
        message: &'a str,
        code: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    StepStarted {
        step_name: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    StepFinished {
        step_name: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    TextMessageStart {
        message_id: &'a str,
        role: &'static str,
    },
    #[serde(rename_all = "camelCase")]
    TextMessageContent {
        message_id: &'a str,
        delta: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    TextMessageEnd {
        message_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    ReasoningStart {
        message_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    ReasoningMessageStart {
        message_id: &'a str,
        role: &'static str,
    },
    #[serde(rename_all = "camelCase")]
    ReasoningMessageContent {
        message_id: &'a str,
        delta: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    ReasoningMessageEnd {
        message_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    ReasoningEnd {
        message_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    ToolCallStart {
        tool_call_id: &'a str,
        tool_call_name: &'a str,
        parent_message_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    ToolCallArgs {
        tool_call_id: &'a str,
        delta: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    ToolCallEnd {
        tool_call_id: &'a str,
    },
    #[serde(rename_all = "camelCase")]
    ToolCallResult {
        message_id: &'a str,
        tool_call_id: &'a str,
        content: &'a str,
        role: &'static str,
    },
    StateSnapshot {
        snapshot: &'a Value,
    },
    #[serde(rename_all = "camelCase")]
    MessagesSnapshot {
        #[schema(value_type = Vec<Object>)]
        messages: &'a [Value],
    },
    Custom {
        name: &'a str,
        value: Value,
    },
}

/// The answer of a run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AgUiRunResult)]
pub struct RunResult<'a> {
    /// ID of the stored message.
    #[schema(value_type = String, example = "0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b")]
    pub message_id: uuid::Uuid,
    /// Why the model stopped.
    #[schema(example = "stop")]
    pub finish_reason: &'a str,
    /// Cost of the answer in USD; null if unknown.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
}

/// How a run has ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[schema(as = AgUiOutcome)]
pub enum Outcome<'a> {
    /// It is complete.
    #[serde(rename_all = "camelCase")]
    Success {
        /// Calls that wait for the client's tools.
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        pending_tool_call_ids: &'a [&'a str],
    },
    /// It waits (TanStack AI).
    Interrupt {
        /// What it waits for.
        interrupts: Vec<Interrupt<'a>>,
    },
    /// It was stopped.
    Cancelled,
}

/// A call that waits for a tool of TanStack AI's client.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AgUiInterrupt)]
pub struct Interrupt<'a> {
    /// ID of the interrupt.
    #[schema(example = "client_tool_call_1")]
    pub id: String,
    /// `tanstack:client_tool_execution`.
    pub reason: &'static str,
    /// The call.
    pub tool_call_id: &'a str,
    /// Always an empty schema.
    pub response_schema: Value,
    /// `kind`, `toolName` and `input`.
    pub metadata: Value,
}

/// Token usage of a run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AgUiUsage)]
#[allow(missing_docs)]
pub struct RunUsage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<&'a str>,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub total_tokens: u64,
    pub reasoning_tokens: u64,
    pub cached_input_tokens: u64,
    pub cache_write_input_tokens: u64,
}
