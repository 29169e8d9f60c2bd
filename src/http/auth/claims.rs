//! The claims of an access token and the checks of its times. Pure.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::errors::invalid_token;
use crate::http::error::ApiError;
use crate::supabase::AccessToken;

/// How long a token is still accepted after it expired, in seconds. PostgREST allows the same.
pub(super) const LEEWAY: i64 = 30;
/// How far in the future a token may have been issued, in seconds: its signature proves that Auth issued
/// it, so this server's clock is late.
const MAX_EARLY: i64 = 300;

/// The claims this server reads.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: Uuid,
    pub(super) exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
    iss: String,
    aud: Audience,
    role: Option<String>,
    #[serde(default)]
    pub(super) is_anonymous: bool,
    /// All others.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The longest role of an application.
const MAX_ROLE: usize = 200;
/// The longest id of a session, which is a UUID.
const MAX_SESSION_ID: usize = 64;
/// The longest name of a plan, as in the configuration file.
const MAX_PLAN: usize = 64;

impl Claims {
    /// The text at this path in claims that are not this server's own, such as `app_metadata.plan`.
    pub(super) fn plan(&self, path: &[String]) -> Option<Arc<str>> {
        plan(&self.others, path)
    }

    /// `app_metadata.role`, which only the service key can set.
    pub(super) fn app_role(&self) -> Option<String> {
        let role = self.others.get("app_metadata")?.get("role")?.as_str()?;
        (!role.is_empty() && role.len() <= MAX_ROLE).then(|| role.to_owned())
    }

    /// What stays when the user's token is renewed, and what nobody else can guess: the user and the session.
    pub(super) fn session(&self) -> Option<String> {
        let id = self.others.get("session_id")?.as_str()?;
        (id.len() <= MAX_SESSION_ID).then(|| format!("{} {id}", self.sub))
    }

    /// Reads the claims of a token for this project's users. Does not verify the signature.
    pub(super) fn read(token: &str, issuer: &str) -> Result<Self, ApiError> {
        let claims = jsonwebtoken::dangerous::insecure_decode::<Self>(token)
            .map_err(|error| invalid_token(error.to_string()))?
            .claims;
        // Some projects have a trailing slash in their issuer.
        if claims.iss.strip_suffix('/').unwrap_or(&claims.iss) != issuer {
            return Err(invalid_token("another project has issued it"));
        }
        let is_for_users = match &claims.aud {
            Audience::One(audience) => audience == "authenticated",
            Audience::Several(audiences) => audiences.iter().any(|one| one == "authenticated"),
        };
        if !is_for_users {
            return Err(invalid_token("its audience is another"));
        }
        // Legacy project keys are tokens too, but not of users.
        match claims.role.as_deref() {
            None | Some("authenticated") => Ok(claims),
            Some(role) => Err(invalid_token(format!("its role is {role}"))),
        }
    }

    /// Checks that the token is valid at `now`, in seconds since 1970. `ahead` is by how many seconds
    /// Supabase's clock is ahead of ours, if known: a token that has expired only by our clock is a 503,
    /// because a 401 would sign the user out.
    pub(super) fn check_times(&self, now: i64, ahead: Option<i64>) -> Result<(), ApiError> {
        let has_ended = |now: i64| self.exp.saturating_add(LEEWAY) <= now;
        if has_ended(now) {
            let ahead = ahead.filter(|ahead| ahead.saturating_abs() > LEEWAY);
            return Err(match ahead.filter(|ahead| !has_ended(now.saturating_add(*ahead))) {
                Some(ahead) => clock_skew(&format!("it is {} s fast", ahead.saturating_neg())),
                None => expired(),
            });
        }
        let not_before = self.nbf.into_iter().chain(self.iat).max().unwrap_or(i64::MIN);
        if not_before > now.saturating_add(MAX_EARLY) {
            let late = not_before.saturating_sub(now);
            return Err(clock_skew(&format!("a token was issued {late} s in the future")));
        }
        Ok(())
    }
}

fn plan(claims: &Map<String, Value>, path: &[String]) -> Option<Arc<str>> {
    let (first, rest) = path.split_first()?;
    let claim = rest.iter().try_fold(claims.get(first)?, |claim, name| claim.get(name))?;
    claim.as_str().filter(|name| name.len() <= MAX_PLAN).map(Arc::from)
}

/// The plan that a token names which has been verified.
pub fn plan_of(token: &AccessToken, path: &[String]) -> Option<Arc<str>> {
    let token = token.expose_secret();
    let claims = jsonwebtoken::dangerous::insecure_decode::<Map<String, Value>>(token).ok()?;
    plan(&claims.claims, path)
}

/// Whether a token that has been verified is of an anonymous user.
pub fn is_guest(token: &AccessToken) -> bool {
    #[derive(Deserialize)]
    struct Anonymous {
        #[serde(default)]
        is_anonymous: bool,
    }
    let claims = jsonwebtoken::dangerous::insecure_decode::<Anonymous>(token.expose_secret());
    claims.is_ok_and(|claims| claims.claims.is_anonymous)
}

/// Checks only the signature of a token.
pub(super) fn check_signature(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<(), ApiError> {
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims::<&str>(&[]);
    validation.validate_exp = false;
    validation.validate_aud = false;
    jsonwebtoken::decode::<IgnoredAny>(token, key, &validation)
        .map(drop)
        .map_err(|error| invalid_token(error.to_string()))
}

pub(super) fn expired() -> ApiError {
    ApiError::unauthorized("token_expired", "Your session has expired. Sign in again.")
}

/// 503: users cannot correct this server's clock.
fn clock_skew(cause: &str) -> ApiError {
    ApiError::unavailable(
        "clock_skew",
        "The clocks of this server and of Supabase differ, so sign-ins cannot be checked. The \
         operator has to set this server's clock.",
        Duration::from_secs(30),
    )
    .caused_by(format!("this server's clock is wrong: {cause}"))
}
