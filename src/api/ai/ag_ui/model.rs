//! What AG-UI clients send.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::api::ai::model::Effort;
use crate::http::extract::{optional_object, optional_objects};
use crate::providers::ReasoningEffort;

/// Request for a run (AG-UI `RunAgentInput`). Fields that are not listed are ignored.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"threadId": "trip-to-rome", "runId": "run-1",
    "messages": [{"id": "u1", "role": "user", "content": "Hello"}], "tools": [], "context": []}))]
pub struct RunAgentInput {
    /// ID of the chat, which is created if it does not exist: a UUID, or any other ID of the client's.
    #[schema(min_length = 1, max_length = 200)]
    pub thread_id: String,
    /// ID of the run. The same ID never starts a second answer.
    #[schema(min_length = 1, max_length = 200)]
    pub run_id: String,
    /// Version of the protocol that the client speaks; absent before 1.0.
    #[schema(example = "1.0")]
    pub protocol_version: Option<String>,
    /// The client's copy of the conversation. Only what is new at its end is used: a user message, or the
    /// results of tools.
    #[serde(default, deserialize_with = "optional_objects")]
    pub messages: Option<Vec<AgUiMessage>>,
    /// Tools that run in the client.
    #[serde(default, deserialize_with = "optional_objects")]
    pub tools: Option<Vec<AgUiTool>>,
    /// What the model should know about the page.
    #[serde(default, deserialize_with = "optional_objects")]
    pub context: Option<Vec<AgUiContext>>,
    /// State that the client shares; it is sent back unchanged.
    pub state: Option<Value>,
    /// Options of the answer.
    #[serde(default, deserialize_with = "optional_object")]
    pub forwarded_props: Option<ForwardedProps>,
    /// ID of the run that this one continues.
    pub parent_run_id: Option<String>,
    /// TanStack AI only: a copy of `forwardedProps`.
    pub data: Option<Map<String, Value>>,
}

/// A message of the client's copy.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgUiMessage {
    /// ID of the message.
    pub id: Option<String>,
    /// `user`, `assistant`, `tool`, `system`, `developer`, `reasoning` or `activity`.
    #[schema(example = "user")]
    pub role: String,
    /// Text, or in user messages also parts (`text`, `image`, `document`…).
    pub content: Option<Value>,
    /// Calls that the model made.
    pub tool_calls: Option<Vec<AgUiToolCall>>,
    /// The call that this is the result of.
    pub tool_call_id: Option<String>,
    /// Why the tool failed.
    pub error: Option<String>,
}

/// A call that the model made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AgUiToolCall {
    /// ID of the call.
    pub id: String,
    /// The tool that is called.
    pub function: AgUiFunction,
}

/// The tool that is called.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AgUiFunction {
    /// Name of the tool.
    pub name: String,
}

/// A tool that runs in the client.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AgUiTool {
    /// Name of the tool.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// JSON Schema of its arguments.
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
}

/// Something that the model should know.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub struct AgUiContext {
    /// What it is.
    pub description: Option<String>,
    /// The value: text, or any JSON.
    pub value: Value,
}

/// Options of an answer. Fields that are not listed are ignored.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct ForwardedProps {
    /// Model to use. Defaults to the chat's model, then to the server's default.
    #[schema(example = "scripted/demo", max_length = 200)]
    pub model: Option<String>,
    /// ID of the assistant that answers, in the place of the chat's.
    pub assistant: Option<String>,
    /// Maximum number of output tokens, including reasoning tokens.
    #[schema(minimum = 1)]
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature. Not supported by every model.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// Probability mass for nucleus sampling. Not supported by every model.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// Reasoning effort, for models that support it.
    #[schema(value_type = Option<Effort>)]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Maximum number of model calls, with tool results in between.
    #[schema(minimum = 1, maximum = 50)]
    pub max_steps: Option<u32>,
}

impl RunAgentInput {
    /// Whether the client knows what only version 1.0 has.
    pub(super) fn is_version_1(&self) -> bool {
        self.protocol_version.as_deref().is_some_and(|version| version.starts_with("1."))
    }

    /// TanStack AI sends its options twice.
    pub(super) fn is_tanstack(&self) -> bool {
        self.data.is_some()
    }
}
