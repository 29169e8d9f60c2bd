//! Storage's error bodies.

use reqwest::StatusCode;
use serde::Deserialize;

use super::{SupabaseError, SupabaseErrorKind};

impl SupabaseError {
    /// Reads Storage's error body. The HTTP status is 400 nearly always; the real one is in it.
    pub(in crate::supabase) fn from_storage(status: StatusCode, body: &[u8]) -> Self {
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
        let code = Some(code).filter(|code| !code.is_empty());
        Self { code, ..Self::new(kind, message) }
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
