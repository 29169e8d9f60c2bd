//! Verifies access tokens.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey};
use secrecy::{ExposeSecret, SecretString};

use super::claims::{Claims, LEEWAY, check_signature, expired};
use super::current_user::CurrentUser;
use super::errors::{anonymous_refused, invalid_token};
use super::remote_verifier::RemoteVerifier;
use super::signing_keys::{SigningKey, SigningKeys};
use super::verified_tokens::{self, Key, Verified, VerifiedTokens, hash};
use crate::clock::Clock;
use crate::config::FileHandle;
use crate::http::error::ApiError;
use crate::supabase::{AccessToken, Supabase};

/// How long a confirmation by Supabase Auth is cached, in seconds.
const REMOTE_TTL: i64 = 60;

/// The settings of a [`Verifier`].
pub struct VerifierSettings {
    /// `iss` of the project's tokens: its public address and `/auth/v1`.
    pub issuer: String,
    /// The legacy HS256 secret.
    pub jwt_secret: Option<SecretString>,
    /// Whether the project's own keys are tokens signed with the legacy secret.
    pub has_legacy_keys: bool,
    /// Whether anonymous users are accepted.
    pub allow_anonymous_users: bool,
    /// The configuration file, which says where a token names its user's plan.
    pub file: FileHandle,
}

/// Verifies access tokens. Clones share keys and the cache of verified tokens.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

struct Inner {
    settings: VerifierSettings,
    secret: Option<DecodingKey>,
    supabase: Supabase,
    keys: SigningKeys,
    auth: RemoteVerifier,
    verified: VerifiedTokens,
    clock: Clock,
}

/// How the tokens of the project are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationMode {
    /// With published keys or the legacy secret.
    Alone,
    /// Only by asking Supabase Auth.
    ThroughAuth,
}

impl Verifier {
    /// A verifier for one project.
    pub fn new(supabase: Supabase, settings: VerifierSettings, clock: Clock) -> Self {
        let secret = settings
            .jwt_secret
            .as_ref()
            .map(|s| DecodingKey::from_secret(s.expose_secret().as_bytes()));
        let keys = SigningKeys::new(supabase.clone(), clock.clone());
        let has_legacy_keys = settings.has_legacy_keys;
        let auth =
            RemoteVerifier::new(supabase.clone(), keys.clone(), has_legacy_keys, clock.clone());
        let verified = verified_tokens::cache();
        Self { inner: Arc::new(Inner { settings, secret, supabase, keys, auth, verified, clock }) }
    }

    /// The user of a token. 401 if it is invalid, 403 for an anonymous user if those are not accepted, 503
    /// if the token cannot be verified at the moment.
    pub async fn verify(&self, token: &str) -> Result<CurrentUser, ApiError> {
        if let Some(user) = self.cached(token).await? {
            return Ok(user);
        }
        let verified = self.verify_uncached(token).await?;
        self.inner.verified.insert(Key(verified.user.token.clone()), verified.clone());
        Ok(verified.user)
    }

    /// Verifies a token again that Supabase refused although it was valid here: its key may have been
    /// revoked. In that case, 401.
    pub async fn verify_again(&self, token: &AccessToken) -> Result<(), ApiError> {
        self.inner.verified.remove(token.expose_secret());
        self.inner.keys.invalidate();
        self.verify(token.expose_secret()).await.map(|_| ())
    }

    /// How tokens are verified at the moment; 503 if they cannot be.
    pub async fn verification_mode(&self) -> Result<VerificationMode, ApiError> {
        let is_alone = self.inner.secret.is_some() || self.inner.keys.are_published().await?;
        Ok(if is_alone { VerificationMode::Alone } else { VerificationMode::ThroughAuth })
    }

    async fn cached(&self, token: &str) -> Result<Option<CurrentUser>, ApiError> {
        let Some(verified) = self.inner.verified.get(token) else { return Ok(None) };
        let is_current = match &verified.signed_by {
            Some((kid, key)) => {
                self.inner.keys.get(kid).await?.is_some_and(|now| Arc::ptr_eq(&now, key))
            }
            None => true,
        };
        if is_current && self.now() < verified.until {
            return Ok(Some(verified.user));
        }
        self.inner.verified.remove(token);
        Ok(None)
    }

    async fn verify_uncached(&self, token: &str) -> Result<Verified, ApiError> {
        let header =
            jsonwebtoken::decode_header(token).map_err(|error| invalid_token(error.to_string()))?;
        if header.crit.is_some() {
            return Err(invalid_token("it has critical extensions"));
        }
        // Claims come first: no requests are made about a token that cannot be valid.
        let claims = Claims::read(token, &self.inner.settings.issuer)?;
        claims.check_times(self.now(), self.inner.supabase.clock_ahead())?;
        let end = claims.exp.saturating_add(LEEWAY);
        match (header.alg, &self.inner.secret) {
            (Algorithm::HS256, Some(secret)) => {
                check_signature(token, secret, Algorithm::HS256)?;
                self.accept(token, &claims, end, None)
            }
            (Algorithm::HS256, None) => {
                let user = self.inner.auth.user(token, hash(token), claims.session()).await?;
                if user.id != claims.sub {
                    return Err(invalid_token("Supabase Auth says it is somebody else's"));
                }
                let until = claims.exp.min(self.now() + REMOTE_TTL);
                self.accept(token, &claims, until, None)
            }
            (algorithm, _) => {
                let kid = header.kid.ok_or_else(|| invalid_token("it names no key"))?;
                let key = self.inner.keys.get(&kid).await?;
                let key = key.ok_or_else(|| invalid_token("its key is not published"))?;
                if key.algorithm != algorithm {
                    return Err(invalid_token("its algorithm is not its key's"));
                }
                check_signature(token, &key.key, algorithm)?;
                self.accept(token, &claims, end, Some((kid.into(), key)))
            }
        }
    }

    fn accept(
        &self,
        token: &str,
        claims: &Claims,
        until: i64,
        signed_by: Option<(Arc<str>, Arc<SigningKey>)>,
    ) -> Result<Verified, ApiError> {
        if claims.is_anonymous && !self.inner.settings.allow_anonymous_users {
            return Err(anonymous_refused());
        }
        if until <= self.now() {
            return Err(expired());
        }
        let user = CurrentUser {
            id: claims.sub,
            token: AccessToken::for_user(claims.sub, token),
            expires_at: claims.exp,
            is_anonymous: claims.is_anonymous,
            plan: claims.plan(&self.inner.settings.file.current().plan_claim),
            role: claims.app_role(),
        };
        Ok(Verified { user, until, signed_by })
    }

    fn now(&self) -> i64 {
        self.inner.clock.unix_seconds()
    }
}
