//! Supabase Auth: the published keys, and who a token belongs to.

use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use uuid::Uuid;

use super::{AccessToken, Caller, Supabase, SupabaseError, SupabaseErrorKind};

/// The user that Auth says a token belongs to.
#[derive(Clone, Debug, Deserialize)]
pub struct AuthUser {
    /// The user's id.
    pub id: Uuid,
    /// Signed in without an identity.
    #[serde(default)]
    pub is_anonymous: bool,
}

impl Supabase {
    /// The project's published signing keys; keys of kinds unknown to us are left out.
    pub async fn signing_keys(&self) -> Result<JwkSet, SupabaseError> {
        #[derive(Deserialize)]
        struct Keys {
            keys: Vec<serde_json::Value>,
        }
        let address = self.address("/auth/v1/.well-known/jwks.json");
        let request = self.authorized(self.inner.http.get(address), Caller::Nobody)?;
        let answer = self.send(request).await?;
        if !answer.status.is_success() {
            let message = format!("the key set answered HTTP {}", answer.status);
            return Err(SupabaseError::new(SupabaseErrorKind::Refused, message));
        }
        let Keys { keys } = serde_json::from_slice(&answer.body)?;
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Ok(JwkSet { keys })
    }

    /// Asks Auth whose token this is. `None`: Auth refuses it.
    pub async fn user(&self, token: &AccessToken) -> Result<Option<AuthUser>, SupabaseError> {
        let address = self.address("/auth/v1/user");
        let request = self.authorized(self.inner.http.get(address), Caller::User(token))?;
        let answer = self.send(request).await?;
        match answer.status.as_u16() {
            200 => Ok(Some(serde_json::from_slice(&answer.body)?)),
            401 | 403 | 404 => Ok(None),
            status => {
                let message = format!("auth answered HTTP {status} about a token");
                Err(SupabaseError::new(SupabaseErrorKind::Unreachable, message))
            }
        }
    }

    /// Whether PostgREST answers at all; its latency is the caller's to measure.
    pub async fn ping(&self) -> Result<(), SupabaseError> {
        let request = self.inner.http.get(self.address("/auth/v1/health"));
        let answer = self.send(self.authorized(request, Caller::Nobody)?).await?;
        if answer.status.is_server_error() {
            let message = format!("auth health answered HTTP {}", answer.status);
            return Err(SupabaseError::new(SupabaseErrorKind::Unreachable, message));
        }
        Ok(())
    }
}
