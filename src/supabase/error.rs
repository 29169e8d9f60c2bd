//! What can go wrong between this server and Supabase.

use std::error::Error;

use reqwest::StatusCode;
use serde::Deserialize;
use thiserror::Error;

/// A failed request. Its text is for the log, never for a client.
#[derive(Clone, Debug, Error)]
#[error("supabase: {kind:?}{}: {message}", .code.as_deref().map(|c| format!(" {c}")).unwrap_or_default())]
pub struct SupabaseError {
    /// What went wrong, in terms this server acts on.
    pub kind: SupabaseErrorKind,
    /// Supabase's own code: a SQLSTATE, `PGRST…`, or Auth's word.
    pub code: Option<String>,
    /// Supabase's own wording.
    pub message: String,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupabaseErrorKind {
    /// One row was asked for and there was none, or several.
    NotOneRow,
    /// A unique constraint refused the row.
    Duplicate,
    /// A foreign key refused the row.
    ForeignKey,
    /// A check, a type or a length refused a value.
    InvalidValue,
    /// Storage refuses so many bytes.
    TooLarge,
    /// The access token was refused: bad signature, unknown key, malformed.
    TokenRefused,
    /// The access token has expired.
    TokenExpired,
    /// Row-level security or a missing grant refused the request.
    Forbidden,
    /// A table, column or function is missing: the migrations were not applied.
    SchemaMismatch,
    /// A statement or the whole request took too long.
    Timeout,
    /// No connection.
    Unreachable,
    /// Supabase or this client has too much to do.
    Overloaded,
    /// Supabase refused us for another reason.
    Refused,
    /// Supabase answered something unreadable.
    Protocol,
}

impl SupabaseError {
    pub(super) fn new(kind: SupabaseErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into() }
    }

    /// Whether the constraint `name` refused the row.
    pub fn violates(&self, name: &str) -> bool {
        matches!(
            self.kind,
            SupabaseErrorKind::ForeignKey
                | SupabaseErrorKind::Duplicate
                | SupabaseErrorKind::InvalidValue
        ) && self.message.contains(&format!("\"{name}\""))
    }

    pub(super) fn from_reqwest(error: reqwest::Error) -> Self {
        let kind = if error.is_connect() {
            SupabaseErrorKind::Unreachable
        } else if error.is_timeout() {
            SupabaseErrorKind::Timeout
        } else if error.is_decode() {
            SupabaseErrorKind::Protocol
        } else {
            SupabaseErrorKind::Unreachable
        };
        Self::new(kind, chain(&error.without_url()))
    }

    /// Reads PostgREST's error body.
    pub(super) fn from_postgrest(status: StatusCode, body: &[u8]) -> Self {
        let error: Body = serde_json::from_slice(body).unwrap_or_default();
        let code = error.code.unwrap_or_default();
        let message = match error.message {
            Some(message) => message,
            None => {
                format!("HTTP {status}: {}", String::from_utf8_lossy(&body[..body.len().min(500)]))
            }
        };
        Self { kind: kind(status, &code), code: Some(code).filter(|c| !c.is_empty()), message }
    }
}

impl SupabaseError {
    /// Reads Storage's error body. The HTTP status is 400 nearly always; the real one is in it.
    pub(super) fn from_storage(status: StatusCode, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        struct Body {
            #[serde(rename = "statusCode")]
            status: Option<serde_json::Value>,
            code: Option<String>,
            message: Option<String>,
        }
        let error: Body = serde_json::from_slice(body).unwrap_or_default();
        let real = match error.status {
            Some(serde_json::Value::String(text)) => text.parse().ok(),
            Some(serde_json::Value::Number(number)) => number.as_u64(),
            _ => None,
        };
        let code = error.code.unwrap_or_default();
        let message = error.message.unwrap_or_else(|| format!("storage answered HTTP {status}"));
        let kind = storage_kind(real.unwrap_or_else(|| status.as_u16().into()), &code, &message);
        Self { kind, code: Some(code).filter(|code| !code.is_empty()), message }
    }
}

fn storage_kind(status: u64, code: &str, message: &str) -> SupabaseErrorKind {
    use SupabaseErrorKind as Kind;
    match (status, code) {
        (_, "NoSuchBucket") => Kind::SchemaMismatch,
        (404, _) => Kind::NotOneRow,
        (409, _) => Kind::Duplicate,
        (413, _) => Kind::TooLarge,
        (401 | 403, _) if message.contains("\"exp\" claim") => Kind::TokenExpired,
        (401 | 403, _) if message.contains("signature") || message.contains("JW") => {
            Kind::TokenRefused
        }
        (403, _) => Kind::Forbidden,
        (400 | 415 | 416 | 422, _) => Kind::InvalidValue,
        (429 | 503, _) => Kind::Overloaded,
        (502, _) => Kind::Unreachable,
        (504 | 544, _) => Kind::Timeout,
        _ => Kind::Refused,
    }
}

impl From<serde_json::Error> for SupabaseError {
    fn from(error: serde_json::Error) -> Self {
        Self::new(SupabaseErrorKind::Protocol, format!("unreadable answer: {error}"))
    }
}

#[derive(Default, Deserialize)]
struct Body {
    code: Option<String>,
    message: Option<String>,
}

/// SQLSTATE classes and PostgREST's own codes, then the status where there is no code.
fn kind(status: StatusCode, code: &str) -> SupabaseErrorKind {
    use SupabaseErrorKind as Kind;
    match code {
        "PGRST116" => Kind::NotOneRow,
        "PGRST303" => Kind::TokenExpired,
        "PGRST300" | "PGRST301" | "PGRST302" => Kind::TokenRefused,
        "PGRST200" | "PGRST202" | "PGRST204" | "PGRST205" | "42P01" | "42703" | "42883" => {
            Kind::SchemaMismatch
        }
        "PGRST000" | "PGRST001" | "PGRST002" => Kind::Unreachable,
        "PGRST003" | "53300" => Kind::Overloaded,
        "23505" => Kind::Duplicate,
        "23503" => Kind::ForeignKey,
        "42501" => Kind::Forbidden,
        "57014" => Kind::Timeout,
        _ if code.starts_with("22") || code.starts_with("23") => Kind::InvalidValue,
        _ => match status.as_u16() {
            401 => Kind::TokenRefused,
            429 | 503 => Kind::Overloaded,
            502 | 521 | 522 | 523 => Kind::Unreachable,
            504 | 524 => Kind::Timeout,
            _ => Kind::Refused,
        },
    }
}

/// An error with all its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
