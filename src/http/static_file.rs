//! A file out of the program, which browsers may keep as long as it is the same.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

/// A file and its digest.
#[derive(Clone)]
pub struct StaticFile {
    content_type: HeaderValue,
    bytes: Bytes,
    etag: HeaderValue,
}

impl StaticFile {
    /// A file with this content.
    pub fn new(content_type: &str, bytes: Bytes) -> Self {
        let digest = URL_SAFE_NO_PAD.encode(digest(&SHA256, &bytes));
        let header = |text: &str| {
            HeaderValue::try_from(text)
                .unwrap_or(HeaderValue::from_static("application/octet-stream"))
        };
        // Weak, because the response may be compressed on its way.
        Self { content_type: header(content_type), bytes, etag: header(&format!("W/\"{digest}\"")) }
    }

    /// The file, or 304 for who has it. Browsers ask each time whether it is still the same, so that an
    /// upgrade is seen at once.
    pub fn respond(&self, request: &HeaderMap) -> Response {
        let known = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let etag = self.etag.to_str().unwrap_or_default();
        let is_known =
            known.is_some_and(|known| known.split(',').any(|known| known.trim() == etag));
        let caching =
            [(ETAG, self.etag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        if is_known {
            return (StatusCode::NOT_MODIFIED, caching).into_response();
        }
        (caching, [(CONTENT_TYPE, self.content_type.clone())], self.bytes.clone()).into_response()
    }
}
