//! When a failed call is tried again, as the providers' own SDKs do it: only before an answer has
//! begun, at most so often, never longer than the caller waits.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Deadlines, ErrorKind, ProviderError};

/// A provider that asks for a longer wait does not mean this call.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Runs `attempt` until it succeeds, fails for good, or has been repeated `max_retries` times.
pub(super) async fn with_retries<T, F>(
    max_retries: u32,
    deadlines: Deadlines,
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
        let ends = [deadlines.deadline, deadlines.retries_end].into_iter().flatten().min();
        let is_late = ends.is_some_and(|end| Instant::now() + wait >= end);
        if retries == max_retries || !is_worthwhile(&error) || is_late {
            return Err(error);
        }
        sleep(wait).await;
        retries += 1;
    }
}

fn is_worthwhile(error: &ProviderError) -> bool {
    if error.kind == ErrorKind::Quota || error.retry_after.is_some_and(|wait| wait > MAX_WAIT) {
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

#[cfg(test)]
mod tests;
