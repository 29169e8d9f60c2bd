//! API errors: problem details (RFC 9457). This is the only place that translates lower errors, so that
//! nothing internal is sent and each cause is logged once.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

mod from_supabase;
mod from_agent;
mod from_memory;
mod openai;
mod rate_limit_headers;

pub use from_agent::{for_end, shutting_down};
pub use from_supabase::{TOKEN_REFUSED, delete_or_not_found, one_or_not_found};
pub use openai::OpenAiProblem;
pub use rate_limit_headers::RateLimit;

/// A refused or failed request.
#[derive(Clone, Debug)]
pub struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    headers: HeaderMap,
    cause: Option<String>,
}

/// A field that failed validation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON Pointer to the field; for a query or path parameter, its name.
    #[schema(example = "/title")]
    pub pointer: String,
    /// Description of the error.
    #[schema(example = "must be 1 to 200 characters long")]
    pub detail: String,
}

/// An error response (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem<'a> {
    /// Always `about:blank`; use `code` to distinguish errors.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// Reason phrase of the status.
    #[schema(example = "Not Found")]
    title: &'a str,
    /// HTTP status code.
    #[schema(example = 404)]
    status: u16,
    /// What happened and what to do, in a sentence that can be shown to users.
    #[schema(example = "There is no chat with this id.")]
    detail: &'a str,
    /// Stable machine-readable code.
    #[schema(example = "chat_not_found")]
    code: &'a str,
    /// ID of the request, to quote in support requests.
    #[schema(example = "0199f0c2-7c1e-7d53-b3ac-4a2c5a1f0e6b")]
    request_id: &'a str,
    /// The fields that failed validation (422 only).
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// Members that only some codes have.
    #[serde(flatten)]
    #[schema(ignore)]
    members: &'a Map<String, Value>,
}

impl ApiError {
    /// An error with a stable code and one or two sentences for users.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: Map::new(),
            headers: HeaderMap::new(),
            cause: None,
        }))
    }

    /// 404; `thing` is `chat`, `message`, `file`…
    pub fn not_found(thing: &str) -> Self {
        let code = match thing {
            "chat" => "chat_not_found",
            "message" => "message_not_found",
            "script run" => "script_run_not_found",
            "file" => "file_not_found",
            _ => "not_found",
        };
        Self::new(StatusCode::NOT_FOUND, code, format!("There is no {thing} with this id."))
    }

    /// 409: the ID is in use.
    pub fn id_conflict() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "id_conflict",
            "This id is already in use for something else. Choose another one.",
        )
    }

    /// Turns 404 into 409, for a row that must exist because its ID is in use: if it is not found, it
    /// is another user's.
    pub fn or_conflict(self) -> Self {
        if self.status() == StatusCode::NOT_FOUND { Self::id_conflict() } else { self }
    }

    /// 422 with the invalid fields.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] if only.pointer.is_empty() => format!("The body {}.", only.detail),
            [only] => format!("{} {}.", only.pointer.trim_start_matches('/'), only.detail),
            _ => format!("{} fields were refused.", errors.len()),
        };
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "validation_failed", detail);
        error.0.errors = errors;
        error
    }

    /// 422 about one field.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::validation(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// 401. Front ends sign their users out on it.
    pub fn unauthorized(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail).with_header(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer error=\"invalid_token\""),
        )
    }

    /// 503 with a `Retry-After`.
    pub fn unavailable(
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
        retry_after: Duration,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).with_retry_after(retry_after)
    }

    /// 503: the operator has not set what this requires.
    pub fn not_configured(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_configured", detail)
    }

    /// 500: a bug in this server.
    pub fn internal(cause: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something went wrong on our side. Please try again; if it goes on, report the \
             request id.",
        )
        .caused_by(cause)
    }

    /// Sets the cause, which is logged but never sent.
    pub fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds a response header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Adds `Retry-After`, in whole seconds, at least one.
    pub fn with_retry_after(self, after: Duration) -> Self {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        self.with_header(RETRY_AFTER, HeaderValue::from(seconds.max(1)))
    }

    /// Adds a member to the problem.
    pub fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// The sentences for users.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The problem as JSON text.
    pub fn to_json(&self, request_id: &str) -> String {
        let problem = Problem {
            r#type: "about:blank",
            title: self.0.status.canonical_reason().unwrap_or("Error"),
            status: self.0.status.as_u16(),
            detail: &self.0.detail,
            code: self.0.code,
            request_id,
            errors: &self.0.errors,
            members: &self.0.members,
        };
        serde_json::to_string(&problem).unwrap_or_default()
    }

    /// Fills a response that carries this error with its problem.
    pub fn render(self, response: &mut Response, request_id: &str) {
        *response.body_mut() = Body::from(self.to_json(request_id));
        let headers = response.headers_mut();
        headers.extend(self.0.headers);
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    }

    /// Logs the cause: server errors at level `error`, client errors at `debug`.
    pub fn log(&self, request_id: &str) {
        let (status, code) = (self.0.status.as_u16(), self.0.code);
        let cause = self.0.cause.as_deref().unwrap_or(&self.0.detail);
        if self.0.status.is_server_error() {
            tracing::error!(status, code, request_id, "{code}: {cause}");
        } else {
            tracing::debug!(status, code, request_id, "{code}: {cause}");
        }
    }
}

/// Leaves the body to the outermost middleware, which knows the request ID.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
