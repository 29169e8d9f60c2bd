//! Errors as Storage reports them: as HTTP 400, with the real status as a string in the body.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::blobs::BlobError;
use crate::token::TokenError;

/// An error of Storage.
#[derive(Debug)]
pub(super) struct StorageError {
    status: &'static str,
    error: &'static str,
    code: &'static str,
    message: Cow<'static, str>,
}

impl StorageError {
    fn new(
        status: &'static str,
        error: &'static str,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, error, code, message: message.into() }
    }

    /// An invalid request, with a message of the JSON Schema validator.
    pub(super) fn invalid_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("400", "Error", "InvalidRequest", message)
    }

    pub(super) fn missing(place: &str, property: &str) -> Self {
        Self::invalid_request(format!("{place} must have required property '{property}'"))
    }

    pub(super) fn no_such_bucket() -> Self {
        Self::new("404", "Bucket not found", "NoSuchBucket", "Bucket not found")
    }

    pub(super) fn invalid_bucket_name() -> Self {
        Self::new("400", "Invalid Input", "InvalidBucketName", "Bucket name invalid")
    }

    pub(super) fn bucket_exists() -> Self {
        Self::new("409", "Duplicate", "BucketAlreadyExists", "The resource already exists")
    }

    pub(super) fn bucket_not_empty() -> Self {
        let message = "The bucket you tried to delete is not empty";
        Self::new("409", "ResourceNotEmpty", "ResourceNotEmpty", message)
    }

    pub(super) fn no_such_key() -> Self {
        Self::new("404", "not_found", "NoSuchKey", "Object not found")
    }

    pub(super) fn key_exists() -> Self {
        Self::new("409", "Duplicate", "KeyAlreadyExists", "The resource already exists")
    }

    pub(super) fn invalid_key(key: &str) -> Self {
        Self::new("400", "InvalidKey", "InvalidKey", format!("Invalid key: {key}"))
    }

    /// A policy forbids the row.
    pub(super) fn row_security() -> Self {
        Self::access_denied("new row violates row-level security policy")
    }

    pub(super) fn access_denied(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new("403", "Unauthorized", "AccessDenied", message)
    }

    pub(super) fn too_large() -> Self {
        let message = "The object exceeded the maximum allowed size";
        Self::new("413", "Payload too large", "EntityTooLarge", message)
    }

    /// Of all objects of a user together.
    pub(super) fn no_room() -> Self {
        let message = "Your objects take as much room as they may; delete some first";
        Self::new("413", "Payload too large", "EntityTooLarge", message)
    }

    pub(super) fn body_too_large() -> Self {
        Self::new("413", "Payload too large", "EntityTooLarge", "Request body is too large")
    }

    /// Requests in flight hold too many bytes.
    pub(super) fn slow_down() -> Self {
        let message = "Too many bytes in flight, please reduce your request rate";
        Self::new("503", "SlowDown", "SlowDown", message)
    }

    pub(super) fn invalid_mime_type(mime_type: &str) -> Self {
        let message = format!("mime type {mime_type} is not supported");
        Self::new("415", "invalid_mime_type", "InvalidMimeType", message)
    }

    pub(super) fn invalid_range() -> Self {
        let message = "The requested range is not satisfiable";
        Self::new("416", "InvalidRange", "InvalidRange", message)
    }

    pub(super) fn invalid_signature() -> Self {
        Self::new("400", "InvalidSignature", "InvalidSignature", "Invalid signature")
    }

    /// The token of a signed URL.
    pub(super) fn invalid_jwt(error: TokenError) -> Self {
        Self::new("400", "InvalidJWT", "InvalidJWT", token_message(error))
    }

    /// The access token of a request.
    pub(super) fn invalid_access_token(error: TokenError) -> Self {
        Self::access_denied(token_message(error))
    }

    /// The database is overloaded.
    fn database_timeout() -> Self {
        let message = "The connection to the database timed out";
        Self::new("544", "DatabaseTimeout", "DatabaseTimeout", message)
    }

    /// The body broke off, or the disk failed.
    pub(super) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!("local storage: {cause}");
        Self::new("500", "Internal", "InternalError", "Internal Server Error")
    }

    pub(super) fn broken_body() -> Self {
        Self::new("400", "Error", "InvalidRequest", "The request body broke off")
    }
}

fn token_message(error: TokenError) -> &'static str {
    match error {
        TokenError::Parts(_) | TokenError::Header => "Invalid Compact JWS",
        TokenError::UnknownKey | TokenError::Signature => "signature verification failed",
        TokenError::Claims => "JWT Claims Set must be a top-level JSON object",
        TokenError::Expired => "\"exp\" claim timestamp check failed",
        TokenError::NotYetValid => "\"nbf\" claim timestamp check failed",
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, OperationInterrupted};
        if let Some(DatabaseBusy | OperationInterrupted) = error.sqlite_error_code() {
            return Self::database_timeout();
        }
        Self::internal(&error)
    }
}

impl From<BlobError> for StorageError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Broken => Self::broken_body(),
            BlobError::TooLarge => Self::too_large(),
            BlobError::Io(error) => Self::internal(&error),
        }
    }
}

impl From<std::io::Error> for StorageError {
    fn from(error: std::io::Error) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for StorageError {
    fn into_response(self) -> Response {
        let status = match self.status {
            "500" => StatusCode::INTERNAL_SERVER_ERROR,
            // Not a status of HTTP, but Storage uses it.
            "544" => StatusCode::from_u16(544).unwrap_or(StatusCode::GATEWAY_TIMEOUT),
            _ => StatusCode::BAD_REQUEST,
        };
        let body = json!({
            "statusCode": self.status,
            "error": self.error,
            "message": self.message,
            "code": self.code,
        });
        json_response(status, &body)
    }
}

/// JSON with the content type that Storage sends.
pub(super) fn json_response(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let mut response = (status, Json(body)).into_response();
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
