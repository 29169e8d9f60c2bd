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

pub use turns::{Turn, Turns};

/// How many statistics are computed at once.
const STATISTICS: usize = 4;

/// The limits, shared by all requests.
#[derive(Clone)]
pub struct Limits {
    /// The timeout for a request's body to arrive, and for Supabase to respond.
    pub request_timeout: Duration,
    /// The daily token limit of a user, which the database enforces.
    pub daily_tokens: Option<u64>,
    /// Permits for computing statistics.
    pub statistics: Turns,
    requests: PerMinute,
    generations: PerMinute,
    /// Those of plans.
    plans: Quotas,
}

impl Limits {
    /// The limits that are configured.
    pub fn new(config: &Config, clock: &Clock) -> Self {
        Self {
            request_timeout: config.request_timeout,
            daily_tokens: config.daily_token_limit,
            statistics: Turns::new(STATISTICS, config.request_timeout),
            requests: PerMinute::new(config.rate_limit_per_minute, clock),
            generations: PerMinute::new(config.generations_per_minute, clock),
            plans: Quotas { limiters: Arc::default(), clock: clock.clone() },
        }
    }

    /// Counts a request of this user; 429 if the limit is exceeded.
    pub fn count_request(&self, user_id: Uuid) -> Result<(), ApiError> {
        self.requests.count(user_id, "requests", "rate_limited")
    }

    /// Counts a generation of this user; 429 if the limit is exceeded.
    /// `quota` is the limit of the user's plan; without one the setting counts.
    pub fn count_generation(&self, user_id: Uuid, quota: Option<u32>) -> Result<(), ApiError> {
        match quota {
            Some(quota) => {
                self.plans.of(quota).count(user_id, "generations", "generation_rate_limited")
            }
            None => self.generations.count(user_id, "generations", "generation_rate_limited"),
        }
    }

    /// Removes users whose allowance is full again, to bound the memory.
    pub fn forget_idle_users(&self) {
        self.requests.forget_idle();
        self.generations.forget_idle();
        self.plans.forget_idle();
        self.statistics.forget_idle();
    }
}

/// Limits of generations by how many they allow: each plan has its own, and the file may change.
#[derive(Clone)]
struct Quotas {
    limiters: Arc<Mutex<BTreeMap<u32, PerMinute>>>,
    clock: Clock,
}

impl Quotas {
    fn of(&self, quota: u32) -> PerMinute {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.entry(quota).or_insert_with(|| PerMinute::new(quota, &self.clock)).clone()
    }

    fn forget_idle(&self) {
        let limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.values().for_each(PerMinute::forget_idle);
    }
}

type Limiter =
    RateLimiter<Uuid, DefaultKeyedStateStore<Uuid>, GovernorClock, NoOpMiddleware<Duration>>;

/// This many requests per minute and user, all at once if necessary. Without a limiter: unlimited.
#[derive(Clone)]
struct PerMinute {
    quota: u32,
    limiter: Option<Arc<Limiter>>,
    clock: GovernorClock,
}

impl PerMinute {
    fn new(quota: u32, clock: &Clock) -> Self {
        let clock = GovernorClock(clock.clone());
        let limiter = NonZeroU32::new(quota).map(|quota| {
            let users = DefaultKeyedStateStore::default();
            Arc::new(RateLimiter::new(Quota::per_minute(quota), users, clock.clone()))
        });
        Self { quota, limiter, clock }
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
        let detail =
            format!("You may make {quota} {policy} per minute. Please try again in {seconds} s.");
        let limit = RateLimit {
            policy,
            quota: quota.into(),
            window_s: Some(60),
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
