//! What a user has granted, as it is stored: encrypted, in the user's own row.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{Client, OAuth, SignInError};
use crate::agent::Credentials;
use crate::database::{self, SaveToolToken, ToolToken};
use crate::seal::Purpose;
use crate::supabase::{AccessToken, Caller};

/// How long before its end a token is replaced, in seconds.
const EARLY: i64 = 60;

/// What a user has granted.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    /// Who signed the user in. Nobody else ever gets these tokens.
    pub(super) issuer: String,
    pub(super) token_endpoint: String,
    pub(super) takes_basic: bool,
    pub(super) client_id: String,
    pub(super) resource: String,
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    /// In seconds since 1970; none where the authorization server does not say.
    pub(super) expires_at: Option<i64>,
}

/// A token for the server.
pub(in crate::tool_sources::mcp) struct Access {
    pub(in crate::tool_sources::mcp) token: String,
    /// The version of what is stored.
    pub(in crate::tool_sources::mcp) version: i64,
}

impl Grant {
    /// Takes the tokens of an answer. One without a new refresh token keeps the one there is.
    pub(super) fn take(&mut self, answer: &Value, now: i64) -> Option<()> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let is_bearer = text("token_type").is_none_or(|kind| kind.eq_ignore_ascii_case("bearer"));
        self.access_token = text("access_token").filter(|token| is_bearer && !token.is_empty())?;
        self.refresh_token = text("refresh_token").or_else(|| self.refresh_token.take());
        let lifetime = answer
            .get("expires_in")
            .and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
        self.expires_at = lifetime.map(|lifetime| now.saturating_add(lifetime));
        Some(())
    }

    pub(super) fn is_ending(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|end| end <= now + EARLY)
    }
}

impl OAuth {
    /// The client as the authorization server knows it.
    pub(super) fn client_of(&self, client_id: &str) -> Client {
        let secret = self.client.as_ref().filter(|client| client.id == client_id);
        Client { id: client_id.to_owned(), secret: secret.and_then(|client| client.secret.clone()) }
    }

    pub(super) async fn load(
        &self,
        credentials: &Credentials,
    ) -> Result<Option<(Grant, i64)>, SignInError> {
        let keys = self.keys()?;
        let token = credentials.token();
        let rest = self.services.supabase.rest(Caller::User(&token));
        let stored = database::call(rest, &ToolToken { p_source: &self.label }).await;
        let stored =
            stored.map_err(|_| self.failed("the sign-in cannot be read at the moment."))?;
        let Some(stored) = stored else { return Ok(None) };
        let user = credentials.user_id;
        // One that no key of ours opens is as good as none.
        let text = keys.decrypt(Purpose::ToolToken, &self.fields(&user), &stored.sealed);
        let grant = text.and_then(|text| serde_json::from_str(text.expose_secret()).ok());
        Ok(grant.map(|grant| (grant, stored.version)))
    }

    /// Stores what is granted; with a run only if the refresh is still that run's.
    pub(super) async fn store(
        &self,
        (user, token): (Uuid, &AccessToken),
        grant: Option<&Grant>,
        run: Option<Uuid>,
    ) -> Result<bool, SignInError> {
        let failed = || self.failed("the sign-in cannot be stored at the moment.");
        let sealed = grant.map(|grant| {
            let text = serde_json::to_string(grant).map_err(|_| failed())?;
            let sealed = self.keys()?.encrypt(Purpose::ToolToken, &self.fields(&user), &text);
            sealed.map_err(|_| failed())
        });
        let sealed = sealed.transpose()?;
        let save = SaveToolToken { p_source: &self.label, p_sealed: sealed.as_deref(), p_run: run };
        let rest = self.services.supabase.rest(Caller::User(token));
        database::call(rest, &save).await.map_err(|_| failed())
    }

    /// Forgets a user's sign-in.
    pub async fn disconnect(&self, user: Uuid, token: &AccessToken) -> Result<bool, SignInError> {
        self.store((user, token), None, None).await
    }

    /// What a sign-in is bound to: the user, and the server for which it was granted.
    fn fields<'a>(&'a self, user: &'a Uuid) -> [&'a [u8]; 3] {
        [user.as_bytes(), self.label.as_bytes(), self.server.as_str().as_bytes()]
    }
}
