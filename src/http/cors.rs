//! Cross-origin requests (CORS), on both listeners. Preflights are answered before authentication.

use std::time::Duration;

use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_LOCATION, CONTENT_RANGE, ETAG, LINK, LOCATION, RETRY_AFTER,
};
use axum::http::{HeaderName, HeaderValue, Method, Uri};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::config::CorsOrigins;

const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// The response headers that pages may read, beyond the ones that browsers always expose.
const EXPOSED: [HeaderName; 17] = [
    CONTENT_DISPOSITION,
    CONTENT_LOCATION,
    CONTENT_RANGE,
    ETAG,
    LINK,
    LOCATION,
    RETRY_AFTER,
    HeaderName::from_static("range-unit"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-resumable-stream-id"),
    HeaderName::from_static("x-sb-error-code"),
    HeaderName::from_static("x-should-retry"),
    HeaderName::from_static("x-supabase-api-version"),
    HeaderName::from_static("x-total-count"),
    HeaderName::from_static("x-vercel-ai-ui-message-stream"),
];

/// How long a browser may cache a preflight response.
const MAX_AGE: Duration = Duration::from_secs(7_200);

/// The layer that admits these origins and, in local mode, pages of this machine.
pub fn layer(origins: CorsOrigins, is_local: bool) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| {
            is_listed(origin, &origins) || (is_local && is_loopback(origin))
        }))
        .allow_methods(METHODS)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(MAX_AGE)
}

fn is_listed(origin: &HeaderValue, origins: &CorsOrigins) -> bool {
    match origins {
        CorsOrigins::Any => true,
        CorsOrigins::List(list) => list.iter().any(|listed| origin == listed.as_str()),
    }
}

fn is_loopback(origin: &HeaderValue) -> bool {
    let Some(uri) = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()) else {
        return false;
    };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_machine_are_recognised() {
        for origin in [
            "http://localhost",
            "http://localhost:3000",
            "https://localhost:5173",
            "http://127.0.0.1:8000",
            "http://[::1]:3000",
        ] {
            assert!(is_loopback(&HeaderValue::from_static(origin)), "{origin}");
        }
    }

    #[test]
    fn pages_of_elsewhere_are_not() {
        for origin in [
            "null",
            "https://example.com",
            "http://localhost.example.com",
            "http://localhost:3000@example.com",
            "http://127.0.0.1.example.com",
            "file://localhost",
        ] {
            assert!(!is_loopback(&HeaderValue::from_static(origin)), "{origin}");
        }
    }

    #[test]
    fn listed_origins_match_exactly() {
        let origins = CorsOrigins::List(vec!["https://app.example.com".to_owned()]);
        let listed = |origin| is_listed(&HeaderValue::from_static(origin), &origins);
        assert!(listed("https://app.example.com"));
        assert!(!listed("https://app.example.com.evil.example"));
        assert!(!listed("http://app.example.com"));
    }
}
