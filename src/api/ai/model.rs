//! The requests and responses of `/api/ai`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::agent::TokenUsage;
use crate::api::messages::model::{Message, MessagePart};
use crate::http::extract::{object, optional_object, optional_objects, or_default, present};
use crate::providers::catalogue::Price;
use crate::providers::{ListedModel, ReasoningEffort};

/// The reasoning effort. Each model supports a subset.
#[derive(ToSchema)]
#[schema(as = ReasoningEffort, rename_all = "lowercase")]
#[allow(dead_code, missing_docs, reason = "the schema of a type that knows nothing of OpenAPI")]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

/// Request to generate an answer in a chat, in the format of this API or of the AI SDK's transport.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"content": "What is Rust?", "stream": true}))]
pub struct ChatGenerate {
    /// The new user message, or an existing one.
    #[serde(default, deserialize_with = "optional_object")]
    pub message: Option<UserMessage>,
    /// Shorthand for `message.content`.
    pub content: Option<String>,
    /// ID of the assistant message to regenerate.
    pub regenerate: Option<String>,
    /// What to do when another answer is being written in this chat.
    #[serde(default, deserialize_with = "or_default")]
    pub if_running: IfRunning,
    /// Model to use. Defaults to the chat's model, then to the server's default.
    #[schema(example = "scripted/demo", max_length = 200)]
    pub model: Option<String>,
    /// System prompt, which replaces the chat's.
    #[schema(max_length = 100000)]
    pub system: Option<String>,
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
    /// What the model may call: a list of names of this server's tools and of definitions of the page's
    /// own tools, or a map of such definitions. The page runs its tools itself: see `client_tools`.
    #[schema(value_type = Option<Tools>)]
    pub tools: Option<Value>,
    /// Tools that run in the page, in addition to `tools`. When the model calls one, the answer ends with
    /// the status `awaiting`, and goes on when the page has sent the result.
    #[schema(value_type = Option<Vec<ClientToolDefinition>>, max_items = 16)]
    pub client_tools: Option<Value>,
    /// What the client takes beyond the first release of the AI SDK's version 5: `finish-reason`, a reason
    /// in the frame `finish`. Others are ignored.
    #[serde(default)]
    pub capabilities: Option<Vec<String>>,
    /// Maximum number of model calls, with tool results in between.
    #[schema(minimum = 1, maximum = 50)]
    pub max_steps: Option<u32>,
    /// Whether to stream the answer. Defaults to true for the AI SDK's form.
    pub stream: Option<bool>,
    /// AI SDK: ID of the chat.
    pub id: Option<String>,
    /// AI SDK: the client's copy of the conversation. Only the last user message is used. If it is new and
    /// follows another message than the chat's newest one, it is a new version of what followed that
    /// message, as an edit is.
    #[schema(value_type = Option<Vec<UserMessage>>)]
    pub messages: Option<Vec<Box<RawValue>>>,
    /// AI SDK: the action that triggered the request.
    pub trigger: Option<Trigger>,
    /// AI SDK: ID of the message to edit or regenerate.
    #[serde(rename = "messageId")]
    pub message_id: Option<String>,
}

/// Tools that the model may call.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, missing_docs, reason = "the schema of what is read in parts")]
pub enum Tools {
    List(Vec<ToolEntry>),
    Map(BTreeMap<String, ClientToolDefinition>),
}

/// The name of a tool of this server, or the definition of one that runs in the page.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, missing_docs, reason = "the schema of what is read in parts")]
pub enum ToolEntry {
    Name(String),
    Definition(ClientToolDefinition),
}

/// A tool that runs in the page.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the schema of what is read in parts")]
pub struct ClientToolDefinition {
    /// Name by which the model calls it. Not needed in a map, whose key it is.
    #[schema(pattern = "^[a-zA-Z][a-zA-Z0-9_]{0,47}$")]
    pub name: Option<String>,
    /// What it does, for the model: the first 1,024 characters.
    pub description: Option<String>,
    /// JSON Schema of its arguments, an object. `inputSchema` is taken as well.
    #[schema(value_type = Object)]
    pub parameters: Value,
}

/// The result of a tool that runs in the page, and how the answer is to go on. Send either `output` or
/// `error`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"output": {"latitude": 52.5, "longitude": 13.4}}))]
pub struct ToolCallResult {
    /// What the tool has returned: any JSON of at most 64 KiB.
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
    /// Why the tool has failed, a sentence for the model.
    pub error: Option<String>,
    /// Whether to stream the rest of the answer. Defaults to true.
    pub stream: Option<bool>,
    /// Model to use. Defaults to the answer's.
    pub model: Option<String>,
    /// System prompt, which replaces the chat's.
    #[schema(max_length = 100000)]
    pub system: Option<String>,
    /// What the model may call from here on, as for a question. Tools of the page that the answer has
    /// called already can be called again in any case.
    #[schema(value_type = Option<Tools>)]
    pub tools: Option<Value>,
    /// Tools that run in the page, in addition to `tools`.
    #[schema(value_type = Option<Vec<ClientToolDefinition>>, max_items = 16)]
    pub client_tools: Option<Value>,
    /// What the client takes beyond the first release of the AI SDK's version 5.
    pub capabilities: Option<Vec<String>>,
}

/// How a tool call stands whose answer waits for others.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ToolCallState {
    /// `done` or `failed`.
    #[schema(example = "done")]
    pub state: String,
    /// Number of calls of the answer that still wait.
    pub remaining: u64,
}

/// A message in a request. In `messages`, only the last one of the user is read.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
pub struct UserMessage {
    /// ID chosen by the client: a UUID, or an ID generated by the AI SDK.
    pub id: Option<String>,
    /// Author of the message. Defaults to `user`.
    pub role: Option<String>,
    /// Text of the message. Send either `content` or `parts`.
    pub content: Option<String>,
    /// AI SDK `UIMessage` parts. Send either `content` or `parts`.
    #[schema(value_type = Option<Vec<MessagePart>>)]
    pub parts: Option<Vec<Value>>,
    /// Custom metadata, at most 64 KiB of JSON.
    pub metadata: Option<Map<String, Value>>,
}

/// What to do when another answer is being written in the chat.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfRunning {
    /// Refuse the request with 409 `generation_running`.
    #[default]
    Reject,
    /// Stop the other answer first.
    Stop,
    /// Store the message with `metadata.queued` and answer it when the other answer has ended: 202, or
    /// for a stream the stream of its own answer when that begins. At most 10 messages of a chat wait; one
    /// that waits can be changed and deleted.
    Queue,
}

/// The action that triggered a request of the AI SDK.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Trigger {
    SubmitMessage,
    RegenerateMessage,
}

/// An answer in a chat, not streamed.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ChatAnswer {
    /// User message that was answered.
    #[schema(required = true)]
    pub user_message: Option<Message>,
    /// The answer, an assistant message.
    pub message: Message,
    /// Token usage of the answer.
    #[schema(required = true)]
    pub usage: Option<TokenUsage>,
    /// Cost of the answer in USD; null if unknown.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
    /// Time from the request to the end of the answer, in milliseconds.
    pub latency_ms: u64,
}

/// Request to generate an answer without a chat. Only usage is stored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"prompt": "Say hello in Latin.", "max_output_tokens": 100}))]
pub struct Generate {
    /// Messages of the conversation. Send either `messages` or `prompt`.
    #[serde(default, deserialize_with = "optional_objects")]
    #[schema(min_items = 1, max_items = 2000)]
    pub messages: Option<Vec<PlainMessage>>,
    /// A single user message. Send either `messages` or `prompt`.
    pub prompt: Option<String>,
    /// Model to use. Defaults to the server's default model.
    #[schema(example = "scripted/demo", max_length = 200)]
    pub model: Option<String>,
    /// System prompt.
    #[schema(max_length = 100000)]
    pub system: Option<String>,
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
    /// At most four sequences at which the model stops.
    pub stop: Option<Stop>,
    /// The format of the answer.
    #[serde(default, deserialize_with = "optional_object")]
    pub response_format: Option<AnswerFormat>,
    /// Whether to stream the answer.
    pub stream: Option<bool>,
}

/// A message of a stateless conversation.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PlainMessage {
    /// Author of the message.
    pub role: crate::api::messages::model::Role,
    /// The content: a string, or parts.
    pub content: PlainContent,
}

/// The content of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be a string or an array of parts")]
pub enum PlainContent {
    /// Plain text.
    Text(String),
    /// Text parts, `{"type": "text", "text": "…"}`, and in user messages also file parts, whose
    /// data is not stored.
    Parts(Vec<Value>),
}

/// One stop sequence, or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be a string or an array of strings")]
#[allow(missing_docs)]
pub enum Stop {
    One(String),
    Several(Vec<String>),
}

/// The format of an answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ResponseFormat)]
pub enum AnswerFormat {
    /// Plain text.
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON that conforms to a schema.
    JsonSchema {
        /// The schema.
        #[serde(deserialize_with = "object")]
        json_schema: JsonSchema,
    },
}

/// A JSON Schema for the answer.
#[derive(Debug, Deserialize, ToSchema)]
pub struct JsonSchema {
    /// Name of the schema: letters, digits, `_` and `-`, at most 64.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: String,
    /// The schema.
    pub schema: Map<String, Value>,
    /// Whether the provider must enforce the schema.
    pub strict: Option<bool>,
}

/// An answer without a chat, not streamed.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Answer {
    /// ID of the answer.
    pub id: Uuid,
    /// Model that generated the answer.
    #[schema(example = "scripted/demo")]
    pub model: String,
    /// Provider of the model.
    #[schema(example = "scripted")]
    pub provider: String,
    /// Text of the answer.
    pub content: String,
    /// AI SDK `UIMessage` parts.
    #[schema(value_type = Vec<MessagePart>)]
    pub parts: Value,
    /// Why the model stopped generating.
    #[schema(example = "stop")]
    pub finish_reason: String,
    /// Token usage of the answer.
    pub usage: TokenUsage,
    /// Cost of the answer in USD; null if unknown.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
    /// Time from the request to the end of the answer, in milliseconds.
    pub latency_ms: u64,
}

/// A model.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// ID of the model, for the `model` field of requests.
    #[schema(example = "scripted/demo")]
    pub id: String,
    /// Provider of the model.
    #[schema(example = "scripted")]
    pub provider: String,
    /// Display name of the model.
    #[schema(example = "Scripted demo")]
    pub name: String,
    /// Maximum number of input and output tokens together.
    #[schema(required = true)]
    pub context_window: Option<u64>,
    /// Maximum number of output tokens.
    #[schema(required = true)]
    pub max_output_tokens: Option<u64>,
    /// Capabilities, such as `text`, `vision`, `tools` or `reasoning`.
    pub capabilities: Vec<String>,
    /// Price of the model; null if unknown.
    #[schema(required = true)]
    pub pricing: Option<Pricing>,
    /// Whether the provider is configured on this server.
    pub available: bool,
    /// Whether this is the default model.
    pub is_default: bool,
}

impl Model {
    pub(super) fn new(listed: ListedModel, default: &str) -> Self {
        let ListedModel { id, model, is_available } = listed;
        let capability = |capability| match serde_json::to_value(capability) {
            Ok(Value::String(word)) => Some(word),
            _ => None,
        };
        Self {
            is_default: id == default,
            id,
            provider: model.provider.to_string(),
            name: model.name.clone(),
            context_window: model.context_window.map(u64::from),
            max_output_tokens: model.max_output_tokens.map(u64::from),
            capabilities: model.capabilities.iter().copied().filter_map(capability).collect(),
            pricing: model.pricing.map(|pricing| Pricing {
                input_usd_per_mtok: pricing.input.usd_per_mtok(),
                output_usd_per_mtok: pricing.output.usd_per_mtok(),
                cached_input_usd_per_mtok: pricing.cached_input.map(Price::usd_per_mtok),
            }),
            available: is_available,
        }
    }
}

/// Prices in USD per million tokens.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[allow(missing_docs)]
pub struct Pricing {
    pub input_usd_per_mtok: f64,
    pub output_usd_per_mtok: f64,
    #[schema(required = true)]
    pub cached_input_usd_per_mtok: Option<f64>,
}
