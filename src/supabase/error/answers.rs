//! Reads the error bodies of PostgREST and Auth, and of the gateway before them. Pure.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::{Repeat, SupabaseError, SupabaseErrorKind as Kind, shortened};

/// How much of an unknown body goes into the log, in characters.
const EXCERPT: usize = 300;

/// The error bodies of all of Supabase: PostgREST's, Auth's older and newer, the gateway's.
#[derive(Default, Deserialize)]
struct Body {
    /// PostgREST's code, or Auth's word; a number in Auth's older bodies.
    code: Option<Value>,
    error_code: Option<String>,
    message: Option<String>,
    msg: Option<String>,
    details: Option<Value>,
    hint: Option<Value>,
}

impl Body {
    fn read(status: StatusCode, body: &[u8]) -> Self {
        let mut read: Self = serde_json::from_slice(body).unwrap_or_default();
        if read.message.is_none() {
            read.message = read.msg.take().or_else(|| Some(excerpt(status, body)));
        }
        read
    }

    fn code(&self) -> Option<&str> {
        let code = self.error_code.as_deref().or(self.code.as_ref().and_then(Value::as_str));
        code.filter(|code| !code.is_empty())
    }

    fn has_empty_code(&self) -> bool {
        self.code.as_ref().and_then(Value::as_str) == Some("")
    }
}

impl SupabaseError {
    /// Reads an error of PostgREST.
    pub(in crate::supabase) fn from_postgrest(
        status: StatusCode,
        body: &[u8],
        retry_after: Option<Duration>,
    ) -> Self {
        let body = Body::read(status, body);
        let (kind, repeat) = match body.code() {
            Some(code) => {
                classify_postgrest(status, code, body.message.as_deref().unwrap_or_default())
            }
            // PostgREST has found its connection to the database broken, and opens another one.
            None if body.has_empty_code() => (Kind::Unreachable, Repeat::Idempotent),
            None => classify_gateway(status),
        };
        Self::read(kind, repeat, &body, retry_after)
    }

    /// Reads an error of Auth about an access token.
    pub(in crate::supabase) fn from_auth(
        status: StatusCode,
        body: &[u8],
        retry_after: Option<Duration>,
    ) -> Self {
        let body = Body::read(status, body);
        // Older versions have no words, only a number; a gateway has neither.
        let is_auths = body.code().is_some() || body.code.as_ref().is_some_and(Value::is_number);
        let (kind, repeat) = if is_auths && status.is_client_error() {
            let message = body.message.as_deref().unwrap_or_default();
            (classify_auth(status, body.code().unwrap_or_default(), message), Repeat::Never)
        } else {
            classify_gateway(status)
        };
        Self::read(kind, repeat, &body, retry_after)
    }

    fn read(kind: Kind, repeat: Repeat, body: &Body, retry_after: Option<Duration>) -> Self {
        let code = body.code().map(|code| code.chars().take(EXCERPT).collect());
        let failed = Self::new(kind, body.message.clone().unwrap_or_default());
        let hint = [&body.details, &body.hint].into_iter().flatten().filter_map(Value::as_str);
        let hint = hint.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(". ");
        let hint = (!hint.is_empty()).then(|| shortened(hint).into());
        Self { code, hint, retry_after, repeat, ..failed }
    }
}

/// SQLSTATE classes and PostgREST's own codes.
fn classify_postgrest(status: StatusCode, code: &str, message: &str) -> (Kind, Repeat) {
    let kind = match code {
        "PGRST116" => Kind::NotOneRow,
        "PGRST301" | "PGRST303" => classify_token(message),
        "PGRST106" | "PGRST200" | "PGRST201" | "PGRST202" | "PGRST203" | "PGRST204"
        | "PGRST205" | "3F000" | "42P01" | "42703" | "42883" => Kind::SchemaMismatch,
        // No connection to the database, and no picture of its schema yet: nothing was carried out.
        "PGRST000" | "PGRST002" => return (Kind::Unreachable, Repeat::Any),
        "PGRST001" => return (Kind::Unreachable, Repeat::Idempotent),
        // It has waited long enough for a connection of its own.
        "PGRST003" => Kind::Overloaded,
        // Raised by our own functions and policies.
        "PT401" => Kind::UserNotFound,
        "23505" => Kind::Duplicate,
        // The message that the database chose to follow has just been deleted: it chooses another one.
        "23503" if message.contains("\"messages_parent_fkey\"") => {
            return (Kind::ForeignKey, Repeat::Any);
        }
        "23503" => Kind::ForeignKey,
        "42501" if message.starts_with("permission denied") => Kind::SchemaMismatch,
        "42501" => Kind::Forbidden,
        // Serialization failure, deadlock, lock not available: rolled back.
        "40001" | "40P01" | "55P03" => return (Kind::Contention, Repeat::Any),
        "57014" => Kind::Timeout,
        // Crash and shutdown may come at any time, "cannot connect now" only at the beginning.
        "57P01" | "57P02" => return (Kind::Unreachable, Repeat::Idempotent),
        "57P03" | "53300" => return (Kind::Overloaded, Repeat::Any),
        // A hosted database whose disk is full takes no writes.
        "25006" => Kind::Overloaded,
        _ if code.starts_with("08") => return (Kind::Unreachable, Repeat::Idempotent),
        _ if code.starts_with("53") => Kind::Overloaded,
        // PostgREST cannot switch to the token's role.
        _ if status == StatusCode::UNAUTHORIZED => Kind::TokenRefused,
        _ if ["22", "23", "54"].iter().any(|class| code.starts_with(class)) => Kind::InvalidValue,
        _ => return classify_gateway(status),
    };
    (kind, Repeat::Never)
}

fn classify_token(message: &str) -> Kind {
    match message {
        "JWT expired" => Kind::TokenExpired,
        "JWT issued at future" | "JWT not yet valid" => Kind::TokenTooEarly,
        _ => Kind::TokenRefused,
    }
}

/// What Auth says about a token. Its words came in 2024; before that there were only sentences.
fn classify_auth(status: StatusCode, code: &str, message: &str) -> Kind {
    match code {
        "user_not_found" => Kind::UserNotFound,
        "session_expired" => Kind::TokenExpired,
        _ if message.ends_with("token is expired") => Kind::TokenExpired,
        _ if message.starts_with("User from sub claim in JWT does not exist") => Kind::UserNotFound,
        _ => match status.as_u16() {
            401 | 403 | 404 => Kind::TokenRefused,
            429 => Kind::Overloaded,
            _ => Kind::Refused,
        },
    }
}

/// A status without a known code: a gateway, or something that is no Supabase at all. A 401 is about
/// our API key here, not about anybody's token.
fn classify_gateway(status: StatusCode) -> (Kind, Repeat) {
    match status.as_u16() {
        429 => (Kind::Overloaded, Repeat::Any),
        503 => (Kind::Overloaded, Repeat::Idempotent),
        502 | 520..=523 => (Kind::Unreachable, Repeat::Idempotent),
        504 | 524 => (Kind::Timeout, Repeat::Idempotent),
        413 => (Kind::InvalidValue, Repeat::Never),
        404 => (Kind::NoSuchRoute, Repeat::Never),
        _ => (Kind::Refused, Repeat::Never),
    }
}

fn excerpt(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * EXCERPT)]);
    format!("HTTP {status}: {}", text.trim().chars().take(EXCERPT).collect::<String>())
}
