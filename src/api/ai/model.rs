//! What clients ask of `/api/ai`, and what they get.

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

/// How hard a reasoning model should think. Each model supports a subset.
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

/// A request for an answer in a chat: our own form, or what the AI SDK's transport sends.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"content": "What is Rust?", "stream": true}))]
pub struct ChatGenerate {
    /// The new user message, or one sent before.
    #[serde(default, deserialize_with = "optional_object")]
    pub message: Option<UserMessage>,
    /// Short for `message.content`.
    pub content: Option<String>,
    /// Answer again: the assistant message to replace.
    pub regenerate: Option<String>,
    /// What to do when another answer is being written in this chat.
    #[serde(default, deserialize_with = "or_default")]
    pub if_running: IfRunning,
    /// The model; without it the chat's, else the server's default.
    #[schema(example = "scripted/demo", max_length = 200)]
    pub model: Option<String>,
    /// Instructions, in place of the chat's.
    #[schema(max_length = 100000)]
    pub system: Option<String>,
    /// The most tokens the answer may take, reasoning included.
    #[schema(minimum = 1)]
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature; not every model takes it.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// Nucleus sampling; not every model takes it.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// How hard a reasoning model should think.
    #[schema(value_type = Option<Effort>)]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Tools the model may call.
    pub tools: Option<Vec<String>>,
    /// How often the model may be called, with tool results in between.
    #[schema(minimum = 1, maximum = 50)]
    pub max_steps: Option<u32>,
    /// Stream the answer. An AI SDK body streams unless this is false.
    pub stream: Option<bool>,
    /// AI SDK: the chat.
    pub id: Option<String>,
    /// AI SDK: the conversation as the client has it; only the last user message is used.
    #[schema(value_type = Option<Vec<UserMessage>>)]
    pub messages: Option<Vec<Box<RawValue>>>,
    /// AI SDK: what the person did.
    pub trigger: Option<Trigger>,
    /// AI SDK: the message that is edited or regenerated.
    #[serde(rename = "messageId")]
    pub message_id: Option<String>,
}

/// A message in a request. In `messages` those of other roles, and all but the last of the user, are
/// not looked at.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
pub struct UserMessage {
    /// The client's own id: a UUID, or an id of the AI SDK.
    pub id: Option<String>,
    /// `user` where it is missing.
    pub role: Option<String>,
    /// The text; either this or `parts`.
    pub content: Option<String>,
    /// AI SDK `UIMessage` parts; either these or `content`.
    #[schema(value_type = Option<Vec<Object>>)]
    pub parts: Option<Vec<Value>>,
    /// The front end's own data, at most 64 KiB.
    pub metadata: Option<Map<String, Value>>,
}

/// What to do when another answer is being written in the chat.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfRunning {
    /// Refuse: 409 `generation_running`.
    #[default]
    Reject,
    /// Stop it first.
    Stop,
}

/// What the person did, in the AI SDK's words.
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
    /// The question.
    #[schema(required = true)]
    pub user_message: Option<Message>,
    /// The answer.
    pub message: Message,
    /// Its tokens.
    #[schema(required = true)]
    pub usage: Option<TokenUsage>,
    /// Its price; null where it is not known.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
    /// How long it took.
    pub latency_ms: u64,
}

/// A stateless request: nothing but usage is stored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"prompt": "Say hello in Latin.", "max_output_tokens": 100}))]
pub struct Generate {
    /// The conversation; either this or `prompt`.
    #[serde(default, deserialize_with = "optional_objects")]
    #[schema(min_items = 1, max_items = 2000)]
    pub messages: Option<Vec<PlainMessage>>,
    /// A single question; either this or `messages`.
    pub prompt: Option<String>,
    /// The model; without it the chat's, else the server's default.
    #[schema(example = "scripted/demo", max_length = 200)]
    pub model: Option<String>,
    /// Instructions, in place of the chat's.
    #[schema(max_length = 100000)]
    pub system: Option<String>,
    /// The most tokens the answer may take, reasoning included.
    #[schema(minimum = 1)]
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature; not every model takes it.
    #[schema(minimum = 0, maximum = 2)]
    pub temperature: Option<f64>,
    /// Nucleus sampling; not every model takes it.
    #[schema(minimum = 0, maximum = 1)]
    pub top_p: Option<f64>,
    /// How hard a reasoning model should think.
    #[schema(value_type = Option<Effort>)]
    pub reasoning_effort: Option<ReasoningEffort>,
    /// Texts at which the model stops, at most four.
    pub stop: Option<Stop>,
    /// The form of the answer.
    #[serde(default, deserialize_with = "optional_object")]
    pub response_format: Option<AnswerFormat>,
    /// Stream the answer.
    pub stream: Option<bool>,
}

/// A message of a stateless conversation.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PlainMessage {
    /// Who speaks.
    pub role: crate::api::messages::model::Role,
    /// What is said: a text, or parts.
    pub content: Said,
}

/// What is said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be a string or an array of parts")]
pub enum Said {
    /// A text.
    Text(String),
    /// Text parts, `{"type": "text", "text": "…"}`, and in user messages file parts, whose data is
    /// not stored.
    Parts(Vec<Value>),
}

/// One text at which the model stops, or several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be a string or an array of strings")]
#[allow(missing_docs)]
pub enum Stop {
    One(String),
    Several(Vec<String>),
}

/// The form of the answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ResponseFormat)]
pub enum AnswerFormat {
    /// Prose.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// The schema.
        #[serde(deserialize_with = "object")]
        json_schema: JsonSchema,
    },
}

/// A JSON Schema for the answer.
#[derive(Debug, Deserialize, ToSchema)]
pub struct JsonSchema {
    /// A name, `[A-Za-z0-9_-]{1,64}`.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub name: String,
    /// The schema.
    #[schema(value_type = Object)]
    pub schema: Map<String, Value>,
    /// Whether the provider must enforce it.
    pub strict: Option<bool>,
}

/// A stateless answer, not streamed.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Answer {
    /// Names this answer.
    pub id: Uuid,
    /// The model that answered.
    #[schema(example = "scripted/demo")]
    pub model: String,
    /// Its provider.
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
    /// The tokens.
    pub usage: TokenUsage,
    /// The price; null where it is not known.
    #[schema(required = true)]
    pub cost_usd: Option<f64>,
    /// How long it took.
    pub latency_ms: u64,
}

/// A model.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Model {
    /// What to send as `model`.
    #[schema(example = "scripted/demo")]
    pub id: String,
    /// The name of its provider.
    #[schema(example = "scripted")]
    pub provider: String,
    /// For people.
    #[schema(example = "Scripted demo")]
    pub name: String,
    /// The most tokens it reads and writes together.
    #[schema(required = true)]
    pub context_window: Option<u64>,
    /// The most tokens it writes.
    #[schema(required = true)]
    pub max_output_tokens: Option<u64>,
    /// `text`, `vision`, `tools`, `reasoning`…
    pub capabilities: Vec<String>,
    /// Its price, where it is known.
    #[schema(required = true)]
    pub pricing: Option<Pricing>,
    /// Its provider is configured here.
    pub available: bool,
    /// It answers when a request names none.
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
