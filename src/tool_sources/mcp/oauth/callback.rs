//! The end of a sign-in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::IntoParams;

use super::grant::Grant;
use super::start::PendingSignIn;
use super::{OAuth, SignInError};
use crate::seal::Purpose;
use crate::supabase::AccessToken;

/// With what an authorization server sends the user back.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Callback {
    /// What the sign-in started with.
    pub state: String,
    /// What is exchanged for the tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Who answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Whether the user has confirmed whose account is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<bool>,
}

impl Callback {
    /// The query with which the user confirms.
    pub fn confirmed(&self) -> String {
        let confirmed = Self { confirm: Some(true), ..self.clone() };
        serde_urlencoded::to_string(confirmed).unwrap_or_default()
    }
}

impl OAuth {
    /// Whose account a sign-in is for. Somebody may have been sent here to sign in for another's.
    pub fn account(&self, callback: &Callback) -> Result<String, SignInError> {
        let sign_in = self.open(&callback.state)?;
        let payload = sign_in.token.split('.').nth(1).unwrap_or_default();
        let claims = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
        let email = claims.get("email").and_then(Value::as_str).filter(|email| !email.is_empty());
        Ok(email.map_or_else(|| format!("without an address ({})", sign_in.user), str::to_owned))
    }

    /// Ends a sign-in: the code is sent to the authorization server with which it started, and to no other.
    pub async fn finish(&self, callback: &Callback) -> Result<(), SignInError> {
        let sign_in = self.open(&callback.state)?;
        let is_other = callback.iss.as_ref().is_some_and(|iss| *iss != sign_in.issuer);
        if is_other || callback.iss.is_none() && sign_in.names_itself {
            return Err(self.failed("another authorization server has answered."));
        }
        let refused = || self.failed("it was not allowed. Try again if that was a mistake.");
        let code = callback.code.as_deref().ok_or_else(refused)?;
        let failed = || self.failed("its authorization server has refused the sign-in.");
        let endpoint = Url::parse(&sign_in.token_endpoint).map_err(|_| failed())?;
        let redirect_uri = self.redirect_uri();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &sign_in.verifier),
            ("resource", &sign_in.resource),
        ];
        let client = self.client_of(&sign_in.client_id);
        let answer = self.token(endpoint, &client, sign_in.takes_basic, &fields).await;
        let answer = answer.ok().filter(|answer| answer.status.is_success()).ok_or_else(failed)?;
        let mut grant = Grant {
            issuer: sign_in.issuer,
            token_endpoint: sign_in.token_endpoint,
            takes_basic: sign_in.takes_basic,
            client_id: sign_in.client_id,
            resource: sign_in.resource,
            access_token: String::new(),
            refresh_token: None,
            expires_at: None,
        };
        grant.take(&answer.json, self.now()).ok_or_else(failed)?;
        let token = AccessToken::new(&sign_in.token);
        match self.store((sign_in.user, &token), Some(&grant), None).await? {
            true => Ok(()),
            false => Err(self.failed("you are signed in at too many servers.")),
        }
    }

    fn open(&self, state: &str) -> Result<PendingSignIn, SignInError> {
        let text = self.keys()?.decrypt(Purpose::ToolSignIn, &[self.label.as_bytes()], state);
        let sign_in =
            text.and_then(|text| serde_json::from_str::<PendingSignIn>(text.expose_secret()).ok());
        let sign_in = sign_in.filter(|sign_in: &PendingSignIn| sign_in.expires_at >= self.now());
        sign_in.ok_or_else(|| {
            self.failed("this sign-in has ended or did not start here. Begin again.")
        })
    }
}
