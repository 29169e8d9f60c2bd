//! The requests and responses of `/api/ai`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::agent::TokenUsage;
use crate::api::messages::model::Message;
use crate::http::extract::{object, optional_object, optional_objects, or_default};
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

/// A request to generate an answer in a chat, in this API's form or in that of the AI SDK's transport.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"content": "What is Rust?", "stream": true}))]
pub struct ChatGenerate {
    /// The new user message, or one sent before.
    #[serde(default, deserialize_with = "optional_object")]
    pub message: Option<UserMessage>,
    /// Shorthand for `message.content`.
    pub content: Option<String>,
    /// The id of the assistant message to regenerate.
    pub regenerate: Option<String>,
    /// What to do when another answer is being written in this chat.
    #[serde(default, deserialize_with = "or_default")]
    pub if_running: IfRunning,
    /// The model. Defaults to the chat's model, then to the server's default.
    #[schema(example = "scripted/demo", max_length = 200)]
    pub model: Option<String>,
    /// The system prompt, in place of the chat's.
    #[schema(max_length = 100000)]
    pub system: Option<String>,
    /// The maximum number of output tokens, reasoning included.
    #[schema(minimum = 1)]
    pub max_output_tokens: Option<u32>,
    /// The sampling temperature. Not supported by every model.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// The probability mass for nucleus sampling. Not supported by every model.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// The reasoning effort, for models that support it.
    #[schema(value_type = Option<Effort>)]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// The names of the tools that the model may call.
    pub tools: Option<Vec<String>>,
    /// The maximum number of model calls, with tool results in between.
    #[schema(minimum = 1, maximum = 50)]
    pub max_steps: Option<u32>,
    /// Whether to stream the answer. Defaults to true for the AI SDK's form.
    pub stream: Option<bool>,
    /// AI SDK: the id of the chat.
    pub id: Option<String>,
    /// AI SDK: the client's copy of the conversation. Only the last user message is used.
    #[schema(value_type = Option<Vec<UserMessage>>)]
    pub messages: Option<Vec<Box<RawValue>>>,
    /// AI SDK: the action that triggered the request.
    pub trigger: Option<Trigger>,
    /// AI SDK: the id of the message that is edited or regenerated.
    #[serde(rename = "messageId")]
    pub message_id: Option<String>,
}

/// A message in a request. In `messages`, only the last one of the user is read.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct UserMessage {
    /// The id that the client gives the message: a UUID, or an id of the AI SDK.
    pub id: Option<String>,
    /// The role. Defaults to `user`.
    pub role: Option<String>,
    /// The text. Send either this or `parts`.
    pub content: Option<String>,
    /// AI SDK `UIMessage` parts. Send either these or `content`.
    #[schema(value_type = Option<Vec<Object>>)]
    pub parts: Option<Vec<Value>>,
    /// Arbitrary data of the front end, at most 64 KiB.
    pub metadata: Option<Map<String, Value>>,
}

/// What to do when another answer is being written in the chat.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfRunning {
    /// Refuse the request with 409 `generation_running`.
    #[default]
    Reject,
    /// Stop the other answer first.
    Stop,
}

/// The action that triggered a request of the AI SDK.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Trigger {
    SubmitMessage,
    RegenerateMessage,
}

/// An answer in a chat, not streamed.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ChatAnswer {
    /// The user message that was answered.
    #[schema(required = true)]
    pub user_message: Option<Message>,
    /// The answer, an assistant message.
    pub message: Message,
    /// The tokens used.
    #[schema(required = true)]
    pub usage: Option<TokenUsage>,
    /// The cost in USD; null if the price is unknown.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
    /// The time from the request to the end of the answer, in milliseconds.
    pub latency_ms: u64,
}

/// A request to generate an answer without a chat. Only usage is stored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"prompt": "Say hello in Latin.", "max_output_tokens": 100}))]
pub struct Generate {
    /// The conversation. Send either this or `prompt`.
    #[serde(default, deserialize_with = "optional_objects")]
    #[schema(min_items = 1, max_items = 2000)]
    pub messages: Option<Vec<PlainMessage>>,
    /// A single user message. Send either this or `messages`.
    pub prompt: Option<String>,
    /// The model. Defaults to the server's default model.
    #[schema(example = "scripted/demo", max_length = 200)]
    pub model: Option<String>,
    /// The system prompt.
    #[schema(max_length = 100000)]
    pub system: Option<String>,
    /// The maximum number of output tokens, reasoning included.
    #[schema(minimum = 1)]
    pub max_output_tokens: Option<u32>,
    /// The sampling temperature. Not supported by every model.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// The probability mass for nucleus sampling. Not supported by every model.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// The reasoning effort, for models that support it.
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
    /// The role of the author.
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
    /// The name of the schema: letters, digits, `_` and `-`, at most 64.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: String,
    /// The schema.
    #[schema(value_type = Object)]
    pub schema: Map<String, Value>,
    /// Whether the provider must enforce the schema.
    pub strict: Option<bool>,
}

/// An answer without a chat, not streamed.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Answer {
    /// The id of the answer.
    pub id: Uuid,
    /// The model that answered.
    #[schema(example = "scripted/demo")]
    pub model: String,
    /// The provider of the model.
    #[schema(example = "scripted")]
    pub provider: String,
    /// The text.
    pub content: String,
    /// AI SDK `UIMessage` parts.
    #[schema(value_type = Vec<Object>)]
    pub parts: Value,
    /// Why the model stopped.
    #[schema(example = "stop")]
    pub finish_reason: String,
    /// The tokens used.
    pub usage: TokenUsage,
    /// The cost in USD; null if the price is unknown.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
    /// The time from the request to the end of the answer, in milliseconds.
    pub latency_ms: u64,
}

/// A model.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// The id, to be sent as `model`.
    #[schema(example = "scripted/demo")]
    pub id: String,
    /// The provider.
    #[schema(example = "scripted")]
    pub provider: String,
    /// The display name.
    #[schema(example = "Scripted demo")]
    pub name: String,
    /// The maximum number of input and output tokens together.
    #[schema(required = true)]
    pub context_window: Option<u64>,
    /// The maximum number of output tokens.
    #[schema(required = true)]
    pub max_output_tokens: Option<u64>,
    /// The capabilities, such as `text`, `vision`, `tools` or `reasoning`.
    pub capabilities: Vec<String>,
    /// The price; null if unknown.
    #[schema(required = true)]
    pub pricing: Option<Pricing>,
    /// Whether the provider is configured on this server.
    pub available: bool,
    /// Whether this is the model of requests that name none.
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
