//! Compression of JSON and of what pages are made of, for clients that ask for it.
//!
//! A secret in a compressed answer can be guessed by its length if somebody else makes the client ask
//! again and again and chooses a part of the answer (BREACH). Here nobody else can make it ask: an
//! answer with anything of a user's in it needs an access token in a header, which browsers add to no
//! other site's requests. The only secrets in it are signed addresses, which change with each answer.

use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

use crate::http::security_headers::is_json;

/// Smaller answers fit one packet as they are, in bytes.
const LEAST: u64 = 1024;

type Worthwhile = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// The layer. Parts of answers, and those that are compressed already, are left alone by itself.
pub fn layer() -> CompressionLayer<And<SizeAbove, Worthwhile>> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(LEAST).and(is_worthwhile as Worthwhile))
}

/// Not streams, whose events must not wait for one another, and not files, which have names or parts.
fn is_worthwhile(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return false };
    let is_file = headers.contains_key(CONTENT_DISPOSITION) || headers.contains_key(ACCEPT_RANGES);
    let is_of_page = |text: &str| {
        ["text/html", "text/css", "text/javascript", "application/javascript"]
            .iter()
            .any(|page| text.starts_with(page))
    };
    !is_file && (is_json(content_type) || content_type.to_str().is_ok_and(is_of_page))
}
