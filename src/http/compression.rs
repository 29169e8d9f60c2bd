//! Compresses JSON, HTML, CSS and scripts for clients that accept it.
//!
//! A secret in a compressed response can be guessed from its length by an attacker who can make the
//! client repeat the request and can choose a part of the response (BREACH). That is not possible
//! here: a response with a user's data requires an access token in a header, which browsers do not add
//! to requests of other sites. The only secrets in responses are signed URLs, which change with each
//! response.

use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, StatusCode, Version};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, Predicate, SizeAbove};

use crate::http::security_headers::is_json;

/// Smaller responses fit one packet uncompressed, in bytes.
const MIN_BYTES: u64 = 1024;

type Compressible = fn(StatusCode, Version, &HeaderMap, &Extensions) -> bool;

/// The layer. It skips partial content and responses that are already compressed by itself.
pub fn layer() -> CompressionLayer<And<SizeAbove, Compressible>> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(MIN_BYTES).and(is_compressible as Compressible))
}

/// Excludes event streams, whose events must not wait for one another, and files.
fn is_compressible(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return false };
    let is_file = headers.contains_key(CONTENT_DISPOSITION) || headers.contains_key(ACCEPT_RANGES);
    let is_of_page = |text: &str| {
        ["text/html", "text/css", "text/javascript", "application/javascript"]
            .iter()
            .any(|page| text.starts_with(page))
    };
    !is_file && (is_json(content_type) || content_type.to_str().is_ok_and(is_of_page))
}
