//! The beginning of a sign-in.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::discovery::Discovered;
use super::{OAuth, SignInError};
use crate::seal::Purpose;
use crate::supabase::AccessToken;

/// How long a sign-in may take, in seconds.
const PATIENCE: i64 = 600;

/// A sign-in that has started. It travels with the user's browser, encrypted, so that any replica can end it.
#[derive(Serialize, Deserialize)]
pub(super) struct PendingSignIn {
    pub(super) user: Uuid,
    /// The user's access token, in whose name the sign-in is stored.
    pub(super) token: String,
    pub(super) expires_at: i64,
    pub(super) issuer: String,
    pub(super) names_itself: bool,
    pub(super) token_endpoint: String,
    pub(super) takes_basic: bool,
    pub(super) client_id: String,
    pub(super) resource: String,
    pub(super) verifier: String,
}

impl OAuth {
    /// The address at which the user signs in.
    pub async fn start(&self, user: Uuid, token: &AccessToken) -> Result<String, SignInError> {
        self.keys()?;
        let discovered = self.discover().await?;
        let sign_in = PendingSignIn {
            user,
            token: token.expose_secret().to_owned(),
            expires_at: self.now() + PATIENCE,
            issuer: discovered.issuer.clone(),
            names_itself: discovered.names_itself,
            token_endpoint: discovered.token_endpoint.to_string(),
            takes_basic: discovered.takes_basic,
            client_id: self.client_id(&discovered)?,
            resource: discovered.resource.clone(),
            verifier: format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()),
        };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, sign_in.verifier.as_bytes()));
        let state = self.seal(&sign_in)?;
        let mut url = discovered.authorization_endpoint;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &sign_in.client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", &state)
            .append_pair("resource", &sign_in.resource);
        if let Some(scope) = &discovered.scope {
            url.query_pairs_mut().append_pair("scope", scope);
        }
        Ok(url.into())
    }

    /// A client that was registered, else the address of this server's metadata.
    fn client_id(&self, discovered: &Discovered) -> Result<String, SignInError> {
        match &self.client {
            Some(client) => Ok(client.id.clone()),
            None if discovered.takes_documents => Ok(self.metadata_url()),
            None => Err(self.failed(
                "its authorization server wants a registered client. Register one there, and name it in \
                 the configuration file (auth.client_id).",
            )),
        }
    }

    fn seal(&self, sign_in: &PendingSignIn) -> Result<String, SignInError> {
        let text = serde_json::to_string(sign_in).map_err(|_| self.failed("it cannot begin."))?;
        let sealed = self.keys()?.encrypt(Purpose::ToolSignIn, &[self.label.as_bytes()], &text);
        sealed.map_err(|_| self.failed("it cannot begin."))
    }
}
