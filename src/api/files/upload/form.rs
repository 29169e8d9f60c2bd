//! The form of an upload, read field by field.

use axum::http::StatusCode;
use futures_util::StreamExt;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::metadata::FormFields;
use super::receive::Received;
use crate::api::files::name;
use crate::api::files::service::{Files, Owner};
use crate::http::error::ApiError;
use crate::http::response::Created;
use crate::http::validate::Checks;
use crate::memory::{Field, Form, FormError};

/// The database holds 64 KiB of metadata; its JSON may be written with more space.
const MAX_TEXT: usize = 128 * 1024;
const MAX_FIELDS: usize = 100;

/// Stores the file of a form.
pub(in crate::api::files) async fn receive(
    files: &Files,
    owner: &Owner,
    form: &mut Form,
) -> Result<Created, ApiError> {
    let mut fields = FormFields::default();
    let mut received: Option<Received> = None;
    for _ in 0..MAX_FIELDS {
        let Some(field) = form.next().await.map_err(|error| unreadable(&error, ""))? else {
            let received = received.ok_or_else(|| ApiError::invalid("/file", "is missing"))?;
            return files.complete(owner, received, fields).await;
        };
        match field.name() {
            "file" if received.is_some() => {
                return Err(ApiError::invalid(
                    "/file",
                    "must be one file; send others by themselves",
                ));
            }
            "file" => received = Some(read_file(files, owner, fields.id, field).await?),
            "id" => fields.id = uuid(field, "/id").await?,
            "chat_id" => fields.chat_id = uuid(field, "/chat_id").await?,
            "metadata" => fields.metadata = metadata(field).await?,
            _ => drop(text(field, "").await?),
        }
    }
    Err(ApiError::invalid("", format!("must have at most {MAX_FIELDS} fields")))
}

async fn read_file(
    files: &Files,
    owner: &Owner,
    id: Option<Uuid>,
    field: Field,
) -> Result<Received, ApiError> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let declared = field.content_type();
    let pieces = field.chunks().map(|piece| piece.map_err(|error| unreadable(&error, "/file")));
    files.receive(owner, id, name::clean(&name), declared.as_deref(), Box::pin(pieces)).await
}

async fn text(field: Field, pointer: &str) -> Result<String, ApiError> {
    let text = field.text(MAX_TEXT).await.map_err(|error| unreadable(&error, pointer))?;
    if text.contains('\0') {
        return Err(ApiError::invalid(pointer, "must not contain the character U+0000"));
    }
    Ok(text)
}

async fn uuid(field: Field, pointer: &str) -> Result<Option<Uuid>, ApiError> {
    let text = text(field, pointer).await?;
    match text.trim() {
        "" => Ok(None),
        text => Uuid::try_parse(text)
            .map(Some)
            .map_err(|_| ApiError::invalid(pointer, "must be a UUID")),
    }
}

async fn metadata(field: Field) -> Result<Map<String, Value>, ApiError> {
    let text = text(field, "/metadata").await?;
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let Ok(metadata) = serde_json::from_str::<Map<String, Value>>(&text) else {
        return Err(ApiError::invalid("/metadata", "must be a JSON object"));
    };
    if text.contains("\\u0000") {
        return Err(ApiError::invalid("/metadata", "must not contain the character U+0000"));
    }
    let mut checks = Checks::default();
    checks.metadata("/metadata", Some(&metadata));
    checks.finish()?;
    Ok(metadata)
}

/// The error of a form that cannot be read.
pub fn unreadable(error: &FormError, pointer: &str) -> ApiError {
    if let Some(full) = error.full() {
        return full.into();
    }
    match error {
        FormError::Malformed(_) => ApiError::new(
            StatusCode::BAD_REQUEST,
            "malformed_body",
            "The form is not well-formed, or it broke off.",
        )
        .caused_by(error.to_string()),
        FormError::Idle => ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "The file took too long to arrive. Please try again.",
        ),
        FormError::TooLong => ApiError::invalid(pointer, "is too long"),
    }
}
