//! Which web pages may talk to the local Supabase.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// What supabase-js reads from answers, beyond what browsers always show.
const EXPOSED: [HeaderName; 14] = [
    header::CONTENT_DISPOSITION,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::ETAG,
    header::LINK,
    header::LOCATION,
    header::RETRY_AFTER,
    HeaderName::from_static("range-unit"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-sb-error-code"),
    HeaderName::from_static("x-supabase-api-version"),
    HeaderName::from_static("x-total-count"),
];

/// Answers preflights before anything looks at who asks, and marks every other answer, errors
/// included. Pages of this machine are always allowed, others when `origins` has them or `*`.
pub(super) fn layer(origins: Vec<String>) -> CorsLayer {
    let methods =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, _| is_allowed(origin, &origins)))
        .allow_methods(methods)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(Duration::from_secs(86_400))
}

fn is_allowed(origin: &HeaderValue, origins: &[String]) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    is_loopback(origin)
        || origins.iter().any(|allowed| allowed == "*" || allowed.trim_end_matches('/') == origin)
}

fn is_loopback(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: &str, origins: &[&str]) -> bool {
        let origins: Vec<_> = origins.iter().map(|&origin| origin.to_owned()).collect();
        is_allowed(&HeaderValue::from_str(origin).unwrap(), &origins)
    }

    #[test]
    fn pages_of_this_machine_are_allowed() {
        for origin in [
            "http://localhost",
            "http://localhost:3000",
            "https://localhost:5173",
            "http://127.0.0.1:8000",
            "http://[::1]:3000",
        ] {
            assert!(allowed(origin, &[]), "{origin}");
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
            assert!(!allowed(origin, &[]), "{origin}");
        }
    }

    #[test]
    fn configured_origins_are_allowed() {
        assert!(allowed("https://app.example.com", &["https://app.example.com/"]));
        assert!(!allowed("https://other.example.com", &["https://app.example.com"]));
        assert!(allowed("https://other.example.com", &["*"]));
    }
}
