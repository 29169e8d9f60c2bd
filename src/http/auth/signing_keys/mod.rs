//! The project's published signing keys (JWKS): cached for ten minutes, fetched once for all callers that
//! wait for them, and served stale while Supabase cannot be reached.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;

use super::token_bucket::TokenBucket;
use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::http::single_flight::{Next, SingleFlight};
use crate::supabase::{Supabase, SupabaseError, SupabaseErrorKind};

mod set;

use set::KeySet;
pub(super) use set::SigningKey;

/// How long a key set counts as fresh, in seconds.
const TTL: i64 = 600;
/// After a failed fetch: the pause before the next one if the wanted key is cached, in seconds.
const STALE_PAUSE: i64 = 30;
/// The same if the wanted key is unknown.
const UNKNOWN_PAUSE: i64 = 5;
/// The same while no key set was ever loaded.
const COLD_PAUSE: i64 = 1;
/// Anybody can name a key that does not exist, so unknown keys cause at most this many fetches at once
/// and one more every so many seconds. Each fetch brings all keys, so a new key is found within that.
const FETCHES: (i64, i64) = (3, 5);
/// The timeout of a fetch, unless `REQUEST_TIMEOUT_S` is shorter.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

type Fetched = Result<(), SupabaseError>;

/// The keys by `kid`. Clones share them.
#[derive(Clone)]
pub(super) struct SigningKeys {
    inner: Arc<Inner>,
}

struct Inner {
    supabase: Supabase,
    clock: Clock,
    current: RwLock<Option<Arc<KeySet>>>,
    /// When and why the last fetch failed.
    failure: Mutex<Option<(i64, SupabaseError)>>,
    allowance: TokenBucket,
    fetching: SingleFlight<(), Fetched>,
}

impl SigningKeys {
    pub(super) fn new(supabase: Supabase, clock: Clock) -> Self {
        let inner = Inner {
            supabase,
            clock,
            current: RwLock::default(),
            failure: Mutex::default(),
            allowance: TokenBucket::new(FETCHES.0, FETCHES.1),
            fetching: SingleFlight::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The key with this `kid`; `None` if the project does not publish it. 503 if that is unknown because
    /// the keys could not be fetched or too many unknown keys were asked for.
    pub(super) async fn get(&self, kid: &str) -> Result<Option<Arc<SigningKey>>, ApiError> {
        let current = self.inner.current();
        let known = current.as_ref().and_then(|set| set.get(kid));
        // A cached key is used while the keys are fetched.
        let is_served =
            self.inner.is_fresh(current.as_deref()) || self.inner.fetching.is_running(&());
        if known.is_some() && is_served {
            return Ok(known);
        }
        let pause = if known.is_some() { STALE_PAUSE } else { UNKNOWN_PAUSE };
        match self
            .fetch(pause, |inner| {
                let current = inner.current();
                inner.is_fresh(current.as_deref())
                    && current.is_some_and(|set| set.get(kid).is_some())
            })
            .await
        {
            Err(_) if known.is_some() => Ok(known),
            Err(unavailable) => Err(unavailable),
            Ok(()) => Ok(self.inner.key(kid)),
        }
    }

    /// Whether the project publishes any keys. If not, it signs with a shared secret.
    pub(super) async fn are_published(&self) -> Result<bool, ApiError> {
        if self.inner.current().is_none() {
            let loaded = self.fetch(COLD_PAUSE, |inner| inner.current().is_some()).await;
            // Old versions of Auth have no keys to publish.
            if loaded.is_err() && !self.inner.is_missing() {
                loaded?;
            }
        }
        Ok(self.inner.current().is_some_and(|set| !set.is_empty()))
    }

    /// Marks the cached keys as stale.
    pub(super) fn invalidate(&self) {
        if let Some(set) = self.inner.current() {
            let mut doubted = KeySet::clone(&set);
            doubted.fetched_at = i64::MIN;
            self.inner.replace(doubted);
        }
    }

    /// Fetches the keys, unless that `is_done` or failed less than `pause` seconds ago.
    async fn fetch(&self, pause: i64, is_done: impl Fn(&Inner) -> bool) -> Result<(), ApiError> {
        let inner = &self.inner;
        let pause = if inner.current().is_none() { COLD_PAUSE } else { pause };
        let mut refused = None;
        let fetched = inner.fetching.run((), || {
            if is_done(inner) {
                return Next::Known(Ok(()));
            }
            match inner.may_fetch(pause) {
                Ok(()) => Next::Start(inner.clone().fetch()),
                Err((wait, cause)) => {
                    refused = Some(wait);
                    Next::Known(Err(cause))
                }
            }
        });
        match fetched.await {
            Some(Ok(())) => Ok(()),
            Some(Err(cause)) => Err(unavailable(&cause.to_string(), refused.unwrap_or(pause))),
            None => Err(unavailable("the fetch crashed", pause)),
        }
    }
}

impl Inner {
    /// `Err` has the seconds until the next fetch is allowed, and why.
    fn may_fetch(&self, pause: i64) -> Result<(), (i64, SupabaseError)> {
        let now = self.clock.unix_seconds();
        if let Some((at, cause)) = &*self.failure() {
            let elapsed = now.saturating_sub(*at);
            if (0..pause).contains(&elapsed) {
                return Err((pause - elapsed, cause.clone()));
            }
        }
        if self.current().is_none() {
            return Ok(());
        }
        let too_many = || SupabaseError::unreadable("too many unknown keys were looked for");
        self.allowance.take(now).map_err(|wait| (wait, too_many()))
    }

    async fn fetch(self: Arc<Self>) -> Fetched {
        let fetched = match timeout(FETCH_TIMEOUT, self.supabase.signing_keys()).await {
            Ok(fetched) => fetched,
            Err(_) => Err(SupabaseError::unreadable("Supabase takes too long to send them")),
        };
        let now = self.clock.unix_seconds();
        match fetched {
            Ok(published) => {
                self.replace(KeySet::new(published, self.current().as_deref(), now));
                *self.failure() = None;
                Ok(())
            }
            Err(cause) => {
                if self.current().is_some() {
                    warn!("the signing keys could not be fetched, the old ones stay: {cause}");
                }
                *self.failure() = Some((now, cause.clone()));
                Err(cause)
            }
        }
    }

    fn key(&self, kid: &str) -> Option<Arc<SigningKey>> {
        self.current()?.get(kid)
    }

    fn is_fresh(&self, set: Option<&KeySet>) -> bool {
        let age = |set: &KeySet| self.clock.unix_seconds().saturating_sub(set.fetched_at);
        set.is_some_and(|set| age(set) < TTL)
    }

    /// Whether Auth has answered that it publishes none.
    fn is_missing(&self) -> bool {
        let kind = self.failure().as_ref().map(|(_, cause)| cause.kind);
        kind == Some(SupabaseErrorKind::NoSuchRoute)
    }

    fn failure(&self) -> std::sync::MutexGuard<'_, Option<(i64, SupabaseError)>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Option<Arc<KeySet>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, set: KeySet) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(set));
    }
}

/// `retry_after` is when they may be fetched again, in seconds.
pub(super) fn unavailable(cause: &str, retry_after: i64) -> ApiError {
    ApiError::unavailable(
        "keys_unavailable",
        "Sign-ins cannot be checked at the moment. Please try again.",
        Duration::from_secs(retry_after.unsigned_abs()),
    )
    .caused_by(format!("no signing keys: {cause}"))
}
