//! Turns an access token into the user it belongs to.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey};
use quick_cache::sync::Cache;

use super::claims::{Claims, LEEWAY, expired};
use super::keys::{SigningKey, SigningKeys};
use super::{CurrentUser, anonymous_refused, invalid_token};
use crate::clock::Clock;
use crate::config::Secret;
use crate::error::ApiError;
use crate::supabase::{AccessToken, Supabase, SupabaseErrorKind};

/// How many verified tokens are remembered.
const REMEMBERED: usize = 10_000;
/// How long Supabase Auth's word about a token counts, in seconds.
const ASKED_FOR: i64 = 60;

/// What decides about tokens.
pub struct VerifierSettings {
    /// `iss` of the project's tokens: its public address and `/auth/v1`.
    pub issuer: String,
    /// The legacy HS256 secret.
    pub jwt_secret: Option<Secret>,
    /// Whether anonymous users may pass.
    pub allow_anonymous_users: bool,
}

/// Verifies access tokens. Clones share keys and the memory of verified tokens.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    settings: VerifierSettings,
    secret: Option<DecodingKey>,
    supabase: Supabase,
    keys: SigningKeys,
    verified: Cache<String, Verified>,
    clock: Clock,
}

/// A token that was verified, and for how long that counts.
#[derive(Clone)]
struct Verified {
    user: CurrentUser,
    until: i64,
    /// The published key that signed it; the memory ends when the key goes.
    signed_by: Option<(String, Arc<SigningKey>)>,
}

impl Verifier {
    /// A verifier for one project.
    pub fn new(supabase: Supabase, settings: VerifierSettings, clock: Clock) -> Self {
        let secret =
            settings.jwt_secret.as_ref().map(|s| DecodingKey::from_secret(s.expose().as_bytes()));
        let keys = SigningKeys::new(supabase.clone(), clock.clone());
        let verified = Cache::new(REMEMBERED);
        Self { inner: Arc::new(Inner { settings, secret, supabase, keys, verified, clock }) }
    }

    /// The user a token belongs to. 401 with the reason, 403 for anonymous users where they are not
    /// welcome, 503 when the project's keys cannot be had.
    pub async fn verify(&self, token: &str) -> Result<CurrentUser, ApiError> {
        if let Some(user) = self.remembered(token).await? {
            return Ok(user);
        }
        // Requests that bring the same new token at once wait for one verification.
        match self.inner.verified.get_value_or_guard_async(token).await {
            Ok(verified) => Ok(verified.user),
            Err(guard) => {
                let verified = self.verify_anew(token).await?;
                // The guard's place may have been taken; then the token is verified again next time.
                let _ = guard.insert(verified.clone());
                Ok(verified.user)
            }
        }
    }

    /// Verifies a token that was good here and that Supabase has refused: its key may have been taken
    /// back since. Then it is the token's fault after all, 401.
    pub async fn verify_again(&self, token: &AccessToken) -> Result<(), ApiError> {
        self.inner.verified.remove(token.expose());
        self.inner.keys.doubt();
        self.verify(token.expose()).await.map(|_| ())
    }

    async fn remembered(&self, token: &str) -> Result<Option<CurrentUser>, ApiError> {
        let Some(verified) = self.inner.verified.get(token) else { return Ok(None) };
        let is_current = match &verified.signed_by {
            Some((kid, key)) => {
                self.inner.keys.get(kid).await?.is_some_and(|now| Arc::ptr_eq(&now, key))
            }
            None => true,
        };
        if is_current && self.inner.clock.unix_seconds() < verified.until {
            return Ok(Some(verified.user));
        }
        self.inner.verified.remove(token);
        Ok(None)
    }

    async fn verify_anew(&self, token: &str) -> Result<Verified, ApiError> {
        let header =
            jsonwebtoken::decode_header(token).map_err(|error| invalid_token(error.to_string()))?;
        if header.crit.is_some() {
            return Err(invalid_token("it has critical extensions"));
        }
        match (header.alg, &self.inner.secret) {
            (Algorithm::HS256, Some(secret)) => {
                self.verify_with(token, secret, Algorithm::HS256, None)
            }
            (Algorithm::HS256, None) => self.ask_auth(token).await,
            (algorithm, _) => {
                let kid = header.kid.ok_or_else(|| invalid_token("it names no key"))?;
                let key = self.inner.keys.get(&kid).await?;
                let key = key.ok_or_else(|| invalid_token("its key is not published"))?;
                if key.algorithm != algorithm {
                    return Err(invalid_token("its algorithm is not its key's"));
                }
                self.verify_with(token, &key.key, algorithm, Some((kid, key.clone())))
            }
        }
    }

    fn verify_with(
        &self,
        token: &str,
        key: &DecodingKey,
        algorithm: Algorithm,
        signed_by: Option<(String, Arc<SigningKey>)>,
    ) -> Result<Verified, ApiError> {
        let claims = Claims::read(token, key, algorithm, &self.inner.settings.issuer)?;
        claims.check_times(self.inner.clock.unix_seconds())?;
        self.accept(token, &claims, claims.exp.saturating_add(LEEWAY), signed_by)
    }

    /// A project with a legacy secret that this server was not given: only Auth can tell.
    async fn ask_auth(&self, token: &str) -> Result<Verified, ApiError> {
        let claims = Claims::read_unverified(token)?;
        claims.check_times(self.inner.clock.unix_seconds())?;
        let asked = self.inner.supabase.user(&AccessToken::new(token)).await;
        let user = asked.map_err(|error| match error.kind {
            SupabaseErrorKind::TokenRefused => invalid_token(error.to_string()),
            _ => error.into(),
        })?;
        if user.id != claims.sub {
            return Err(invalid_token("Supabase Auth says it is somebody else's"));
        }
        let until = claims.exp.min(self.inner.clock.unix_seconds() + ASKED_FOR);
        self.accept(token, &claims, until, None)
    }

    fn accept(
        &self,
        token: &str,
        claims: &Claims,
        until: i64,
        signed_by: Option<(String, Arc<SigningKey>)>,
    ) -> Result<Verified, ApiError> {
        if claims.is_anonymous && !self.inner.settings.allow_anonymous_users {
            return Err(anonymous_refused());
        }
        if until <= self.inner.clock.unix_seconds() {
            return Err(expired());
        }
        let user = CurrentUser {
            id: claims.sub,
            token: AccessToken::of(claims.sub, token),
            expires_at: claims.exp,
            is_anonymous: claims.is_anonymous,
        };
        Ok(Verified { user, until, signed_by })
    }
}
