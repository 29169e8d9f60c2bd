//! Security headers: content security policy, framing, sniffing, caching.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Forbids loading, running and framing anything.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; \
                       frame-ancestors 'none'";

const LOADS_NOTHING: HeaderValue = HeaderValue::from_static(NOTHING);
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// An HTML page and its content security policy.
#[derive(Clone)]
pub struct Page {
    html: Bytes,
    policy: HeaderValue,
}

impl Page {
    /// A page that may run its first inline script and use its first inline style, plus what the given
    /// directives allow.
    pub fn new(html: String, more: &str) -> Self {
        Self { policy: policy_of_page(&html, more), html: html.into() }
    }
}

/// The policy of a page that may run its first inline script and use its first inline style, plus the
/// given directives.
pub fn policy_of_page(html: &str, more: &str) -> HeaderValue {
    let mut policy = NOTHING.to_owned();
    for (directive, start, end) in
        [("script-src", "<script>", "</script>"), ("style-src", "<style>", "</style>")]
    {
        if let Some(inline) = between(html, start, end) {
            let hash = STANDARD.encode(digest(&SHA256, inline.as_bytes()));
            policy += &format!("; {directive} 'sha256-{hash}'");
        }
    }
    with(&policy, more)
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        ([(CONTENT_SECURITY_POLICY, self.policy)], Html(self.html)).into_response()
    }
}

/// The policy of a page without inline scripts, plus the given directives.
pub fn policy(more: &str) -> HeaderValue {
    with(NOTHING, more)
}

fn with(policy: &str, more: &str) -> HeaderValue {
    let policy = if more.is_empty() { policy.to_owned() } else { format!("{policy}; {more}") };
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(NOTHING))
}

fn between<'a>(html: &'a str, start: &str, end: &str) -> Option<&'a str> {
    html.split_once(start)?.1.split_once(end).map(|(inline, _)| inline)
}

/// Adds the headers that a response does not set itself. API responses belong to one user, so caches
/// must not store them.
pub fn complete(headers: &mut HeaderMap, is_api: bool) {
    let mut default = |name, value| {
        headers.entry(name).or_insert(value);
    };
    default(X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    default(REFERRER_POLICY, NO_REFERRER);
    default(CONTENT_SECURITY_POLICY, LOADS_NOTHING);
    if is_api {
        default(CACHE_CONTROL, NO_STORE);
    }
}

/// Whether a content type is JSON, including `application/problem+json`.
pub fn is_json(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim();
    media_type == "application/json" || media_type.ends_with("+json")
}
