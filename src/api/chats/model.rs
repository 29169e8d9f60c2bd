//! What a chat looks like, and what clients may send about one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::messages::model::Message;
use crate::http::error::ApiError;
use crate::http::extract::{nullable, present};
use crate::http::validate::Checks;
use crate::json;

/// The title of a chat that nobody has named. The database has it as its default.
pub const UNTITLED: &str = "New chat";

/// A conversation.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct Chat {
    /// Its id.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// Its title, 1 to 200 characters.
    #[schema(example = "Trip to Rome")]
    pub title: String,
    /// The model that answers when a request names none.
    #[schema(example = "scripted/demo", required = true)]
    pub model: Option<String>,
    /// Instructions that precede every request of this chat.
    #[schema(required = true)]
    pub system_prompt: Option<String>,
    /// Put away.
    pub is_archived: bool,
    /// Marked.
    pub is_bookmarked: bool,
    /// The front end's own data.
    pub metadata: Map<String, Value>,
    /// When the newest message was written.
    #[schema(format = DateTime, required = true)]
    pub last_message_at: Option<String>,
    /// When the chat was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A chat, with its newest messages where they were asked for.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct ChatWithMessages {
    #[serde(flatten)]
    chat: Chat,
    /// The last 50 active messages, oldest first; only with `include=messages`.
    #[serde(default)]
    messages: Option<Vec<Message>>,
}

/// A new chat.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"title": "Trip to Rome"}))]
pub struct CreateChat {
    /// The client's own id, for a safe repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// `New chat` where there is none.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The model that answers when a request names none.
    #[schema(min_length = 1, max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Instructions that precede every request of this chat.
    #[schema(max_length = 100000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// The front end's own data, at most 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

impl CreateChat {
    /// Trims the title and checks everything.
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

    /// Whether a stored chat is what this request would have created. What it leaves open may have
    /// been filled in since, such as the title.
    pub fn created(&self, chat: &Chat) -> bool {
        self.title.as_ref().is_none_or(|title| *title == chat.title)
            && (self.model.is_none() || self.model == chat.model)
            && (self.system_prompt.is_none() || self.system_prompt == chat.system_prompt)
            && self.metadata.as_ref().is_none_or(|own| json::is_same_object(own, &chat.metadata))
    }
}

/// Changes to a chat: only the fields that are present; null clears `model` and `system_prompt`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"title": "Trip to Rome", "is_bookmarked": true}))]
pub struct UpdateChat {
    /// A new title.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200, value_type = String, required = false)]
    pub title: Option<String>,
    /// Another model, or null for the default.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 200, value_type = Option<String>)]
    pub model: Option<Option<String>>,
    /// Other instructions, or null for none.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100000, value_type = Option<String>)]
    pub system_prompt: Option<Option<String>>,
    /// Replaces the metadata.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub metadata: Option<Map<String, Value>>,
    /// Puts the chat away, or takes it out again.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub is_archived: Option<bool>,
    /// Marks the chat, or takes the mark away.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    pub is_bookmarked: Option<bool>,
}

impl UpdateChat {
    /// Trims the title and checks everything.
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

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.title.is_none()
            && self.model.is_none()
            && self.system_prompt.is_none()
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

/// Whether to archive; without a body the chat changes sides.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SetArchived {
    /// Put away or not.
    pub archived: bool,
}

/// Whether to bookmark; without a body the chat changes sides.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SetBookmarked {
    /// Marked or not.
    pub bookmarked: bool,
}

/// Which chats to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChatFilter {
    /// Only archived chats, or only others.
    pub archived: Option<bool>,
    /// Only bookmarked chats, or only others.
    pub bookmarked: Option<bool>,
    /// Only chats with this text in their title or active messages, in upper or lower case.
    #[param(min_length = 1, max_length = 200)]
    pub q: Option<String>,
}

/// What to send along with a chat.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChatInclude {
    /// `messages`: the last 50 active messages, oldest first.
    pub include: Option<Include>,
}

/// See [`ChatInclude`].
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Include {
    Messages,
}
