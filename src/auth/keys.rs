//! The project's published signing keys: fetched by one task at a time, kept ten minutes, served
//! stale when Supabase cannot be reached.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::warn;

use crate::clock::Clock;
use crate::error::ApiError;
use crate::supabase::Supabase;

/// How long a key set counts as fresh, in seconds.
const FRESH: i64 = 600;
/// How long an unknown key or a failed fetch must wait for the next fetch, in seconds.
const PATIENCE: i64 = 30;
/// The same while no key set was ever loaded: nothing works without one.
const IMPATIENCE: i64 = 1;
/// How long the keys may take to come.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// A public key and the one algorithm it is for.
pub(super) struct SigningKey {
    jwk: Jwk,
    pub(super) key: DecodingKey,
    pub(super) algorithm: Algorithm,
}

/// The keys by `kid`.
pub(super) struct SigningKeys {
    supabase: Supabase,
    clock: Clock,
    current: RwLock<Option<Arc<KeySet>>>,
    last_fetch: Mutex<Option<Fetch>>,
}

/// When the keys were last asked for, and whether they came.
#[derive(Clone, Copy)]
struct Fetch {
    at: i64,
    has_failed: bool,
}

struct KeySet {
    keys: HashMap<String, Arc<SigningKey>>,
    fetched_at: i64,
}

impl SigningKeys {
    pub(super) fn new(supabase: Supabase, clock: Clock) -> Self {
        Self { supabase, clock, current: RwLock::new(None), last_fetch: Mutex::new(None) }
    }

    /// The key named `kid`; `None` when the project does not publish it. 503 when that cannot be told
    /// because the last fetch failed.
    pub(super) async fn get(&self, kid: &str) -> Result<Option<Arc<SigningKey>>, ApiError> {
        if let Some(set) = self.current()
            && let Some(key) = set.keys.get(kid)
            && self.is_fresh(&set)
        {
            return Ok(Some(key.clone()));
        }
        self.refresh(kid).await?;
        Ok(self.current().and_then(|set| set.keys.get(kid).cloned()))
    }

    /// Lets the keys be fetched again at the next occasion, unless that was done just now.
    pub(super) fn doubt(&self) {
        if let Some(set) = self.current() {
            self.replace(KeySet { keys: set.keys.clone(), fetched_at: i64::MIN });
        }
    }

    /// Fetches the set when it is missing, stale or without `kid`, unless that was tried just now.
    async fn refresh(&self, kid: &str) -> Result<(), ApiError> {
        let knows_it = self.current().is_some_and(|set| set.keys.contains_key(kid));
        let mut last_fetch = match self.last_fetch.try_lock() {
            Ok(last_fetch) => last_fetch,
            // The old key serves while somebody else fetches.
            Err(_) if knows_it => return Ok(()),
            Err(_) => self.last_fetch.lock().await,
        };
        let now = self.clock.unix_seconds();
        let current = self.current();
        let is_good = |set: &Arc<KeySet>| set.keys.contains_key(kid) && self.is_fresh(set);
        if current.as_ref().is_some_and(is_good) {
            return Ok(());
        }
        let patience = if current.is_some() { PATIENCE } else { IMPATIENCE };
        if let Some(last) = last_fetch.filter(|last| now - last.at < patience) {
            // Whether the project publishes an unknown key, only a fetch that succeeded can tell.
            return match last.has_failed && !knows_it {
                true => Err(unavailable("fetched just now", last.at + patience - now)),
                false => Ok(()),
            };
        }
        // Who waits for the fetch may go away in the middle of it.
        *last_fetch = Some(Fetch { at: now, has_failed: true });
        let fetched = self.fetch().await;
        *last_fetch = Some(Fetch { at: now, has_failed: fetched.is_err() });
        match fetched {
            Ok(keys) => {
                let keys = usable(keys, current.as_deref());
                self.replace(KeySet { keys, fetched_at: now });
                Ok(())
            }
            Err(cause) if knows_it => {
                warn!("the signing keys could not be fetched, the old ones stay in use: {cause}");
                Ok(())
            }
            Err(cause) => Err(unavailable(cause, patience)),
        }
    }

    async fn fetch(&self) -> Result<JwkSet, String> {
        match timeout(FETCH_TIMEOUT, self.supabase.signing_keys()).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("Supabase takes too long to send them".to_owned()),
        }
    }

    fn is_fresh(&self, set: &KeySet) -> bool {
        self.clock.unix_seconds().saturating_sub(set.fetched_at) < FRESH
    }

    fn current(&self) -> Option<Arc<KeySet>> {
        self.current.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn replace(&self, set: KeySet) {
        *self.current.write().unwrap_or_else(std::sync::PoisonError::into_inner) =
            Some(Arc::new(set));
    }
}

/// `retry_after` is when they may be fetched again, in seconds.
fn unavailable(cause: impl Into<String>, retry_after: i64) -> ApiError {
    ApiError::unavailable(
        "keys_unavailable",
        "Sign-ins cannot be checked at the moment. Please try again.",
        Duration::from_secs(retry_after.unsigned_abs()),
    )
    .caused_by(format!("no signing keys: {}", cause.into()))
}

/// The keys this server can verify with. A key that has not changed stays the same object, so that
/// who remembers it can tell.
fn usable(set: JwkSet, old: Option<&KeySet>) -> HashMap<String, Arc<SigningKey>> {
    let old = |kid: &str, jwk: &Jwk| old?.keys.get(kid).filter(|key| key.jwk == *jwk).cloned();
    let named = set.keys.into_iter().filter_map(|jwk| Some((jwk.common.key_id.clone()?, jwk)));
    named
        .filter_map(|(kid, jwk)| {
            let key = old(&kid, &jwk).or_else(|| signing_key(jwk))?;
            Some((kid, key))
        })
        .collect()
}

fn signing_key(jwk: Jwk) -> Option<Arc<SigningKey>> {
    if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::OctetKeyPair(_) => Algorithm::EdDSA,
        _ => return None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Arc::new(SigningKey { jwk, key, algorithm }))
}
