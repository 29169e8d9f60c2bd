//! Rate limits per user and replica.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use governor::clock::Clock as _;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::Config;
use crate::http::error::{ApiError, RateLimit};
use governor_clock::GovernorClock;

mod governor_clock;
mod turns;

pub use turns::{Busy, Turn, Turns};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
/// How many statistics are computed at once.
const STATISTICS: usize = 4;
/// How often a user may decide on calls that wait, in a minute.
const DECISIONS: u32 = 60;
/// How many searches over files run at once.
const SEARCHES: usize = 16;
/// How many accounts are exported or imported at once, and how long another one waits for its turn.
const TRANSFERS: usize = 8;
const TRANSFER_WAIT: Duration = Duration::from_millis(500);

/// The limits, shared by all requests.
#[derive(Clone)]
pub struct Limits {
    /// The timeout for a request's body to arrive, and for Supabase to respond.
    pub request_timeout: Duration,
    /// The maximum size of a request's body in bytes, unless the route has a `MaxBody` of its own.
    pub max_body_bytes: usize,
    /// The daily token limit of a user, which the database enforces.
    pub daily_tokens: Option<u64>,
    /// Permits for computing statistics.
    pub statistics: Turns,
    /// Permits for searching files.
    pub searches: Turns,
    /// Permits for exporting and importing accounts.
    pub transfers: Turns,
    requests: Allowance,
    generations: Allowance,
    decisions: Allowance,
    /// Those of plans.
    plans: Quotas,
}

impl Limits {
    /// The limits that are configured.
    pub fn new(config: &Config, clock: &Clock) -> Self {
        Self {
            request_timeout: config.request_timeout,
            max_body_bytes: config.max_body_bytes,
            daily_tokens: config.daily_token_limit,
            statistics: Turns::new(
                STATISTICS,
                config.request_timeout,
                Busy {
                    own: "Other statistics of yours are being computed. Please try again.",
                    all: "Too many statistics are being computed at the moment. Please try again.",
                },
            ),
            searches: Turns::new(
                SEARCHES,
                config.request_timeout,
                Busy {
                    own: "Another search of yours is running. Please try again.",
                    all: "Too many searches are running at the moment. Please try again.",
                },
            ),
            transfers: Turns::new(
                TRANSFERS,
                TRANSFER_WAIT,
                Busy {
                    own: "Another export or import of yours is running. Please try again when it has ended.",
                    all: "Too many exports and imports of other users are running. Please try again in a \
                          minute.",
                },
            ),
            requests: Allowance::new(config.rate_limit_per_minute, clock),
            generations: Allowance::new(config.generations_per_minute, clock),
            decisions: Allowance::new(DECISIONS, clock),
            plans: Quotas { limiters: Arc::default(), clock: clock.clone() },
        }
    }

    /// Counts a request of this user; 429 if the limit is exceeded.
    pub fn count_request(&self, user_id: Uuid) -> Result<(), ApiError> {
        self.requests.count(user_id, "requests", "rate_limited")
    }

    /// Counts a generation of this user; 429 if the limit is exceeded. `quota` is that of the user's plan;
    /// without one the setting counts.
    pub fn count_generation(&self, user_id: Uuid, quota: Option<u32>) -> Result<(), ApiError> {
        match quota {
            Some(quota) => self.plans.of("generations", quota, MINUTE).count(
                user_id,
                "generations",
                "generation_rate_limited",
            ),
            None => self.generations.count(user_id, "generations", "generation_rate_limited"),
        }
    }

    /// Counts a decision of this user about a call that waits; 429 if the limit is exceeded.
    pub fn count_decision(&self, user_id: Uuid) -> Result<(), ApiError> {
        self.decisions.count(user_id, "decisions", "decisions_rate_limited")
    }

    /// Counts a script of this user, as their plan allows; 429 if the limit is exceeded.
    pub fn count_script(
        &self,
        user_id: Uuid,
        per_minute: Option<u32>,
        per_day: Option<u32>,
    ) -> Result<(), ApiError> {
        for (quota, window) in [(per_minute, MINUTE), (per_day, DAY)] {
            if let Some(quota) = quota {
                let allowance = self.plans.of("scripts", quota, window);
                allowance.count(user_id, "scripts", "script_rate_limited")?;
            }
        }
        Ok(())
    }

    /// Removes users whose allowance is full again, to bound the memory.
    pub fn forget_idle_users(&self) {
        self.requests.forget_idle();
        self.generations.forget_idle();
        self.decisions.forget_idle();
        self.plans.forget_idle();
        self.statistics.forget_idle();
        self.searches.forget_idle();
        self.transfers.forget_idle();
    }
}

/// The limits of plans by what they allow: each plan has its own, and the file may change.
#[derive(Clone)]
struct Quotas {
    limiters: Arc<Mutex<BTreeMap<QuotaKey, Allowance>>>,
    clock: Clock,
}

/// Of what there may be how many, within which time.
type QuotaKey = (&'static str, u32, Duration);

impl Quotas {
    fn of(&self, what: &'static str, quota: u32, window: Duration) -> Allowance {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Allowance::within(window, quota, &self.clock);
        limiters.entry((what, quota, window)).or_insert_with(new).clone()
    }

    fn forget_idle(&self) {
        let limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.values().for_each(Allowance::forget_idle);
    }
}

type Limiter =
    RateLimiter<Uuid, DefaultKeyedStateStore<Uuid>, GovernorClock, NoOpMiddleware<Duration>>;

/// This many requests per window and user, all at once if necessary. Without a limiter: unlimited.
#[derive(Clone)]
struct Allowance {
    quota: u32,
    window: Duration,
    limiter: Option<Arc<Limiter>>,
    clock: GovernorClock,
}

impl Allowance {
    fn new(quota: u32, clock: &Clock) -> Self {
        Self::within(MINUTE, quota, clock)
    }

    fn within(window: Duration, quota: u32, clock: &Clock) -> Self {
        let clock = GovernorClock(clock.clone());
        let limiter = NonZeroU32::new(quota).and_then(|burst| {
            let users = DefaultKeyedStateStore::default();
            let quota = Quota::with_period(window / quota)?.allow_burst(burst);
            Some(Arc::new(RateLimiter::new(quota, users, clock.clone())))
        });
        Self { quota, window, limiter, clock }
    }

    fn count(&self, user_id: Uuid, policy: &str, code: &'static str) -> Result<(), ApiError> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(&user_id).map_err(|refusal| {
            self.exceeded(policy, code, refusal.wait_time_from(self.clock.now()))
        })
    }

    fn exceeded(&self, policy: &str, code: &'static str, wait: Duration) -> ApiError {
        let seconds = wait.as_secs() + 1;
        let quota = self.quota;
        let window = if self.window == MINUTE { "minute" } else { "day" };
        let detail =
            format!("You may make {quota} {policy} per {window}. Please try again in {seconds} s.");
        let limit = RateLimit {
            policy,
            quota: quota.into(),
            window_s: Some(self.window.as_secs()),
            remaining: 0,
            reset_s: seconds,
        };
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, code, detail)
            .with_retry_after(Duration::from_secs(seconds))
            .with_rate_limit(limit)
    }

    fn forget_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn idle_users_are_forgotten() {
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let limit = HashMap::from([("RATE_LIMIT_PER_MINUTE".to_owned(), "60".to_owned())]);
        let limits = Limits::new(&Config::from_variables(&limit).unwrap(), &clock);
        let users = || {
            limits.forget_idle_users();
            limits.requests.limiter.as_ref().unwrap().len()
        };
        limits.count_request(Uuid::from_u128(1)).unwrap();
        assert_eq!(users(), 1);
        clock.advance(MINUTE);
        assert_eq!(users(), 0);
    }
}
