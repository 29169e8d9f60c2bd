//! Supabase Auth: the published keys, and who a token belongs to.

use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;
use uuid::Uuid;

use super::answer::{Answer, Reading};
use super::service::Service;
use super::{AccessToken, Caller, Supabase, SupabaseError};

/// No answer of Auth is longer.
const MAX_BYTES: usize = 1 << 20;

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
        let answer = self.auth("/.well-known/jwks.json", Caller::Anon).await?;
        let Keys { keys } = serde_json::from_slice(&answer.body)?;
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Ok(JwkSet { keys })
    }

    /// Asks Auth whose token this is. `TokenRefused`, `TokenExpired` and `UserNotFound` are its word
    /// about the token; every other error is not the token's fault.
    pub async fn user(&self, token: &AccessToken) -> Result<AuthUser, SupabaseError> {
        let answer = self.auth("/user", Caller::User(token)).await?;
        Ok(serde_json::from_slice(&answer.body)?)
    }

    /// The version of Auth, if it reports it.
    pub async fn auth_version(&self) -> Result<Option<String>, SupabaseError> {
        #[derive(Deserialize)]
        struct Health {
            version: Option<String>,
        }
        let answer = self.auth("/health", Caller::Anon).await?;
        Ok(serde_json::from_slice::<Health>(&answer.body)?.version)
    }

    /// `iss` of the project's tokens, if Auth reports it.
    pub async fn issuer(&self) -> Result<Option<String>, SupabaseError> {
        #[derive(Deserialize)]
        struct Configuration {
            issuer: Option<String>,
        }
        let answer = self.auth("/.well-known/openid-configuration", Caller::Anon).await?;
        Ok(serde_json::from_slice::<Configuration>(&answer.body)?.issuer)
    }

    /// Deletes a user, with the service key. `UserNotFound` if there is none.
    pub async fn delete_user(&self, user_id: Uuid) -> Result<(), SupabaseError> {
        let request = || {
            let address = self.address(&format!("/auth/v1/admin/users/{user_id}"));
            self.authorized(self.inner.http.delete(address), Caller::Service)
        };
        let reading = Reading::whole(Caller::Service, MAX_BYTES);
        self.ask(Service::Auth, true, reading, request).await.map(drop)
    }

    async fn auth(&self, path: &str, caller: Caller<'_>) -> Result<Answer, SupabaseError> {
        let request = || {
            let address = self.address(&format!("/auth/v1{path}"));
            self.authorized(self.inner.http.get(address), caller)
        };
        self.ask(Service::Auth, true, Reading::whole(caller, MAX_BYTES), request).await
    }
}
