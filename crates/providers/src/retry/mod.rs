//! When a failed call is tried again, as the providers' own SDKs do it: only before an answer has
//! begun, at most so often, never longer than the caller waits.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::HeaderMap;
use tokio::time::{Instant, sleep};

use super::{ErrorKind, Patience, ProviderError};

/// A provider that asks for a longer wait does not mean this call.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Runs `attempt` until it succeeds, fails for good, or has been repeated `max_retries` times.
pub(super) async fn with_retries<T, F>(
    max_retries: u32,
    patience: Patience,
    attempt: impl Fn() -> F,
) -> Result<T, ProviderError>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    let mut retries = 0;
    loop {
        let error = match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let wait = wait(&error, retries, fastrand::f64());
        let ends = [patience.deadline, patience.retries_end].into_iter().flatten().min();
        let is_late = ends.is_some_and(|end| Instant::now() + wait >= end);
        if retries == max_retries || !is_worthwhile(&error) || is_late {
            return Err(error);
        }
        sleep(wait).await;
        retries += 1;
    }
}

fn is_worthwhile(error: &ProviderError) -> bool {
    if error.kind == ErrorKind::Quota || error.retry_after.is_some_and(|wait| wait > LONGEST_WAIT) {
        return false;
    }
    if let Some(should_retry) = error.should_retry {
        return should_retry;
    }
    match error.status {
        Some(status) => matches!(status, 408 | 409 | 429 | 500..),
        None => matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Timeout),
    }
}

/// What the provider asks for, else half a second doubled each time up to eight, less up to a
/// quarter so that many callers do not come back at once.
fn wait(error: &ProviderError, retries: u32, random: f64) -> Duration {
    let backoff = (0.5 * 2_f64.powi(retries.min(8).cast_signed())).min(8.0);
    error.retry_after.unwrap_or_else(|| Duration::from_secs_f64(backoff * (1.0 - 0.25 * random)))
}

/// How long a provider asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
    if let Some(milliseconds) = header("retry-after-ms").and_then(seconds) {
        return Some(milliseconds / 1000);
    }
    let text = header("retry-after")?;
    seconds(text).or_else(|| {
        let date = rfc2822::parse(text).ok()?.timestamp();
        Some(date.duration_since(now).try_into().unwrap_or_default())
    })
}

/// A provider's explicit word on retrying.
pub(super) fn should_retry(headers: &HeaderMap) -> Option<bool> {
    headers.get("x-should-retry")?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
