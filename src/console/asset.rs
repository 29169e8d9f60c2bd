//! A file within the program, with its `ETag`.

use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A file that is part of the program.
pub(super) struct Asset {
    content_type: &'static str,
    bytes: &'static [u8],
    etag: OnceLock<HeaderValue>,
}

impl Asset {
    pub(super) const fn new(content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self { content_type, bytes, etag: OnceLock::new() }
    }

    /// The file, or 304 to who has it. Caches ask each time, since another version of the program has
    /// other files under the same names.
    pub(super) fn respond(&self, request: &HeaderMap) -> Response {
        let etag = self.etag();
        let caching = [(ETAG, etag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        if is_current(request, etag) {
            return (StatusCode::NOT_MODIFIED, caching).into_response();
        }
        let content_type = [(CONTENT_TYPE, HeaderValue::from_static(self.content_type))];
        (caching, content_type, self.bytes).into_response()
    }

    /// Weak, because the same tag stands for the file and for its compressed form.
    fn etag(&self) -> &HeaderValue {
        self.etag.get_or_init(|| {
            let digest = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.bytes));
            HeaderValue::try_from(format!("W/\"{digest}\"")).unwrap_or(HeaderValue::from_static(""))
        })
    }
}

fn is_current(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let etags = request.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    etags.is_some_and(|etags| {
        etags.split(',').any(|other| other.trim() == "*" || other.trim() == etag)
    })
}
