//! The request and response types of `/api/messages`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::parts;
use crate::agent::TokenUsage;
use crate::http::error::ApiError;
use crate::http::extract::{or_default, present};
use crate::http::validate::Checks;
use crate::json;

/// A message.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Message {
    /// ID of the message.
    pub id: Uuid,
    /// ID of the chat that the message belongs to.
    pub chat_id: Uuid,
    /// ID of the user who owns the message.
    pub user_id: Uuid,
    /// ID of the preceding message. For an answer, this is the user message that it answers.
    #[schema(required = true)]
    pub parent_id: Option<Uuid>,
    /// Author of the message.
    pub role: Role,
    /// The text parts, concatenated.
    #[schema(example = "Hello!")]
    pub content: String,
    /// AI SDK `UIMessage` parts: `text`, `reasoning`, `file`, `tool-<name>`…
    #[schema(value_type = Vec<MessagePart>, example = json!([{"type": "text", "text": "Hello!"}]))]
    pub parts: Vec<Value>,
    /// Model that generated the message.
    #[schema(required = true)]
    pub model: Option<String>,
    /// State of the message.
    pub status: MessageStatus,
    /// Why the model stopped generating.
    #[schema(example = "stop", required = true)]
    pub finish_reason: Option<String>,
    /// Token usage of the answer.
    #[schema(required = true)]
    pub usage: Option<TokenUsage>,
    /// Cost of the answer in USD; null if unknown.
    #[schema(example = 0.00042, required = true)]
    pub cost_usd: Option<f64>,
    /// Whether the message is part of the conversation: false once an edit or a new answer replaced it.
    pub is_active: bool,
    /// Custom metadata. For an answer, the `messageMetadata` of its stream.
    pub metadata: Map<String, Value>,
    /// Time the message was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Time the message was last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// IDs of all versions of the message, its own included, oldest first: an answer that was generated
    /// again, a question that was edited, what was asked after an attempt had failed that was then made again.
    /// Present only with `include=siblings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sibling_ids: Option<Vec<Uuid>>,
}

/// A part of a message, as in the AI SDK's `UIMessage`: `{"type": "text", "text": …}`, `reasoning`, `file`,
/// `step-start`, `source-url`, `source-document`, `tool-<name>`, `data-<name>`.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "it describes what is passed through")]
pub struct MessagePart {
    /// Kind of the part.
    #[schema(example = "text")]
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// Author of a message.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Role {
    #[default]
    User,
    Assistant,
    System,
}

/// State of a message.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// The message is complete.
    Complete,
    /// The message is being generated.
    Streaming,
    /// The user stopped the generation.
    Stopped,
    /// The generation failed.
    Failed,
    /// The generation was interrupted, for example by a server that was shut down.
    Interrupted,
    /// Tool calls of the answer wait for their results. It goes on when they are there.
    Awaiting,
}

/// Request to create a message.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"content": "Hello!"}))]
pub struct CreateMessage {
    /// ID chosen by the client, which makes the request safe to retry.
    pub id: Option<Uuid>,
    /// Author of the message. Defaults to `user`.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required = false)]
    pub role: Role,
    /// Text of the message. Send either `content` or `parts`.
    pub content: Option<String>,
    /// AI SDK `UIMessage` parts. Send either `content` or `parts`.
    #[schema(value_type = Option<Vec<MessagePart>>)]
    pub parts: Option<Vec<Value>>,
    /// Custom metadata, at most 64 KiB of JSON.
    pub metadata: Option<Map<String, Value>>,
}

/// A validated [`CreateMessage`], as it is inserted.
#[derive(Debug, Serialize)]
pub struct NewMessage {
    /// ID of the message.
    pub id: Uuid,
    /// ID of the chat that the message belongs to.
    pub chat_id: Uuid,
    /// Author of the message.
    pub role: Role,
    /// The text parts, concatenated.
    pub content: String,
    /// AI SDK `UIMessage` parts.
    pub parts: Vec<Value>,
    /// Custom metadata.
    pub metadata: Map<String, Value>,
}

impl CreateMessage {
    /// Validates every field and derives the rest of the row from them.
    pub fn checked(self, chat_id: Uuid) -> Result<NewMessage, ApiError> {
        let mut checks = Checks::default();
        checks.metadata("/metadata", self.metadata.as_ref());
        let parts = parts::normalize(self.content, self.parts, "", &mut checks);
        checks.finish()?;
        Ok(NewMessage {
            id: self.id.unwrap_or_else(Uuid::now_v7),
            chat_id,
            role: self.role,
            content: parts::text(&parts),
            parts,
            metadata: self.metadata.unwrap_or_default(),
        })
    }
}

impl NewMessage {
    /// Whether a stored message is the one that this request would have created.
    pub fn matches(&self, message: &Message) -> bool {
        message.chat_id == self.chat_id
            && message.role == self.role
            && json::is_same_list(&message.parts, &self.parts)
            && json::is_same_object(&message.metadata, &self.metadata)
    }
}

/// Request to update a message. Omitted fields are left unchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"content": "Hello again!"}))]
pub struct UpdateMessage {
    /// New text: replaces the text parts and keeps the others. Send either `content` or `parts`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    pub content: Option<String>,
    /// New parts, which replace all of the old. Send either `content` or `parts`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<MessagePart>, required = false)]
    pub parts: Option<Vec<Value>>,
    /// New metadata, which replaces all of the old.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Map<String, Value>, required = false)]
    pub metadata: Option<Map<String, Value>>,
}

/// Filters and order of the list of messages.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageFilter {
    /// Sort by creation time: oldest first (`asc`) or newest first (`desc`).
    #[param(default = "asc")]
    pub order: Option<MessageOrder>,
    /// `true` returns only active messages; `any` also those that were replaced.
    #[param(default = "true")]
    pub active: Option<ActiveFilter>,
    /// `siblings` adds `sibling_ids` to each message.
    pub include: Option<MessageInclude>,
}

/// What to return along with the messages.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum MessageInclude {
    Siblings,
}

/// Sort order by creation time.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum MessageOrder {
    #[default]
    Asc,
    Desc,
}

/// Which messages to return, by whether they are active.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ActiveFilter {
    #[default]
    True,
    Any,
}
