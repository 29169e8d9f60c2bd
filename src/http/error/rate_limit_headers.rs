//! The `RateLimit` and `RateLimit-Policy` headers (draft-ietf-httpapi-ratelimit-headers).

use axum::http::{HeaderName, HeaderValue};

use super::ApiError;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A limit that a request has exceeded.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit<'a> {
    /// What is limited, such as `requests`.
    pub policy: &'a str,
    /// How much of it is allowed.
    pub quota: u64,
    /// Within how many seconds; `None` limits what happens at the same time.
    pub window_s: Option<u64>,
    /// How much is left.
    pub remaining: u64,
    /// Seconds until there is more.
    pub reset_s: u64,
}

impl ApiError {
    /// Adds the headers that describe this limit.
    pub fn with_rate_limit(self, limit: RateLimit<'_>) -> Self {
        let RateLimit { policy, quota, window_s, remaining, reset_s } = limit;
        let window = window_s.map(|seconds| format!(";w={seconds}")).unwrap_or_default();
        let headers = [
            (RATE_LIMIT, format!("\"{policy}\";r={remaining};t={reset_s}")),
            (RATE_LIMIT_POLICY, format!("\"{policy}\";q={quota}{window}")),
        ];
        headers.into_iter().fold(self, |error, (name, text)| match HeaderValue::try_from(text) {
            Ok(value) => error.with_header(name, value),
            Err(_) => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn a_limit_at_the_same_time_has_no_window() {
        let limit =
            RateLimit { policy: "scripts", quota: 4, window_s: None, remaining: 0, reset_s: 1 };
        let mut response = ().into_response();
        ApiError::id_conflict().with_rate_limit(limit).render(&mut response, "id");
        assert_eq!(response.headers()[RATE_LIMIT], "\"scripts\";r=0;t=1");
        assert_eq!(response.headers()[RATE_LIMIT_POLICY], "\"scripts\";q=4");
    }
}
