//! `x-upsert`.

use axum::http::HeaderMap;

/// Whether the client wants an existing object to be replaced.
pub(super) fn wants_upsert(headers: &HeaderMap) -> bool {
    headers.get("x-upsert").is_some_and(|value| value == "true")
}
