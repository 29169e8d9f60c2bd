//! Retries of failed calls, as in the providers' own SDKs: only before an answer has started, a
//! limited number of times, and never longer than the caller waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clock::Backoff;
use tokio::time::{Instant, sleep};

use super::{Deadlines, ErrorKind, ProviderError};

/// A provider that asks for a longer wait does not mean this call.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// The backoff of the SDKs.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(8),
    jitter: (0.75, 1.0),
};

/// Runs `attempt` until it succeeds, fails for good, or has been repeated `max_retries` times. Each repeat is
/// counted.
pub(super) async fn with_retries<T, F>(
    max_retries: u32,
    counted: &AtomicU64,
    deadlines: Deadlines,
    attempt: impl Fn() -> F,
) -> Result<T, ProviderError>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    let mut retries = 0;
    let mut may_have_cost = false;
    loop {
        let error = match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        may_have_cost |= error.may_have_cost;
        let wait = wait(&error, retries, fastrand::f64());
        let ends = [deadlines.deadline, deadlines.retries_end].into_iter().flatten().min();
        let is_late = ends.is_some_and(|end| Instant::now() + wait >= end);
        if retries == max_retries || !is_worthwhile(&error) || is_late {
            return Err(ProviderError { may_have_cost, ..error });
        }
        sleep(wait).await;
        counted.fetch_add(1, Ordering::Relaxed);
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

/// The wait that the provider asks for, else the backoff.
fn wait(error: &ProviderError, retries: u32, random: f64) -> Duration {
    error.retry_after.unwrap_or_else(|| BACKOFF.pause(retries, random))
}

#[cfg(test)]
mod tests;
