//! Which pages may call: preflights are answered before authentication.

use std::time::Duration;

use axum::http::header::{ETAG, LINK, LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::config::CorsOrigins;

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
/// How long a browser may remember a preflight's answer.
const MAX_AGE: Duration = Duration::from_secs(7200);

/// The layer for these origins; in local mode any page of this machine may call as well.
pub fn layer(origins: &CorsOrigins, is_local: bool) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(allowed(origins.clone(), is_local))
        .allow_methods(METHODS)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(exposed())
        .max_age(MAX_AGE)
}

fn allowed(origins: CorsOrigins, is_local: bool) -> AllowOrigin {
    match origins {
        CorsOrigins::Any => AllowOrigin::any(),
        CorsOrigins::List(list) => {
            AllowOrigin::predicate(move |origin: &HeaderValue, _: &Parts| {
                let Ok(origin) = origin.to_str() else { return false };
                list.iter().any(|allowed| allowed == origin) || (is_local && is_loopback(origin))
            })
        }
    }
}

/// Whether a page is served by this machine.
fn is_loopback(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let host = host.map(|host| match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => &host[..colon],
        _ => host,
    });
    matches!(host, Some("localhost" | "127.0.0.1" | "[::1]"))
}

fn exposed() -> [HeaderName; 11] {
    let name = HeaderName::from_static;
    [
        LINK,
        LOCATION,
        RETRY_AFTER,
        ETAG,
        name("x-request-id"),
        name("ratelimit"),
        name("ratelimit-policy"),
        name("content-disposition"),
        name("content-range"),
        name("x-supabase-api-version"),
        name("x-vercel-ai-ui-message-stream"),
    ]
}
