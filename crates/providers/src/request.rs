//! Requests to models, in vendor-neutral terms.

use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::{HostedTool, ProviderName};

/// A request to a model.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// ID of the model at its provider.
    pub model: String,
    /// Instructions that precede the conversation.
    pub system: Option<String>,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools the model may call.
    pub tools: Vec<ToolDefinition>,
    /// Tools that the provider runs.
    pub hosted_tools: Vec<HostedTool>,
    /// Whether the model may or must call them.
    pub tool_choice: ToolChoice,
    /// Whether the model may call several tools at once; `None` leaves it to the provider.
    pub parallel_tool_calls: Option<bool>,
    /// Maximum number of output tokens, including reasoning.
    pub max_output_tokens: Option<u32>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Stop sequences.
    pub stop: Vec<String>,
    /// The reasoning effort.
    pub reasoning_effort: Option<ReasoningEffort>,
    /// The format of the answer.
    pub response_format: ResponseFormat,
    /// When the caller stops waiting for the answer to start.
    pub deadlines: Deadlines,
    /// Further headers of the HTTP request, such as those of a trace.
    pub headers: HeaderMap,
}

/// When a caller stops waiting for an answer to start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deadlines {
    /// When the call fails, retries included.
    pub deadline: Option<Instant>,
    /// When a failed attempt is no longer retried, because there is a fallback.
    pub retries_end: Option<Instant>,
}

/// One turn of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The author.
    pub role: Role,
    /// The content, in order.
    pub content: Vec<Content>,
}

/// The author of a [`Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions in mid-conversation.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// Results of the tools that the assistant's preceding message called.
    Tool,
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: String,
        /// What must be sent back with this text (assistant only).
        opaque: Option<Opaque>,
    },
    /// An image, for models that accept images.
    Image {
        /// MIME type, such as `image/png`.
        media_type: String,
        /// The bytes in base64.
        base64: String,
    },
    /// A document, for models that read files. Of anything other than PDF or text, only the name is
    /// sent.
    Document {
        /// MIME type, such as `application/pdf`.
        media_type: String,
        /// The file's name.
        name: String,
        /// The bytes in base64.
        base64: String,
    },
    /// The model's own reasoning from an earlier turn (assistant only). It is sent back only to its
    /// own provider, and only with `opaque`.
    Reasoning {
        /// The readable part, possibly empty.
        text: String,
        /// What must be sent back byte for byte, as its provider wrote it.
        opaque: Option<Opaque>,
    },
    /// A call the model made (assistant only).
    ToolCall {
        /// Links the call to its result.
        id: String,
        /// The tool's name.
        name: String,
        /// A JSON object as text.
        arguments: String,
        /// What must be sent back byte for byte with this call.
        opaque: Option<Opaque>,
    },
    /// The outcome of a call (tool only).
    ToolResult {
        /// The call's id.
        id: String,
        /// The tool's name.
        name: String,
        /// The result of the tool, as text.
        output: String,
        /// Whether the tool failed.
        is_error: bool,
    },
}

impl Content {
    /// Plain text with nothing attached.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), opaque: None }
    }
}

/// Data that only its own provider understands and that must be sent back unchanged: a JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// The provider that wrote it. It is not sent to any other.
    pub provider: ProviderName,
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

/// Whether the model may or must call tools. Without tools it has no effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// It must not call any.
    None,
    /// It must call at least one.
    Required,
    /// It must call this one.
    Tool(String),
}

/// How much a reasoning model should reason. Each model supports a subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningEffort {
    /// No reasoning, if the model supports that.
    None,
    /// As little as the model supports.
    Minimal,
    /// Little.
    Low,
    /// The default of most models.
    Medium,
    /// A lot.
    High,
    /// Very much.
    Xhigh,
    /// As much as the model supports.
    Max,
}

/// The format of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ResponseFormat {
    /// Plain text.
    #[default]
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that conforms to a schema.
    JsonSchema {
        /// A name for the schema.
        name: String,
        /// The JSON Schema. Boxed, because each answer keeps its options.
        schema: Box<Value>,
        /// Whether the provider must enforce it.
        strict: Option<bool>,
    },
}
