//! How much of the database's time each caller has recently taken. Callers that have taken little are served
//! first, because turns alone do not help against several that each need seconds for theirs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::caller::Caller;

/// A caller that has taken more is heavy.
const LIGHT: Duration = Duration::from_millis(500);
/// What part of the time that passes is taken off what a caller has taken.
const FORGIVEN: u32 = 50;
/// What counts at most, so that nobody is heavy for longer than eight minutes.
const MAX: Duration = Duration::from_secs(10);
/// From how many callers on those are forgotten that have taken nothing.
const MANY: usize = 1000;

/// The time that callers have taken.
#[derive(Default)]
pub(super) struct RecentUse {
    by_caller: Mutex<HashMap<Caller, Taken>>,
}

/// How much a caller had taken at a time.
#[derive(Clone, Copy)]
struct Taken {
    time: Duration,
    at: Instant,
}

impl Taken {
    fn left(self, now: Instant) -> Duration {
        self.time.saturating_sub(now.saturating_duration_since(self.at) / FORGIVEN)
    }
}

impl RecentUse {
    /// A caller has taken this much more.
    pub fn add(&self, caller: Caller, time: Duration) {
        self.add_at(caller, time, Instant::now());
    }

    /// Whether a caller has taken so much that others are served before it.
    pub fn is_heavy(&self, caller: Caller) -> bool {
        self.is_heavy_at(caller, Instant::now())
    }

    fn add_at(&self, caller: Caller, time: Duration, now: Instant) {
        if caller.is_never_heavy() {
            return;
        }
        let mut callers = self.lock();
        if callers.len() >= MANY {
            callers.retain(|_, taken| !taken.left(now).is_zero());
        }
        let taken = callers.entry(caller).or_insert(Taken { time: Duration::ZERO, at: now });
        *taken = Taken { time: (taken.left(now) + time).min(MAX), at: now };
    }

    fn is_heavy_at(&self, caller: Caller, now: Instant) -> bool {
        self.lock().get(&caller).is_some_and(|taken| taken.left(now) > LIGHT)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Caller, Taken>> {
        self.by_caller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::role::Role;

    #[test]
    fn what_a_caller_has_taken_is_forgiven_in_time() {
        let (taken, start) = (RecentUse::default(), Instant::now());
        let user = Caller::Role(Role::Authenticated { user_id: Uuid::from_u128(1) });
        let seconds = |seconds| start + Duration::from_secs(seconds);
        taken.add_at(user, Duration::from_millis(400), start);
        assert!(!taken.is_heavy_at(user, start));
        taken.add_at(user, Duration::from_millis(400), start);
        assert!(taken.is_heavy_at(user, start));
        assert!(!taken.is_heavy_at(user, seconds(16)));
        taken.add_at(user, Duration::from_secs(3600), seconds(16));
        assert!(taken.is_heavy_at(user, seconds(480)) && !taken.is_heavy_at(user, seconds(496)));
        for caller in [Caller::Auth, Caller::Probe, Role::Service.into()] {
            taken.add_at(caller, MAX, start);
            assert!(!taken.is_heavy_at(caller, start));
        }
    }
}
