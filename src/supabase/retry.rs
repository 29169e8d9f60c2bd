//! Decides whether and when a failed request is repeated. Pure.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

use super::error::{Repeat, SupabaseError, SupabaseErrorKind};
use crate::clock::Backoff;

/// How often a request is sent again. Together with the pauses that is under a second: somebody
/// waits for the answer, and whether Supabase is gone should be known soon.
const MAX_REPEATS: u32 = 3;
const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(100), longest: MAX_PAUSE, jitter: (0.5, 1.0) };
/// If Supabase asks for a longer pause, the request is not repeated and our client gets the `Retry-After`.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// The maximum wait, which also keeps sums from overflowing.
const MAX_SECONDS: u64 = 365 * 24 * 3600;
/// Clocks differ by little: a token that is too early is good soon after.
const TOO_EARLY_PAUSE: Duration = Duration::from_secs(1);

/// The pause before a request that has been repeated `repeats` times is sent again; `None`: not at
/// all. `random` is in 0..1.
pub(super) fn pause(
    failed: &SupabaseError,
    repeats: u32,
    is_idempotent: bool,
    random: f64,
) -> Option<Duration> {
    if failed.kind == SupabaseErrorKind::TokenTooEarly {
        return (repeats == 0).then_some(TOO_EARLY_PAUSE);
    }
    let may_repeat = match failed.repeat {
        Repeat::Never => false,
        Repeat::Idempotent => is_idempotent,
        Repeat::Any => true,
    };
    if !may_repeat || repeats >= MAX_REPEATS {
        return None;
    }
    let backoff = BACKOFF.pause(repeats, random);
    let pause = failed.retry_after.map_or(backoff, |asked_for| asked_for.max(backoff));
    (pause <= MAX_PAUSE).then_some(pause)
}

/// `Retry-After` in seconds. Supabase sends no dates.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(repeat: Repeat, retry_after: Option<u64>) -> SupabaseError {
        let retry_after = retry_after.map(Duration::from_secs);
        let failed = SupabaseError::new(SupabaseErrorKind::Unreachable, "gone");
        SupabaseError { repeat, retry_after, ..failed }
    }

    fn millis(failed: &SupabaseError, repeats: u32, is_idempotent: bool) -> Option<u128> {
        pause(failed, repeats, is_idempotent, 0.0).map(|pause| pause.as_millis())
    }

    #[test]
    fn only_what_is_safe_is_repeated() {
        for (repeat, is_idempotent, is_repeated) in [
            (Repeat::Never, true, false),
            (Repeat::Idempotent, true, true),
            (Repeat::Idempotent, false, false),
            (Repeat::Any, false, true),
        ] {
            let pause = millis(&failure(repeat, None), 0, is_idempotent);
            assert_eq!(pause.is_some(), is_repeated, "{repeat:?} {is_idempotent}");
        }
    }

    #[test]
    fn pauses_double_up_to_three_repeats() {
        let failed = failure(Repeat::Any, None);
        let pauses: Vec<_> = (0..4).map(|repeats| millis(&failed, repeats, true)).collect();
        assert_eq!(pauses, [Some(100), Some(200), Some(400), None]);
    }

    #[test]
    fn chance_takes_up_to_half_of_a_pause() {
        let failed = failure(Repeat::Any, None);
        assert_eq!(pause(&failed, 1, true, 0.5), Some(Duration::from_millis(150)));
        assert_eq!(pause(&failed, 1, true, 1.0), Some(Duration::from_millis(100)));
    }

    #[test]
    fn a_wish_for_a_pause_is_respected_or_passed_on() {
        assert_eq!(millis(&failure(Repeat::Any, Some(3)), 0, true), Some(3000));
        assert_eq!(millis(&failure(Repeat::Any, Some(0)), 0, true), Some(100));
        assert_eq!(millis(&failure(Repeat::Any, Some(6)), 0, true), None);
    }

    #[test]
    fn a_token_that_is_too_early_gets_one_more_chance() {
        let failed = SupabaseError::new(SupabaseErrorKind::TokenTooEarly, "JWT issued at future");
        assert_eq!(millis(&failed, 0, false), Some(1000));
        assert_eq!(millis(&failed, 1, true), None);
    }
}
