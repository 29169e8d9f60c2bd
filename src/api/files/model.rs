//! What a file looks like, and what clients may send about one.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::name;
use crate::http::error::ApiError;
use crate::http::extract::{nullable, present};
use crate::http::validate::Checks;

/// A file.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct File {
    /// Its id.
    pub id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// The chat it belongs to.
    #[schema(required = true)]
    pub chat_id: Option<Uuid>,
    /// Its name, 1 to 255 characters; several files may have the same.
    #[schema(example = "sales.csv")]
    pub name: String,
    /// Its media type, checked against its first bytes.
    #[schema(example = "text/csv")]
    pub media_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// The front end's own data.
    pub metadata: Map<String, Value>,
    /// When it was uploaded.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// The provider that could not read it; its models are only told the name.
    #[schema(required = true, example = json!(null))]
    #[serde(default)]
    pub refused_by: Option<String>,
    /// Where its bytes are for whoever has the address, for two hours; null while the storage does
    /// not have them.
    #[schema(required = true)]
    #[serde(default)]
    pub url: Option<String>,
}

/// A form with a file. Fields before the file make repeats cheap; their order is free otherwise.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the form is read field by field; this describes it")]
pub struct UploadForm {
    /// The bytes, with their name and type.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
    /// The client's own id, for a safe repeat.
    pub id: Option<Uuid>,
    /// The chat it belongs to.
    pub chat_id: Option<Uuid>,
    /// The front end's own data: JSON, at most 64 KiB.
    #[schema(value_type = Option<String>)]
    pub metadata: Option<String>,
}

/// Changes to a file: only the fields that are present; null clears `chat_id`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"name": "sales-2026.csv"}))]
pub struct UpdateFile {
    /// A new name.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255, value_type = String, required = false)]
    pub name: Option<String>,
    /// Another chat, or null for none.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub chat_id: Option<Option<Uuid>>,
    /// Replaces the metadata.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub metadata: Option<Map<String, Value>>,
}

impl UpdateFile {
    /// Checks everything; the name must be one that an upload would have kept.
    pub fn checked(mut self) -> Result<Self, ApiError> {
        let mut checks = Checks::default();
        if let Some(name) = &mut self.name {
            *name = name.trim().to_owned();
            checks.length("/name", name, 1, 255);
            if !name.is_empty() && name.chars().count() <= 255 && name::clean(name) != *name {
                checks.refuse("/name", "must not have slashes or invisible characters");
            }
        }
        checks.metadata("/metadata", self.metadata.as_ref());
        checks.finish()?;
        Ok(self)
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.chat_id.is_none() && self.metadata.is_none()
    }
}

/// Which files to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileFilter {
    /// Only files of this chat.
    pub chat_id: Option<Uuid>,
    /// Only files with this text in their name, in upper or lower case.
    #[param(min_length = 1, max_length = 200)]
    pub q: Option<String>,
}

/// How the bytes are to be sent.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ContentQuery {
    /// Have the browser save the file, even one that it could show.
    #[serde(default)]
    pub download: bool,
}

/// An address without a token is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"expires_in": 3600}))]
pub struct SignUrl {
    /// How long the address is good for, in seconds.
    #[schema(minimum = 60, maximum = 604800, default = 3600)]
    pub expires_in: Option<u64>,
}

/// An address without a token.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct SignedUrl {
    /// The address.
    pub url: String,
    /// Until when it is good.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: jiff::Timestamp,
}
