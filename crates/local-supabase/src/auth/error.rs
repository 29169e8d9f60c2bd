//! Errors in GoTrue's two formats.

use std::borrow::Cow;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::civil::{Date, date};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::passwords::PasswordError;

const API_VERSION: HeaderName = HeaderName::from_static("x-supabase-api-version");
const ERROR_CODE: HeaderName = HeaderName::from_static("x-sb-error-code");
const VERSION_2024: Date = date(2024, 1, 1);
const WEAK_PASSWORD: &str = "weak_password";

/// An error of Auth. `render` decides on its format when the response is sent.
#[derive(Clone, Debug)]
pub(super) struct AuthError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    user_id: Option<Uuid>,
    session_id: Option<Uuid>,
}

impl AuthError {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into(), user_id: None, session_id: None }
    }

    pub(super) fn bad_request(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn forbidden(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    pub(super) fn unprocessable(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    pub(super) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request("validation_failed", message)
    }

    pub(super) fn weak_password(message: impl Into<Cow<'static, str>>) -> Self {
        Self::unprocessable(WEAK_PASSWORD, message)
    }

    pub(super) fn too_many() -> Self {
        let message = "Request rate limit reached";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "over_request_rate_limit", message)
    }

    pub(super) fn email_exists() -> Self {
        let message = "A user with this email address has already been registered";
        Self::unprocessable("email_exists", message)
    }

    pub(super) fn no_phone() -> Self {
        Self::bad_request("phone_provider_disabled", "Phone signups are disabled")
    }

    /// Logs the cause, which is not sent to the client.
    pub(super) fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "the local Supabase Auth failed: {error}");
        let message = "Unexpected failure, please check server logs for more information";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unexpected_failure", message)
    }

    /// The database is overloaded.
    fn timed_out() -> Self {
        let message = "Processing this request timed out, please retry after a moment.";
        Self::new(StatusCode::GATEWAY_TIMEOUT, "request_timeout", message)
    }

    /// The database does not answer, or cannot be written.
    pub(super) fn unavailable() -> Self {
        let message = "The database cannot be read and written, please check server logs";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unexpected_failure", message)
    }

    /// Adds the user and session to the `Sb-Auth-…` headers.
    pub(super) fn with_session(self, user_id: Uuid, session_id: Option<Uuid>) -> Self {
        Self { user_id: Some(user_id), session_id, ..self }
    }

    fn into_format(self, is_2024: bool) -> Response {
        let mut body = if is_2024 {
            json!({ "code": self.code, "message": self.message })
        } else {
            json!({ "code": self.status.as_u16(), "error_code": self.code, "msg": self.message })
        };
        if self.code == WEAK_PASSWORD {
            body["weak_password"] = json!({ "reasons": ["length"] });
        }
        let mut response =
            (self.status, self.headers(is_2024), Json::<Value>(body)).into_response();
        if is_2024 {
            response.headers_mut().insert(API_VERSION, HeaderValue::from_static("2024-01-01"));
        }
        response
    }

    fn headers(&self, is_2024: bool) -> HeaderMap {
        let mut headers = session_headers(self.user_id, self.session_id);
        // GoTrue omits the header in this case only.
        if !(is_2024 && self.code == WEAK_PASSWORD) {
            headers.insert(ERROR_CODE, HeaderValue::from_static(self.code));
        }
        headers
    }
}

impl From<PasswordError> for AuthError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Self::too_many(),
            PasswordError::Internal(error) => Self::internal(error),
        }
    }
}

impl From<rusqlite::Error> for AuthError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, OperationInterrupted};
        if let Some(DatabaseBusy | OperationInterrupted) = error.sqlite_error_code() {
            return Self::timed_out();
        }
        Self::internal(error)
    }
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// The headers in which GoTrue names the session of a response for proxies.
pub(super) fn session_headers(user_id: Option<Uuid>, session_id: Option<Uuid>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, id) in [("sb-auth-user-id", user_id), ("sb-auth-session-id", session_id)] {
        if let Some(value) = id.and_then(|id| HeaderValue::try_from(id.to_string()).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

/// Renders errors in the format that the request asks for. supabase-js asks for that of 2024.
pub(super) async fn render(request: Request, next: Next) -> Response {
    let is_2024 = asks_for_2024(request.headers());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<AuthError>() {
        Some(refusal) => refusal.into_format(is_2024),
        None => response,
    }
}

fn asks_for_2024(headers: &HeaderMap) -> bool {
    let version = headers.get(API_VERSION).and_then(|value| value.to_str().ok());
    version.and_then(|version| version.parse::<Date>().ok()).is_some_and(|v| v >= VERSION_2024)
}
