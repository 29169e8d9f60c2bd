//! Reading an access token: its signature, its claims, its time.

use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::SigningKeys;

/// The claims that identify the caller.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: Option<String>,
    pub(super) role: Option<String>,
    pub(super) session_id: Option<String>,
    exp: Option<i64>,
    nbf: Option<i64>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// Why a token is invalid. Auth, PostgREST and Storage each word these differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenError {
    /// Not three parts, but this many.
    Parts(usize),
    /// The header cannot be read.
    Header,
    /// It names none of the signing keys.
    UnknownKey,
    /// The signature is invalid.
    Signature,
    /// The signature is valid, but the claims cannot be read.
    Claims,
    /// The token has expired.
    Expired,
    /// The token is not valid yet.
    NotYetValid,
}

impl Claims {
    /// All of them, as `auth.jwt()` shows them.
    pub(super) fn into_map(self) -> Map<String, Value> {
        let mut claims = self.others;
        let texts = [("sub", self.sub), ("role", self.role), ("session_id", self.session_id)];
        claims
            .extend(texts.into_iter().filter_map(|(name, text)| Some((name.into(), text?.into()))));
        let times = [("exp", self.exp), ("nbf", self.nbf)];
        claims
            .extend(times.into_iter().filter_map(|(name, time)| Some((name.into(), time?.into()))));
        claims
    }

    /// Checks the signature and reads the claims.
    pub(super) fn verify(token: &str, keys: &SigningKeys) -> Result<Self, TokenError> {
        let parts = token.split('.').count();
        if parts != 3 {
            return Err(TokenError::Parts(parts));
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Header)?;
        let key = header.kid.and_then(|kid| keys.find(&kid)).ok_or(TokenError::UnknownKey)?;
        match jsonwebtoken::decode(token, key, &signature_only()) {
            Ok(data) => Ok(data.claims),
            Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => Err(TokenError::Claims),
            Err(_) => Err(TokenError::Signature),
        }
    }

    /// Checks `exp` and `nbf` at `now`, with a tolerance of `leeway` seconds.
    pub(super) fn check_time(&self, now: Timestamp, leeway: i64) -> Result<(), TokenError> {
        let now = now.as_second();
        if self.exp.is_some_and(|exp| now - leeway > exp) {
            return Err(TokenError::Expired);
        }
        if self.nbf.is_some_and(|nbf| now + leeway < nbf) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

/// The library would use the machine's clock, so `exp` and `nbf` are checked by `check_time`.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}
