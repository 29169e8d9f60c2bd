//! The challenges that other replicas have been given: each is good for one request.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::clock::Clock;

/// How many are kept.
const MAX: usize = 65_536;

/// The challenges of the last minute. What has been used is kept as well, so that it is not given out again.
pub(super) struct Challenges {
    clock: Clock,
    /// How long one is kept: longer than a hello is good.
    kept_for: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    by_nonce: HashMap<Uuid, Option<Uuid>>,
    /// When each of them can be forgotten, in this order.
    ends: VecDeque<(Duration, Uuid)>,
}

impl Challenges {
    pub(super) fn new(clock: Clock, kept_for: Duration) -> Self {
        Self { clock, kept_for, inner: Mutex::default() }
    }

    /// A challenge for the sender of a nonce that was never seen; none if it was, or if there are too many.
    pub(super) fn issue(&self, nonce: Uuid) -> Option<Uuid> {
        let now = self.clock.elapsed();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, old)) = inner.ends.pop_front_if(|(ends, _)| *ends < now) {
            inner.by_nonce.remove(&old);
        }
        if inner.by_nonce.len() >= MAX || inner.by_nonce.contains_key(&nonce) {
            return None;
        }
        let challenge = Uuid::new_v4();
        inner.by_nonce.insert(nonce, Some(challenge));
        inner.ends.push_back((now + self.kept_for, nonce));
        Some(challenge)
    }

    /// Takes the challenge that was given for a nonce, once.
    pub(super) fn take(&self, nonce: Uuid) -> Option<Uuid> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.by_nonce.get_mut(&nonce)?.take()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_challenge_is_good_once() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let challenges = Challenges::new(clock.clone(), Duration::from_secs(60));
        let nonce = Uuid::new_v4();
        let challenge = challenges.issue(nonce).unwrap();
        assert_eq!(challenges.issue(nonce), None, "the nonce was seen");
        assert_eq!(challenges.take(nonce), Some(challenge));
        assert_eq!(challenges.take(nonce), None);
        assert_eq!(challenges.issue(nonce), None, "used ones are remembered");
        clock.advance(Duration::from_secs(61));
        assert!(challenges.issue(Uuid::new_v4()).is_some());
        assert_eq!(challenges.inner.lock().unwrap().by_nonce.len(), 1, "old ones are forgotten");
    }
}
