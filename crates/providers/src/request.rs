//! What a model is asked, in no vendor's words.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::{ProviderName, history};

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
    /// How long the caller waits for the answer to begin.
    pub patience: Patience,
}

/// How long a caller waits for an answer to begin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    /// When it gives up, retries included.
    pub deadline: Option<Instant>,
    /// When a failed attempt is no longer repeated, because another model stands by.
    pub retries_end: Option<Instant>,
}

impl Request {
    /// The request as a provider can be asked it: with a history it accepts, and with the wish for JSON
    /// in words, because Anthropic knows no other way to say it and OpenAI insists on the words.
    pub(super) fn prepared(mut self, provider: &ProviderName) -> Self {
        const JSON: &str = "Answer with one JSON object and nothing else.";
        self.messages = history::tidy(self.messages, provider);
        self.system = self.system.filter(|text| !text.trim().is_empty());
        if self.response_format == ResponseFormat::JsonObject {
            let system = self.system.map(|system| format!("{system}\n\n{JSON}"));
            self.system = system.or_else(|| Some(JSON.to_owned()));
        }
        self
    }
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
    Text {
        /// The text.
        text: String,
        /// What must go back with this text (assistant only).
        opaque: Option<Opaque>,
    },
    /// A picture for models that see.
    Image {
        /// MIME type, such as `image/png`.
        media_type: String,
        /// The bytes in base64.
        base64: String,
    },
    /// A document for models that read files. What is neither PDF nor text goes as its name alone.
    Document {
        /// MIME type, such as `application/pdf`.
        media_type: String,
        /// The file's name.
        name: String,
        /// The bytes in base64.
        base64: String,
    },
    /// The model's own thoughts from an earlier turn (assistant only). Only its own provider gets
    /// them back, and only with `opaque`.
    Reasoning {
        /// The readable part, possibly empty.
        text: String,
        /// What must go back byte for byte, as its provider wrote it.
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

impl Content {
    /// Plain text with nothing attached.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), opaque: None }
    }
}

/// Bytes that only their own provider understands, kept exactly: a JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// Who wrote it. Another provider's is left out of a request.
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

/// How hard a reasoning model should think. Each model supports a subset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReasoningEffort {
    /// Not at all, where the model can do without.
    None,
    /// As little as the model can.
    Minimal,
    /// Little.
    Low,
    /// What most models do by themselves.
    Medium,
    /// Much.
    High,
    /// More than much.
    Xhigh,
    /// As much as the model can.
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
