//! The request and response types of `/api/chats`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::messages::model::Message;
use crate::http::error::ApiError;
use crate::http::extract::{nullable, present};
use crate::http::validate::Checks;
use crate::json;

/// The title of a chat without one of its own: the default of the database column, too.
pub const UNTITLED: &str = "New chat";

/// A chat.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Chat {
    /// ID of the chat.
    pub id: Uuid,
    /// ID of the user who owns the chat.
    pub user_id: Uuid,
    /// Title of the chat, 1 to 200 characters.
    #[schema(example = "Trip to Rome")]
    pub title: String,
    /// Model to use when a request does not specify one.
    #[schema(example = "scripted/demo", required = true)]
    pub model: Option<String>,
    /// System prompt sent with every request in this chat.
    #[schema(required = true)]
    pub system_prompt: Option<String>,
    /// ID of the assistant that answers; null if requests choose models themselves.
    #[schema(required = true)]
    pub assistant: Option<String>,
    /// Whether the chat is archived.
    pub is_archived: bool,
    /// Whether the chat is bookmarked.
    pub is_bookmarked: bool,
    /// Custom metadata.
    pub metadata: Map<String, Value>,
    /// Time of the newest message.
    #[schema(format = DateTime, required = true)]
    pub last_message_at: Option<String>,
    /// Time the chat was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Time the chat was last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A chat, optionally with its newest messages.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ChatWithMessages {
    #[serde(flatten)]
    chat: Chat,
    /// The last 50 active messages, oldest first. Present only with `include=messages`.
    #[serde(default)]
    messages: Option<Vec<Message>>,
}

/// Request to create a chat.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"title": "Trip to Rome"}))]
pub struct CreateChat {
    /// ID chosen by the client, which makes the request safe to retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Title of the chat. Defaults to `New chat`.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Model to use when a request does not specify one.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// System prompt sent with every request in this chat.
    #[schema(max_length = 100000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// ID of the assistant that answers: see `GET /api/ai/assistants`.
    #[schema(example = "travel")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assistant: Option<String>,
    /// Custom metadata, at most 64 KiB of JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

impl CreateChat {
    /// Trims the title and validates every field.
    pub fn checked(mut self) -> Result<Self, ApiError> {
        self.title = self.title.map(|title| title.trim().to_owned());
        let mut checks = Checks::default();
        check_title(&mut checks, self.title.as_deref());
        check_model(&mut checks, self.model.as_deref());
        check_system_prompt(&mut checks, self.system_prompt.as_deref());
        checks.metadata("/metadata", self.metadata.as_ref());
        checks.finish()?;
        Ok(self)
    }

    /// Whether a stored chat is the one that this request would have created. Fields that the request
    /// omits are not compared: they may have been filled in since, such as the title.
    pub fn matches(&self, chat: &Chat) -> bool {
        self.title.as_ref().is_none_or(|title| *title == chat.title)
            && (self.model.is_none() || self.model == chat.model)
            && (self.system_prompt.is_none() || self.system_prompt == chat.system_prompt)
            && (self.assistant.is_none() || self.assistant == chat.assistant)
            && self.metadata.as_ref().is_none_or(|own| json::is_same_object(own, &chat.metadata))
    }
}

/// Request to update a chat. Omitted fields are left unchanged; null clears `model`,
/// `system_prompt` and `assistant`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"title": "Trip to Rome", "is_bookmarked": true}))]
pub struct UpdateChat {
    /// New title.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub title: Option<String>,
    /// New model, or null to use the default.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200, value_type = Option<String>)]
    pub model: Option<Option<String>>,
    /// New system prompt, or null to remove it.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100000, value_type = Option<String>)]
    pub system_prompt: Option<Option<String>>,
    /// New assistant, or null for none.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub assistant: Option<Option<String>>,
    /// New metadata, which replaces all of the old.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Map<String, Value>, required = false)]
    pub metadata: Option<Map<String, Value>>,
    /// Whether the chat is archived.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub is_archived: Option<bool>,
    /// Whether the chat is bookmarked.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub is_bookmarked: Option<bool>,
}

impl UpdateChat {
    /// Trims the title and validates every field.
    pub fn checked(mut self) -> Result<Self, ApiError> {
        self.title = self.title.map(|title| title.trim().to_owned());
        let mut checks = Checks::default();
        check_title(&mut checks, self.title.as_deref());
        check_model(&mut checks, self.model.as_ref().and_then(Option::as_deref));
        check_system_prompt(&mut checks, self.system_prompt.as_ref().and_then(Option::as_deref));
        checks.metadata("/metadata", self.metadata.as_ref());
        checks.finish()?;
        Ok(self)
    }

    /// Whether the request changes nothing.
    pub fn is_empty(&self) -> bool {
        self.title.is_none()
            && self.model.is_none()
            && self.system_prompt.is_none()
            && self.assistant.is_none()
            && self.metadata.is_none()
            && self.is_archived.is_none()
            && self.is_bookmarked.is_none()
    }
}

fn check_title(checks: &mut Checks, title: Option<&str>) {
    if let Some(title) = title {
        checks.length("/title", title, 1, 200);
    }
}

fn check_model(checks: &mut Checks, model: Option<&str>) {
    if let Some(model) = model {
        checks.length("/model", model, 1, 200);
    }
}

fn check_system_prompt(checks: &mut Checks, prompt: Option<&str>) {
    if let Some(prompt) = prompt {
        checks.length("/system_prompt", prompt, 0, 100_000);
    }
}

/// Request to archive or unarchive a chat.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"archived": true}))]
pub struct SetArchived {
    /// Whether the chat should be archived.
    pub archived: bool,
}

/// Request to bookmark a chat or remove its bookmark.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"bookmarked": true}))]
pub struct SetBookmarked {
    /// Whether the chat should be bookmarked.
    pub bookmarked: bool,
}

/// Filters of the list of chats.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChatFilter {
    /// Return only archived chats (`true`) or only chats that are not archived (`false`).
    pub archived: Option<bool>,
    /// Return only bookmarked chats (`true`) or only chats that are not bookmarked (`false`).
    pub bookmarked: Option<bool>,
    /// Return only chats whose title or active messages contain this text, ignoring case.
    #[param(min_length = 1, max_length = 200)]
    pub q: Option<String>,
}

/// What to return along with a chat.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChatInclude {
    /// `messages` adds the last 50 active messages, oldest first.
    pub include: Option<Include>,
}

/// Related resources to include in a chat.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Include {
    Messages,
}
