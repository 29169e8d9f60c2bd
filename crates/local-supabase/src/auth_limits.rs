//! Rate limits on sign-ups and sign-ins, per client address and for all addresses together.
//!
//! The limits are generous enough for a test suite, but keep web pages and scripts from filling the
//! disk with users or occupying every core with password hashing.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use clock::Clock;

const ONE: NonZeroU32 = NonZeroU32::MIN;
/// Limit per address on creating users, checking passwords and sending mail: burst size, then requests
/// per minute.
const SIGN_INS: (NonZeroU32, NonZeroU32) = (ONE.saturating_add(299), ONE.saturating_add(59));
/// Limit per address on exchanging refresh tokens: burst size, then requests per minute.
const REFRESHES: (NonZeroU32, NonZeroU32) = (ONE.saturating_add(599), ONE.saturating_add(299));
/// The limit for all addresses together, as a multiple of that for one.
const TOTAL_FACTOR: NonZeroU32 = ONE.saturating_add(3);
/// How many addresses are tracked before those whose allowance is full again are dropped.
const MAX_TRACKED_ADDRESSES: usize = 4096;

/// The address that a request's sign-ins are counted for. The program that listens adds it to the
/// extensions of requests: only that program knows the client's address behind a proxy, and which part
/// of an IPv6 address stands for one household.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The limits, shared by all requests.
pub(super) struct AuthLimits {
    pub(super) sign_ins: Limit,
    pub(super) refreshes: Limit,
}

type Limiter<K, S> = RateLimiter<K, S, GovernorClock, NoOpMiddleware<Duration>>;

/// One limit for each address, and one for all of them together.
pub(super) struct Limit {
    per_address: Limiter<IpAddr, DefaultKeyedStateStore<IpAddr>>,
    global: Limiter<NotKeyed, InMemoryState>,
}

impl AuthLimits {
    pub(super) fn new(clock: &Clock) -> Self {
        Self { sign_ins: Limit::new(SIGN_INS, clock), refreshes: Limit::new(REFRESHES, clock) }
    }
}

impl Limit {
    fn new((burst, per_minute): (NonZeroU32, NonZeroU32), clock: &Clock) -> Self {
        let clock = GovernorClock(clock.clone());
        let quota = |times: NonZeroU32| {
            Quota::per_minute(per_minute.saturating_mul(times))
                .allow_burst(burst.saturating_mul(times))
        };
        Self {
            per_address: RateLimiter::new(
                quota(ONE),
                DefaultKeyedStateStore::default(),
                clock.clone(),
            ),
            global: RateLimiter::direct_with_clock(quota(TOTAL_FACTOR), clock),
        }
    }

    /// Whether one more request is allowed; if so, it is counted.
    pub(super) fn allows(&self, address: IpAddr) -> bool {
        if self.per_address.len() >= MAX_TRACKED_ADDRESSES {
            self.per_address.retain_recent();
        }
        self.per_address.check_key(&address).is_ok() && self.global.check().is_ok()
    }
}

/// Adapts the injected clock to governor.
#[derive(Clone, Debug)]
struct GovernorClock(Clock);

impl governor::clock::Clock for GovernorClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn allowances_are_refilled_by_the_clock_that_is_passed_in() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let limits = AuthLimits::new(&clock);
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let allowed = || (0..1000).take_while(|_| limits.sign_ins.allows(address)).count();
        assert_eq!(allowed(), 300);
        clock.advance(Duration::from_secs(60));
        assert_eq!(allowed(), 60);
    }
}
