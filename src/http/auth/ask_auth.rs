//! Asks Supabase Auth about tokens that only it can verify: those signed with a shared secret that
//! this server was not given. Anybody can make such tokens up, so the asking has bounds of its own,
//! and refusals are remembered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::allowance::Allowance;
use super::errors::invalid_token;
use super::signing_keys::{SigningKeys, unavailable};
use super::verified_tokens::TokenHash;
use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::http::single_flight::{Next, SingleFlight};
use crate::supabase::{AccessToken, AuthUser, Supabase, SupabaseError, SupabaseErrorKind};

/// How many questions may be under way, how many more may wait for their turn, and how long.
const MAX_CONCURRENT: usize = 16;
const MAX_WAITING: usize = 240;
const MAX_QUEUE_TIME: Duration = Duration::from_secs(2);
/// How many refused tokens are remembered, and how long, in seconds.
const REMEMBERED: usize = 10_000;
const REFUSED_FOR: i64 = 60;
/// How long nobody is asked after Auth has not answered, in seconds.
const OUTAGE: i64 = 1;
/// A project that publishes keys may still sign with its old secret. Until a token shows that it
/// does, so many are asked about at once, and one more every so many seconds.
const PROBES: (i64, i64) = (3, 10);
/// How long a token that Auth has vouched for shows that, in seconds.
const SHOWN_FOR: i64 = 3600;

type Answered = Result<AuthUser, ApiError>;

/// Clones share what is known.
#[derive(Clone)]
pub(super) struct AskAuth {
    inner: Arc<Inner>,
}

struct Inner {
    supabase: Supabase,
    keys: SigningKeys,
    clock: Clock,
    /// Whether the project's keys are tokens signed with the shared secret.
    has_legacy_keys: bool,
    asking: SingleFlight<TokenHash, Answered>,
    /// Until when a refusal counts.
    refused: Cache<TokenHash, (i64, ApiError)>,
    known: Mutex<Known>,
    probes: Allowance,
    places: Arc<Semaphore>,
    turns: Semaphore,
}

/// What answers have shown.
#[derive(Default)]
struct Known {
    /// Why Auth could not be asked, and when that was.
    outage: Option<(i64, ApiError)>,
    /// When Auth last vouched for a token.
    vouched_at: Option<i64>,
}

impl AskAuth {
    pub(super) fn new(
        supabase: Supabase,
        keys: SigningKeys,
        has_legacy_keys: bool,
        clock: Clock,
    ) -> Self {
        let inner = Inner {
            supabase,
            keys,
            clock,
            has_legacy_keys,
            asking: SingleFlight::default(),
            refused: Cache::new(REMEMBERED),
            known: Mutex::default(),
            probes: Allowance::new(PROBES.0, PROBES.1),
            places: Arc::new(Semaphore::new(MAX_CONCURRENT + MAX_WAITING)),
            turns: Semaphore::new(MAX_CONCURRENT),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Whose token it is, by Auth's word. 401 when it refuses the token, 503 when it cannot be asked.
    pub(super) async fn user(&self, token: &str, hash: TokenHash) -> Answered {
        let inner = &self.inner;
        let answered = inner.asking.run(hash, || {
            if let Some(error) = inner.refusal(&hash).or_else(|| inner.outage()) {
                return Next::Known(Err(error));
            }
            // What is known to fit is kept while it waits, nothing else.
            let Ok(place) = inner.places.clone().try_acquire_owned() else {
                return Next::Known(Err(unavailable("too many tokens to ask about", 1)));
            };
            let (inner, token) = (inner.clone(), AccessToken::new(token));
            Next::Start(async move {
                let _place = place;
                inner.ask(&token, hash).await
            })
        });
        answered.await.unwrap_or_else(|| Err(unavailable("the asking crashed", 1)))
    }
}

impl Inner {
    async fn ask(&self, token: &AccessToken, hash: TokenHash) -> Answered {
        if !self.signs_with_a_secret().await? {
            let probe = self.probes.take(self.now());
            probe.map_err(|wait| unavailable("too many tokens with a shared secret", wait))?;
        }
        let turn = timeout(MAX_QUEUE_TIME, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| unavailable("too many tokens to ask about", 1))?;
        // Who had the turn before may have found nobody there.
        if let Some(error) = self.outage() {
            return Err(error);
        }
        let answered = self.supabase.user(token).await;
        let now = self.now();
        answered.inspect(|_| self.known().vouched_at = Some(now)).map_err(|error| {
            let is_refusal = is_refusal(&error);
            let error = to_clients(error);
            if is_refusal {
                self.refused.insert(hash, (now.saturating_add(REFUSED_FOR), error.clone()));
            } else {
                self.known().outage = Some((now, error.clone()));
            }
            error
        })
    }

    async fn signs_with_a_secret(&self) -> Result<bool, ApiError> {
        let is_shown = |at: i64| self.now().saturating_sub(at) < SHOWN_FOR;
        if self.has_legacy_keys || self.known().vouched_at.is_some_and(is_shown) {
            return Ok(true);
        }
        Ok(!self.keys.are_published().await?)
    }

    fn refusal(&self, hash: &TokenHash) -> Option<ApiError> {
        let (until, error) = self.refused.get(hash)?;
        (self.now() < until).then_some(error)
    }

    fn outage(&self) -> Option<ApiError> {
        let known = self.known();
        let (at, error) = known.outage.as_ref()?;
        (0..OUTAGE).contains(&self.now().saturating_sub(*at)).then(|| error.clone())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        self.clock.unix_seconds()
    }
}

/// Whether it is Auth's word about the token.
fn is_refusal(error: &SupabaseError) -> bool {
    use SupabaseErrorKind as Kind;
    matches!(error.kind, Kind::TokenRefused | Kind::TokenExpired | Kind::UserNotFound)
}

fn to_clients(error: SupabaseError) -> ApiError {
    match error.kind {
        SupabaseErrorKind::TokenRefused => invalid_token(error.to_string()),
        SupabaseErrorKind::Timeout => unavailable(&error.to_string(), OUTAGE),
        _ => error.into(),
    }
}
