//! Verifies tokens by asking Supabase Auth: those signed with a shared secret that this server was not
//! given. Anybody can forge such tokens, so the requests to Auth are limited, and refusals are cached.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::errors::invalid_token;
use super::signing_keys::{SigningKeys, unavailable};
use super::token_bucket::TokenBucket;
use super::verified_tokens::TokenHash;
use crate::clock::Clock;
use crate::http::error::ApiError;
use crate::http::single_flight::{Next, SingleFlight};
use crate::supabase::{AccessToken, AuthUser, Supabase, SupabaseError, SupabaseErrorKind};

/// How many requests to Auth may be in flight, how many more may be queued, and for how long. Tokens of
/// sessions that Auth has confirmed before have as many of their own, so that forged ones do not keep users out.
const MAX_CONCURRENT: usize = 16;
const MAX_WAITING: usize = 240;
const MAX_QUEUE_TIME: Duration = Duration::from_secs(2);
/// How many refusals are cached, and for how long, in seconds.
const MAX_REFUSED: usize = 10_000;
const REFUSAL_TTL: i64 = 60;
/// How long no requests are sent after Auth failed to answer, in seconds.
const OUTAGE_PAUSE: i64 = 1;
/// A project that publishes keys may still sign with its old secret. Until a token proves that, Auth is
/// asked about this many tokens at once, and about one more every so many seconds.
const PROBES: (i64, i64) = (3, 10);
/// How long a token that Auth confirmed is proof of that, and its session known, in seconds.
const CONFIRMATION_TTL: i64 = 3600;
const MAX_SESSIONS: usize = 10_000;

type Verdict = Result<AuthUser, ApiError>;

/// Clones share their caches and limits.
#[derive(Clone)]
pub(super) struct RemoteVerifier {
    inner: Arc<Inner>,
}

struct Inner {
    supabase: Supabase,
    keys: SigningKeys,
    clock: Clock,
    /// Whether the project's keys are tokens signed with the shared secret.
    has_legacy_keys: bool,
    in_flight: SingleFlight<TokenHash, Verdict>,
    /// Refused tokens and until when the refusal is cached.
    refused: Cache<TokenHash, (i64, ApiError)>,
    known: Mutex<Known>,
    probes: TokenBucket,
    /// Sessions that Auth has confirmed, and until when each counts as known.
    sessions: Cache<String, i64>,
    known_sessions: Lane,
    others: Lane,
}

/// Limits the requests to Auth.
struct Lane {
    slots: Arc<Semaphore>,
    turns: Semaphore,
}

impl Lane {
    fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(MAX_CONCURRENT + MAX_WAITING)),
            turns: Semaphore::new(MAX_CONCURRENT),
        }
    }
}

/// What earlier responses have shown.
#[derive(Default)]
struct Known {
    /// Why Auth could not be asked, and when that was.
    outage: Option<(i64, ApiError)>,
    /// When Auth last confirmed a token.
    confirmed_at: Option<i64>,
}

impl RemoteVerifier {
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
            in_flight: SingleFlight::default(),
            refused: Cache::new(MAX_REFUSED),
            known: Mutex::default(),
            probes: TokenBucket::new(PROBES.0, PROBES.1),
            sessions: Cache::new(MAX_SESSIONS),
            known_sessions: Lane::new(),
            others: Lane::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The user of a token. 401 if Auth refuses the token, 503 if Auth cannot be asked.
    pub(super) async fn user(
        &self,
        token: &str,
        hash: TokenHash,
        session: Option<String>,
    ) -> Verdict {
        let inner = &self.inner;
        let answered = inner.in_flight.run(hash, || {
            if let Some(error) = inner.refusal(&hash).or_else(|| inner.outage()) {
                return Next::Known(Err(error));
            }
            // The length is bounded before the token is queued.
            let is_known = session.as_ref().is_some_and(|session| inner.is_known(session));
            let Ok(place) = inner.lane(is_known).slots.clone().try_acquire_owned() else {
                return Next::Known(Err(unavailable("too many tokens to ask about", 1)));
            };
            let (inner, token) = (inner.clone(), AccessToken::new(token));
            Next::Start(async move {
                let _place = place;
                let lane = inner.lane(is_known);
                let verdict = inner.ask(&token, hash, lane).await;
                if let (Ok(_), Some(session)) = (&verdict, session) {
                    let until = inner.now().saturating_add(CONFIRMATION_TTL);
                    inner.sessions.insert(session, until);
                }
                verdict
            })
        });
        answered.await.unwrap_or_else(|| Err(unavailable("the request to Auth panicked", 1)))
    }
}

impl Inner {
    fn lane(&self, is_known: bool) -> &Lane {
        if is_known { &self.known_sessions } else { &self.others }
    }

    fn is_known(&self, session: &str) -> bool {
        self.sessions.get(session).is_some_and(|until| self.now() < until)
    }

    async fn ask(&self, token: &AccessToken, hash: TokenHash, lane: &Lane) -> Verdict {
        if !self.uses_shared_secret().await? {
            let probe = self.probes.take(self.now());
            probe.map_err(|wait| unavailable("too many tokens with a shared secret", wait))?;
        }
        let turn = timeout(MAX_QUEUE_TIME, lane.turns.acquire()).await;
        let _turn = turn.map_err(|_| unavailable("too many tokens to ask about", 1))?;
        // The request before this one may have found that Auth is down.
        if let Some(error) = self.outage() {
            return Err(error);
        }
        let answered = self.supabase.user(token).await;
        let now = self.now();
        answered.inspect(|_| self.known().confirmed_at = Some(now)).map_err(|error| {
            let is_refusal = is_refusal(&error);
            let error = into_api_error(error);
            if is_refusal {
                self.refused.insert(hash, (now.saturating_add(REFUSAL_TTL), error.clone()));
            } else {
                self.known().outage = Some((now, error.clone()));
            }
            error
        })
    }

    async fn uses_shared_secret(&self) -> Result<bool, ApiError> {
        let is_recent = |at: i64| self.now().saturating_sub(at) < CONFIRMATION_TTL;
        if self.has_legacy_keys || self.known().confirmed_at.is_some_and(is_recent) {
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
        (0..OUTAGE_PAUSE).contains(&self.now().saturating_sub(*at)).then(|| error.clone())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        self.clock.unix_seconds()
    }
}

/// Whether Auth refused the token itself.
fn is_refusal(error: &SupabaseError) -> bool {
    use SupabaseErrorKind as Kind;
    matches!(error.kind, Kind::TokenRefused | Kind::TokenExpired | Kind::UserNotFound)
}

fn into_api_error(error: SupabaseError) -> ApiError {
    match error.kind {
        SupabaseErrorKind::TokenRefused => invalid_token(error.to_string()),
        SupabaseErrorKind::Timeout => unavailable(&error.to_string(), OUTAGE_PAUSE),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Project;

    #[tokio::test]
    async fn forged_tokens_do_not_keep_users_out_whose_session_is_known() {
        let url = "http://127.0.0.1:9".to_owned();
        let project = Project {
            public_url: url.clone(),
            url,
            anon_key: "sb_publishable_test".into(),
            service_role_key: None,
            jwt_secret: None,
        };
        let supabase = Supabase::new(&project, Duration::from_secs(1), Clock::System).unwrap();
        let keys = SigningKeys::new(supabase.clone(), Clock::System);
        let verifier = RemoteVerifier::new(supabase, keys, true, Clock::System);
        let code = async |session: &str| {
            let verdict = verifier.user(session, TokenHash::default(), Some(session.to_owned()));
            verdict.await.unwrap_err().code()
        };
        let all = u32::try_from(MAX_CONCURRENT + MAX_WAITING).unwrap();
        let _forged = verifier.inner.others.slots.acquire_many(all).await.unwrap();
        assert_eq!(code("unknown").await, "keys_unavailable");
        verifier.inner.sessions.insert("known".to_owned(), i64::MAX);
        assert_eq!(code("known").await, "supabase_unreachable", "Auth was asked");
    }
}
