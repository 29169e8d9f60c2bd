use std::cell::Cell;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::time::Instant;

use super::with_retries;
use crate::{Deadlines, ErrorKind, ProviderError, ProviderName};

fn error(kind: ErrorKind, status: Option<u16>) -> ProviderError {
    ProviderError { status, ..ProviderError::new(ProviderName::from_static("openai"), kind, "no") }
}

/// How often a call that always fails so is tried, and how long that takes.
async fn tries(error: ProviderError, deadline: Option<Duration>) -> (u32, Duration) {
    let count = Cell::new(0);
    let began = Instant::now();
    let deadline = deadline.map(|deadline| began + deadline);
    let deadlines = Deadlines { deadline, ..Deadlines::default() };
    let result: Result<(), _> = with_retries(2, &AtomicU64::new(0), deadlines, async || {
        count.set(count.get() + 1);
        Err(error.clone())
    })
    .await;
    assert_eq!(result.unwrap_err().kind, error.kind);
    (count.get(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn passing_failures_are_tried_three_times() {
    for (kind, status) in [
        (ErrorKind::Server, Some(500)),
        (ErrorKind::Server, Some(409)),
        (ErrorKind::Timeout, Some(408)),
        (ErrorKind::RateLimited, Some(429)),
        (ErrorKind::Overloaded, Some(529)),
        (ErrorKind::Unreachable, None),
        (ErrorKind::Timeout, None),
    ] {
        let (count, waited) = tries(error(kind, status), None).await;
        assert_eq!(count, 3, "{kind:?}");
        assert!(waited >= Duration::from_millis(1125) && waited <= Duration::from_millis(1501));
    }
}

#[tokio::test(start_paused = true)]
async fn lasting_failures_are_tried_once() {
    for (kind, status) in [
        (ErrorKind::InvalidRequest, Some(400)),
        (ErrorKind::Authentication, Some(401)),
        (ErrorKind::ModelNotFound, Some(404)),
        (ErrorKind::InvalidRequest, Some(422)),
        (ErrorKind::Quota, Some(429)),
        (ErrorKind::Protocol, None),
    ] {
        assert_eq!(tries(error(kind, status), None).await, (1, Duration::ZERO), "{kind:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_provider_s_word_counts() {
    let overloaded = error(ErrorKind::Overloaded, Some(503));
    let never = ProviderError { should_retry: Some(false), ..overloaded.clone() };
    assert_eq!(tries(never, None).await.0, 1);
    let invalid = error(ErrorKind::InvalidRequest, Some(400));
    let always = ProviderError { should_retry: Some(true), ..invalid };
    assert_eq!(tries(always, None).await.0, 3);
    let quota = error(ErrorKind::Quota, Some(429));
    let pointless = ProviderError { should_retry: Some(true), ..quota };
    assert_eq!(tries(pointless, None).await.0, 1);
    let later = ProviderError { retry_after: Some(Duration::from_secs(7)), ..overloaded.clone() };
    assert_eq!(tries(later, None).await, (3, Duration::from_secs(14)));
    let much_later = ProviderError { retry_after: Some(Duration::from_secs(121)), ..overloaded };
    assert_eq!(tries(much_later, None).await.0, 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_beyond_the_deadline() {
    let error = error(ErrorKind::RateLimited, Some(429));
    let later = ProviderError { retry_after: Some(Duration::from_secs(7)), ..error };
    let deadline = Some(Duration::from_secs(10));
    assert_eq!(tries(later, deadline).await, (2, Duration::from_secs(7)));
}

#[tokio::test]
async fn success_ends_it() {
    let count = Cell::new(0);
    let counted = AtomicU64::new(0);
    let result = with_retries(2, &counted, Deadlines::default(), async || {
        count.set(count.get() + 1);
        let again = ProviderError {
            retry_after: Some(Duration::ZERO),
            ..error(ErrorKind::Server, Some(500))
        };
        if count.get() < 3 { Err(again) } else { Ok("answer") }
    })
    .await;
    assert_eq!((result.unwrap(), count.get()), ("answer", 3));
    assert_eq!(counted.into_inner(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_may_have_cost_is_not_forgotten() {
    let attempts = Cell::new(0);
    let result: Result<(), _> =
        with_retries(2, &AtomicU64::new(0), Deadlines::default(), async || {
            attempts.set(attempts.get() + 1);
            let may_have_cost = attempts.get() == 1;
            Err(ProviderError { may_have_cost, ..error(ErrorKind::Unreachable, None) })
        })
        .await;
    assert!(result.unwrap_err().may_have_cost);
}
