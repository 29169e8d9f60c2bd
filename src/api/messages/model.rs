//! What a message looks like, and what clients may send about one.

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
    /// Its id.
    pub id: Uuid,
    /// Its chat.
    pub chat_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// The message it follows; an answer's is its question.
    #[schema(required = true)]
    pub parent_id: Option<Uuid>,
    /// Who speaks.
    pub role: Role,
    /// The text parts, joined.
    #[schema(example = "Hello!")]
    pub content: String,
    /// AI SDK `UIMessage` parts: `text`, `reasoning`, `file`, `tool-<name>`…
    #[schema(value_type = Vec<Object>, example = json!([{"type": "text", "text": "Hello!"}]))]
    pub parts: Vec<Value>,
    /// The model that answered.
    #[schema(required = true)]
    pub model: Option<String>,
    /// Whether it is whole.
    pub status: MessageStatus,
    /// Why the model stopped.
    #[schema(example = "stop", required = true)]
    pub finish_reason: Option<String>,
    /// The tokens of the answer.
    #[schema(required = true)]
    pub usage: Option<TokenUsage>,
    /// The price of the answer; null where it is not known.
    #[schema(example = 0.00042, required = true)]
    pub cost_usd: Option<f64>,
    /// False once it was replaced by an edit or a new answer.
    pub is_active: bool,
    /// An answer's is what its stream sent as `messageMetadata`.
    pub metadata: Map<String, Value>,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Role {
    #[default]
    User,
    Assistant,
    System,
}

/// Whether a message is whole.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// It is.
    Complete,
    /// It is being written.
    Streaming,
    /// The user stopped it.
    Stopped,
    /// Its generation failed.
    Failed,
    /// Its generation was cut off.
    Interrupted,
}

/// A new message.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"content": "Hello!"}))]
pub struct CreateMessage {
    /// The client's own id, for a safe repeat.
    pub id: Option<Uuid>,
    /// Who speaks.
    #[serde(default, deserialize_with = "or_default")]
    #[schema(required = false, default = "user")]
    pub role: Role,
    /// The text; either this or `parts`.
    pub content: Option<String>,
    /// AI SDK `UIMessage` parts; either these or `content`.
    #[schema(value_type = Option<Vec<Object>>)]
    pub parts: Option<Vec<Value>>,
    /// The front end's own data, at most 64 KiB.
    pub metadata: Option<Map<String, Value>>,
}

/// A message as it is inserted.
#[derive(Debug, Serialize)]
pub struct NewMessage {
    /// Its id.
    pub id: Uuid,
    /// Its chat.
    pub chat_id: Uuid,
    /// Who speaks.
    pub role: Role,
    /// The text parts, joined.
    pub content: String,
    /// Its parts.
    pub parts: Vec<Value>,
    /// The front end's own data.
    pub metadata: Map<String, Value>,
}

impl CreateMessage {
    /// Checks everything and fills in what follows from it.
    pub fn checked(self, chat_id: Uuid) -> Result<NewMessage, ApiError> {
        let mut checks = Checks::default();
        checks.metadata("/metadata", self.metadata.as_ref());
        let parts = parts::of(self.content, self.parts, "", &mut checks);
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
    /// Whether a stored message is what this request would have created.
    pub fn created(&self, message: &Message) -> bool {
        message.chat_id == self.chat_id
            && message.role == self.role
            && json::is_same_list(&message.parts, &self.parts)
            && json::is_same_object(&message.metadata, &self.metadata)
    }
}

/// Changes to a message: only the fields that are present.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"content": "Hello again!"}))]
pub struct UpdateMessage {
    /// Replaces the text parts and leaves the others; either this or `parts`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    pub content: Option<String>,
    /// Replaces all parts; either these or `content`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<Object>, required = false)]
    pub parts: Option<Vec<Value>>,
    /// Replaces the metadata.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Object, required = false)]
    pub metadata: Option<Map<String, Value>>,
}

/// Which messages of a chat to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageFilter {
    /// By creation, oldest first (`asc`) or newest first.
    #[param(default = "asc")]
    pub order: Option<Order>,
    /// `true`: without messages that were replaced; `any`: all.
    #[param(default = "true")]
    pub active: Option<Active>,
}

/// See [`MessageFilter`].
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Order {
    #[default]
    Asc,
    Desc,
}

/// See [`MessageFilter`].
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Active {
    #[default]
    True,
    Any,
}
