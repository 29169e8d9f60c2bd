//! Model providers: neutral requests and events on one side, a vendor's wire format on the other.
//!
//! A provider turns a [`Request`] into a stream of [`Event`]s. The vendor's own types stay private
//! to its file; what comes in is read tolerantly, because providers and the servers that imitate
//! them add fields, leave fields out and disagree about details. Nothing here knows of HTTP servers,
//! chats or databases.

use std::pin::Pin;

use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use error::{ErrorKind, ProviderError};

mod error;

/// What a model is asked.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The provider's own id of the model.
    pub model: String,
    /// Instructions that precede the conversation.
    pub system: Option<String>,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools the model may call.
    pub tools: Vec<ToolDefinition>,
    /// The most tokens the answer may take, reasoning included.
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Texts at which the model stops.
    pub stop: Vec<String>,
    /// How hard the model should think.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// The form of the answer.
    pub response_format: ResponseFormat,
}

/// One turn of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub content: Vec<Content>,
}

/// Who speaks in a [`Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions in mid-conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// Results of the tools that the assistant's preceding message called.
    Tool,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// A picture for models that see.
    Image {
        /// MIME type, such as `image/png`.
        media_type: String,
        /// The bytes in base64.
        base64: String,
    },
    /// A document for models that read files.
    Document {
        /// MIME type, such as `application/pdf`.
        media_type: String,
        /// The file's name.
        name: String,
        /// The bytes in base64.
        base64: String,
    },
    /// The model's own thoughts from an earlier turn (assistant only).
    Reasoning {
        /// The readable part, possibly empty.
        text: String,
        /// What must go back byte for byte, as its provider wrote it (`signature` or whole blocks).
        opaque: Option<Opaque>,
    },
    /// A call the model made (assistant only).
    ToolCall {
        /// Pairs the call with its result.
        id: String,
        /// The tool's name.
        name: String,
        /// A JSON object as text.
        arguments: String,
        /// What must go back byte for byte with this call.
        opaque: Option<Opaque>,
    },
    /// The outcome of a call (tool only).
    ToolResult {
        /// The call's id.
        id: String,
        /// The tool's name.
        name: String,
        /// What the tool gave back, as text.
        output: String,
        /// The tool failed.
        is_error: bool,
    },
}

/// Bytes that only their own provider understands, kept exactly: a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opaque {
    /// Who wrote it: `openai` or `anthropic`. Another provider's is left out of a request.
    pub provider: &'static str,
    /// The JSON text.
    pub json: String,
}

/// A tool the model may call.
#[derive(Clone, Debug)]
pub struct ToolDefinition {
    /// `[A-Za-z0-9_-]{1,64}`.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of its arguments, an object.
    pub parameters: Value,
}

/// How hard a reasoning model should think. Each model supports a subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ReasoningEffort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

/// The form the answer must take.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ResponseFormat {
    /// Prose.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// A name for the schema.
        name: String,
        /// The JSON Schema.
        schema: Value,
        /// Whether the provider must enforce it.
        strict: Option<bool>,
    },
}

/// What happens while a model answers. Blocks (a text, a thought, a tool call) begin with their
/// first delta or start and end when another block begins, with an explicit end, or with `End`.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// More of the answer's text. Never empty.
    Text(String),
    /// The current text is whole; more text is a new block.
    TextEnd,
    /// More of the model's thoughts. Never empty.
    Reasoning(String),
    /// The current thought is whole; it may have had no readable text at all.
    ReasoningEnd {
        /// What must go back byte for byte.
        opaque: Option<Opaque>,
    },
    /// The model begins a call. Calls may overlap; `index` tells them apart.
    ToolCallStart {
        /// Position among the calls of this answer: 0, 1, 2…
        index: usize,
        /// The provider's id, or one made up where it gives none.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// More of a call's arguments, JSON text. Never empty.
    ToolCallDelta {
        /// Which call.
        index: usize,
        /// The next piece of JSON text.
        arguments: String,
    },
    /// A call is whole.
    ToolCallEnd {
        /// Which call.
        index: usize,
        /// All of its arguments: `{}` when the provider sent none; possibly invalid JSON.
        arguments: String,
        /// What must go back byte for byte with the call.
        opaque: Option<Opaque>,
    },
    /// The tokens so far; a later one replaces an earlier one.
    Usage(Usage),
    /// The model has finished. Nothing follows but `Usage`.
    End {
        /// Why it stopped.
        finish_reason: FinishReason,
    },
}

/// Tokens of one call. `input` includes cached and cache-write tokens, `output` includes reasoning,
/// for every provider.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Everything the model read.
    pub input_tokens: u64,
    /// Everything the model wrote.
    pub output_tokens: u64,
    /// The part of the input read from the provider's cache.
    pub cached_input_tokens: u64,
    /// The part of the input written to the provider's cache, all lifetimes together.
    pub cache_write_input_tokens: u64,
    /// The part of the cache writes kept for an hour (Anthropic) or twelve (OpenAI): a dearer tier.
    pub long_cache_write_input_tokens: u64,
    /// The part of the output that was thought.
    pub reasoning_tokens: u64,
    /// The price in USD where the provider itself names one (OpenRouter).
    pub cost_usd: Option<f64>,
    /// The provider's own usage object.
    pub raw: Option<Value>,
}

/// Why a model stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It had said everything.
    Stop,
    /// It reached one of `Request::stop`.
    StopSequence,
    /// It waits for the results of its tool calls.
    ToolCalls,
    /// It reached the output limit.
    Length,
    /// It reached the end of its context window.
    ContextWindow,
    /// The provider's filter cut it off.
    ContentFilter,
    /// It declined.
    Refusal,
    /// It pauses and is to be called again with what it said.
    Paused,
    /// Something this server does not know, in the provider's own word.
    Other(String),
}

impl FinishReason {
    /// The word the API uses for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Stop => "stop",
            Self::StopSequence => "stop_sequence",
            Self::ToolCalls => "tool_calls",
            Self::Length => "length",
            Self::ContextWindow => "context_window",
            Self::ContentFilter => "content_filter",
            Self::Refusal => "refusal",
            Self::Paused => "paused",
            Self::Other(word) => word,
        }
    }
}

/// The events of one call. Dropping it cancels the provider's request. The stream ends after `End`
/// (and any `Usage`), or with one `Err`.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, ProviderError>> + Send>>;
