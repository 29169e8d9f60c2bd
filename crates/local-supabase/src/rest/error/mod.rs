//! The errors of PostgREST and PostgreSQL, in PostgREST's format.

mod postgrest;
mod sql_state;
mod sqlite;

use std::borrow::Cow;
use std::fmt;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use crate::role::Role;

const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// The beginning of errors that passed through SQLite.
pub(super) const THROUGH_SQLITE: &str = "postgresql:";

/// An error as PostgREST reports it.
#[derive(Debug)]
pub struct RestError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    /// Whether the response has `WWW-Authenticate`.
    is_challenge: bool,
    body: ErrorBody,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    code: Cow<'static, str>,
    details: Value,
    hint: Option<String>,
    message: String,
}

impl RestError {
    /// An error without details and hint.
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        let (code, message) = (code.into(), message.into());
        let body = ErrorBody { code, details: Value::Null, hint: None, message };
        Self(Box::new(Inner { status, is_challenge: false, body }))
    }

    /// Adds `details`.
    pub fn details(mut self, details: impl Into<Value>) -> Self {
        self.0.body.details = details.into();
        self
    }

    /// Adds a hint, if there is one.
    pub(crate) fn hint(mut self, hint: Option<String>) -> Self {
        self.0.body.hint = hint;
        self
    }

    /// A missing privilege is 401 instead of 403 for callers who are not signed in.
    pub(crate) fn for_role(mut self, role: Role) -> Self {
        if self.0.body.code == "42501" && role == Role::Anon {
            self.0.status = StatusCode::UNAUTHORIZED;
            self.0.is_challenge = true;
        }
        self
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.0.body.message
    }

    /// The same as text that passes through SQLite, which knows no other errors of functions.
    pub(crate) fn through_sqlite(&self) -> String {
        format!("{THROUGH_SQLITE}{}:{}", self.0.body.code, self.0.body.message)
    }

    /// PostgREST's code or the SQLSTATE.
    #[cfg(test)]
    pub(crate) fn into_code(self) -> String {
        self.0.body.code.into_owned()
    }

    /// Status and body alone, for the error that has the headers of a successful response (416).
    pub(crate) fn into_bare_response(self) -> Response {
        let content_type = [(CONTENT_TYPE, "application/json; charset=utf-8")];
        (self.0.status, content_type, Json(self.0.body)).into_response()
    }
}

impl fmt::Display for RestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.body.message)
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let proxy_status = format!("PostgREST; error={}", self.0.body.code);
        let is_challenge = self.0.is_challenge;
        let mut response = self.into_bare_response();
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(proxy_status) {
            headers.insert(PROXY_STATUS, value);
        }
        if is_challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
