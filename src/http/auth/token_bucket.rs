//! A token bucket, which limits look-ups that unauthenticated callers can cause.

use std::sync::{Mutex, PoisonError};

/// Allows a burst, then one more every few seconds.
pub(super) struct TokenBucket {
    burst: i64,
    /// Seconds until one token is added.
    every: i64,
    /// When the bucket will be full again.
    full_at: Mutex<i64>,
}

impl TokenBucket {
    pub(super) fn new(burst: i64, every: i64) -> Self {
        Self { burst, every, full_at: Mutex::new(i64::MIN) }
    }

    /// Takes a token at `now`, in seconds since 1970. `Err` has the seconds until there is one.
    pub(super) fn take(&self, now: i64) -> Result<(), i64> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = self.burst * self.every;
        // A clock that was set back must not keep the bucket empty for longer than refilling takes.
        *full_at = (*full_at).clamp(now, now.saturating_add(whole));
        let wait = *full_at + self.every - whole - now;
        if wait > 0 {
            return Err(wait);
        }
        *full_at += self.every;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_one_at_a_time() {
        let allowance = TokenBucket::new(3, 5);
        let taken: Vec<_> = [0, 0, 1, 1, 4, 5, 5].map(|now| allowance.take(now)).into();
        assert_eq!(taken, [Ok(()), Ok(()), Ok(()), Err(4), Err(1), Ok(()), Err(5)]);
        assert_eq!(
            [100, 100, 100, 100].map(|now| allowance.take(now).is_ok()),
            [true, true, true, false]
        );
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_close_it() {
        let allowance = TokenBucket::new(1, 5);
        assert_eq!(allowance.take(1_000_000), Ok(()));
        assert_eq!(allowance.take(0), Err(5));
        assert_eq!(allowance.take(5), Ok(()));
    }
}
