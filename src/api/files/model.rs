//! The request and response types of `/api/files`.

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
    /// ID of the file.
    pub id: Uuid,
    /// ID of the user who owns the file.
    pub user_id: Uuid,
    /// ID of the chat that the file belongs to.
    #[schema(required = true)]
    pub chat_id: Option<Uuid>,
    /// Name of the file, 1 to 255 characters. Names need not be unique.
    #[schema(example = "sales.csv")]
    pub name: String,
    /// Media type, verified against the first bytes of the content.
    #[schema(example = "text/csv")]
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 digest of the content, in hexadecimal.
    pub sha256: String,
    /// Custom metadata.
    pub metadata: Map<String, Value>,
    /// Time the file was uploaded.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Time the file was last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Provider that could not read the file. Its models receive only the name of the file.
    #[schema(required = true, example = json!(null))]
    #[serde(default)]
    pub refused_by: Option<String>,
    /// Signed URL of the content: it needs no token and is valid for two hours. Null if the content is
    /// missing from Storage.
    #[schema(required = true)]
    #[serde(default)]
    pub url: Option<String>,
}

/// Form to upload a file. The fields may come in any order; fields that precede the file make retries
/// cheaper.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the form is read field by field; this describes it")]
pub struct UploadForm {
    /// Content of the file, with its name and media type.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
    /// ID chosen by the client, which makes the request safe to retry.
    pub id: Option<Uuid>,
    /// ID of the chat that the file belongs to.
    pub chat_id: Option<Uuid>,
    /// Custom metadata: a JSON object of at most 64 KiB.
    #[schema(value_type = Option<String>)]
    pub metadata: Option<String>,
}

/// Request to update a file. Omitted fields are left unchanged; null clears `chat_id`.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[schema(example = json!({"name": "sales-2026.csv"}))]
pub struct UpdateFile {
    /// New name.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 255, value_type = String, required = false)]
    pub name: Option<String>,
    /// ID of the new chat, or null to detach the file from its chat.
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub chat_id: Option<Option<Uuid>>,
    /// New metadata, which replaces all of the old.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Map<String, Value>, required = false)]
    pub metadata: Option<Map<String, Value>>,
}

impl UpdateFile {
    /// Validates every field. The name must be one that an upload would have kept unchanged.
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

    /// Whether the request changes nothing.
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.chat_id.is_none() && self.metadata.is_none()
    }
}

/// Filters of the list of files.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileFilter {
    /// Return only files that belong to this chat.
    pub chat_id: Option<Uuid>,
    /// Return only files whose name contains this text, ignoring case.
    #[param(min_length = 1, max_length = 200)]
    pub q: Option<String>,
}

/// How the content is returned.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ContentQuery {
    /// Make browsers save the file, even if they could display it.
    #[serde(default)]
    pub download: bool,
}

/// Request for a signed URL.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"expires_in": 3600}))]
pub struct SignUrl {
    /// Lifetime of the URL in seconds. Defaults to 3600.
    #[schema(minimum = 60, maximum = 604800)]
    pub expires_in: Option<u64>,
}

/// A URL of the content of a file that works without a token.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct SignedUrl {
    /// The signed URL.
    pub url: String,
    /// Time the URL expires.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: jiff::Timestamp,
}
