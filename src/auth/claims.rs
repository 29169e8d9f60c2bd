//! What an access token claims, and whether it may be believed at this moment. Pure.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use uuid::Uuid;

use super::invalid_token;
use crate::error::ApiError;

/// How far apart clocks may be, in seconds. PostgREST allows the same.
pub(super) const LEEWAY: i64 = 30;

/// The claims this server reads.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: Uuid,
    pub(super) exp: i64,
    nbf: Option<i64>,
    iat: Option<i64>,
    role: Option<String>,
    #[serde(default)]
    pub(super) is_anonymous: bool,
}

impl Claims {
    /// Reads the claims of a token that `key` has signed for this project.
    pub(super) fn read(
        token: &str,
        key: &DecodingKey,
        algorithm: Algorithm,
        issuer: &str,
    ) -> Result<Self, ApiError> {
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&["authenticated"]);
        // Some projects write their address with a slash at its end.
        validation.set_issuer(&[issuer, &format!("{issuer}/")]);
        validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        // Times are checked against our own clock, below.
        validation.validate_exp = false;
        jsonwebtoken::decode::<Self>(token, key, &validation)
            .map_err(|error| invalid_token(error.to_string()))?
            .claims
            .of_a_user()
    }

    /// Reads the claims of a token whose signature somebody else has to check.
    pub(super) fn read_unverified(token: &str) -> Result<Self, ApiError> {
        jsonwebtoken::dangerous::insecure_decode::<Self>(token)
            .map_err(|error| invalid_token(error.to_string()))?
            .claims
            .of_a_user()
    }

    /// Project keys that are tokens themselves are no users.
    fn of_a_user(self) -> Result<Self, ApiError> {
        match self.role.as_deref() {
            None | Some("authenticated") => Ok(self),
            Some(role) => Err(invalid_token(format!("its role is {role}"))),
        }
    }

    /// Whether the token is good at `now`, in seconds since 1970.
    pub(super) fn check_times(&self, now: i64) -> Result<(), ApiError> {
        if self.exp.saturating_add(LEEWAY) <= now {
            return Err(expired());
        }
        let not_before = self.nbf.into_iter().chain(self.iat).max().unwrap_or(i64::MIN);
        if not_before > now.saturating_add(LEEWAY) {
            return Err(ApiError::unauthorized(
                "token_not_yet_valid",
                "The access token is not valid yet. Check the clock of the device and the server.",
            ));
        }
        Ok(())
    }
}

pub(super) fn expired() -> ApiError {
    ApiError::unauthorized("token_expired", "Your session has expired. Sign in again.")
}
