//! Keeps sign-ins alive. A refresh token is used once in all replicas: authorization servers take the second
//! use for a theft, and end the sign-in.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;
use uuid::Uuid;

use super::exchange::{Answer, NoAnswer};
use super::grant::{Access, Grant};
use super::{OAuth, SignInError};
use crate::agent::Credentials;
use crate::database::{self, ClaimToolRefresh, RefreshClaim};
use crate::supabase::Caller;

/// How often, and how long in all, another replica's refresh is waited for.
const POLL: Duration = Duration::from_millis(100);
const MAX_POLLS: u32 = 150;

impl OAuth {
    /// A token of the user's for the server. `refused` is the version of one that the server does not take.
    pub(in crate::tool_sources::mcp) async fn access(
        self: &Arc<Self>,
        credentials: &Arc<Credentials>,
        refused: Option<i64>,
    ) -> Result<Access, SignInError> {
        if let Some(access) = self.current(credentials, refused).await? {
            return Ok(access);
        }
        let (oauth, credentials) = (self.clone(), credentials.clone());
        // A refresh that has begun is ended, whatever becomes of the call.
        let refreshed = tokio::spawn(async move {
            let key = (oauth.label.clone(), credentials.user_id);
            let turn = oauth.refreshing.get_or_insert_with(&key, || Ok::<_, ()>(Arc::default()));
            let turn = turn.unwrap_or_default();
            let _turn = turn.lock().await;
            oauth.refresh_in_turn(&credentials, refused).await
        });
        refreshed.await.unwrap_or_else(|_| Err(self.failed("the sign-in cannot be renewed.")))
    }

    /// The token that is stored, if it is still good. `Err` without a sign-in.
    async fn current(
        &self,
        credentials: &Credentials,
        refused: Option<i64>,
    ) -> Result<Option<Access>, SignInError> {
        let (grant, version) =
            self.load(credentials).await?.ok_or_else(|| self.sign_in_needed())?;
        let is_good = refused != Some(version) && !grant.is_ending(self.now());
        Ok(is_good.then_some(Access { token: grant.access_token, version }))
    }

    async fn refresh_in_turn(
        &self,
        credentials: &Arc<Credentials>,
        refused: Option<i64>,
    ) -> Result<Access, SignInError> {
        let run = Uuid::new_v4();
        for _ in 0..MAX_POLLS {
            // Somebody else may have renewed it meanwhile.
            if let Some(access) = self.current(credentials, refused).await? {
                return Ok(access);
            }
            let (grant, version) =
                self.load(credentials).await?.ok_or_else(|| self.sign_in_needed())?;
            let token = credentials.token();
            let claim = ClaimToolRefresh { p_source: &self.label, p_version: version, p_run: run };
            let rest = self.services.supabase.rest(Caller::User(&token));
            let claim = database::call(rest, &claim).await;
            match claim.map_err(|_| self.failed("the sign-in cannot be renewed at the moment."))? {
                RefreshClaim::Claimed => {
                    return self.refresh(credentials, grant, version, run).await;
                }
                RefreshClaim::Changed => {}
                RefreshClaim::Busy => tokio::time::sleep(POLL).await,
                RefreshClaim::Lost | RefreshClaim::Missing => return Err(self.sign_in_needed()),
            }
        }
        Err(self.failed("another server renews the sign-in for too long."))
    }

    async fn refresh(
        &self,
        credentials: &Arc<Credentials>,
        mut grant: Grant,
        version: i64,
        run: Uuid,
    ) -> Result<Access, SignInError> {
        let (user, token) = (credentials.user_id, credentials.token());
        let (who, run) = ((user, &token), Some(run));
        let refresh_token = grant.refresh_token.clone();
        let Some(refresh_token) = refresh_token else { return Err(self.sign_in_needed()) };
        let endpoint = Url::parse(&grant.token_endpoint).map_err(|_| self.sign_in_needed())?;
        let client = self.client_of(&grant.client_id);
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", &refresh_token),
            ("resource", &grant.resource),
        ];
        let answer = self.token(endpoint, &client, grant.takes_basic, &fields).await;
        match answer {
            Ok(Answer { status, json, .. }) if status.is_success() => {
                // Saved before it is used: the old one is worth nothing from here on.
                grant.take(&json, self.now()).ok_or_else(|| self.unavailable())?;
                self.store(who, Some(&grant), run).await?;
                Ok(Access { token: grant.access_token, version: version + 1 })
            }
            Ok(Answer { json, .. }) if json.get("error") == Some(&Value::from("invalid_grant")) => {
                self.store(who, None, run).await?;
                Err(self.sign_in_needed())
            }
            // Nothing has happened: the next one may try again at once.
            Ok(Answer { status, .. }) if status.is_client_error() => {
                self.store(who, Some(&grant), run).await?;
                Err(self.unavailable())
            }
            Err(NoAnswer { may_have_happened: false }) => {
                self.store(who, Some(&grant), run).await?;
                Err(self.unavailable())
            }
            // Nobody knows. The claim ends by itself, and is given once more.
            _ => Err(self.unavailable()),
        }
    }

    fn unavailable(&self) -> SignInError {
        self.failed("its authorization server does not renew the sign-in at the moment.")
    }

    pub(super) fn sign_in_needed(&self) -> SignInError {
        let label = &self.label;
        SignInError(format!("You are not signed in at {label}. Connect it, then ask again."))
    }
}
