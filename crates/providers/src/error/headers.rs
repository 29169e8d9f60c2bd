//! The headers of error responses.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::HeaderMap;

/// The maximum wait, which also keeps sums from overflowing.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// How long a provider asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str| {
        let seconds: f64 = text.parse().ok()?;
        if seconds > LONGEST.as_secs_f64() {
            return Some(LONGEST);
        }
        Duration::try_from_secs_f64(seconds).ok()
    };
    if let Some(milliseconds) = header("retry-after-ms").and_then(seconds) {
        return Some(milliseconds / 1000);
    }
    let text = header("retry-after")?;
    seconds(text).or_else(|| {
        let date = rfc2822::parse(text).ok()?.timestamp();
        let wait: Duration = date.duration_since(now).try_into().unwrap_or_default();
        Some(wait.min(LONGEST))
    })
}

/// Whether a provider asks for a retry.
pub(super) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    headers.get("x-should-retry")?.to_str().ok()?.parse().ok()
}

/// The provider's request ID, under the names in use.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<Box<str>> {
    ["x-request-id", "request-id", "x-generation-id"]
        .iter()
        .find_map(|name| headers.get(*name)?.to_str().ok())
        .map(Into::into)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use reqwest::header::HeaderMap;

    use super::{LONGEST, retry_after};

    #[test]
    fn waits_are_read_from_headers() {
        let now: Timestamp = "2026-11-22T19:40:00Z".parse().unwrap();
        let wait = |name: &'static str, value: &str| {
            retry_after(
                &HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]),
                now,
            )
        };
        let seconds = |seconds| Some(Duration::from_secs_f64(seconds));
        assert_eq!(wait("retry-after-ms", "180.5"), seconds(0.1805));
        assert_eq!(wait("retry-after", "2"), seconds(2.0));
        assert_eq!(wait("retry-after", "1.5"), seconds(1.5));
        assert_eq!(wait("retry-after", "Sun, 22 Nov 2026 19:41:00 GMT"), seconds(60.0));
        assert_eq!(wait("retry-after", "Sun, 22 Nov 2026 19:39:00 GMT"), seconds(0.0));
        for never in ["9223372036854775808", "18446744073709551616", "1e300", "inf"] {
            assert_eq!(wait("retry-after", never), Some(LONGEST), "{never}");
        }
        for nonsense in ["", "soon", "-1", "NaN"] {
            assert_eq!(wait("retry-after", nonsense), None, "{nonsense}");
        }
    }
}
