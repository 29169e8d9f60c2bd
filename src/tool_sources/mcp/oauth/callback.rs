//! The end of a sign-in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::IntoParams;

use super::grant::Grant;
use super::start::Begun;
use super::{OAuth, SignInError};
use crate::seal::Purpose;
use crate::supabase::AccessToken;

/// With what an authorization server sends the user back.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Callback {
    /// What the sign-in was begun with.
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
        let begun = self.open(&callback.state)?;
        let payload = begun.token.split('.').nth(1).unwrap_or_default();
        let claims = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
        let email = claims.get("email").and_then(Value::as_str).filter(|email| !email.is_empty());
        Ok(email.map_or_else(|| format!("without an address ({})", begun.user), str::to_owned))
    }

    /// Ends a sign-in: the code is sent to the authorization server with which it was begun, and to no other.
    pub async fn finish(&self, callback: &Callback) -> Result<(), SignInError> {
        let begun = self.open(&callback.state)?;
        let is_other = callback.iss.as_ref().is_some_and(|iss| *iss != begun.issuer);
        if is_other || callback.iss.is_none() && begun.names_itself {
            return Err(self.failed("another authorization server has answered."));
        }
        let refused = || self.failed("it was not allowed. Try again if that was a mistake.");
        let code = callback.code.as_deref().ok_or_else(refused)?;
        let failed = || self.failed("its authorization server has refused the sign-in.");
        let endpoint = Url::parse(&begun.token_endpoint).map_err(|_| failed())?;
        let redirect_uri = self.redirect_uri();
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &begun.verifier),
            ("resource", &begun.resource),
        ];
        let client = self.client_of(&begun.client_id);
        let answer = self.token(endpoint, &client, begun.takes_basic, &fields).await;
        let answer = answer.ok().filter(|answer| answer.status.is_success()).ok_or_else(failed)?;
        let mut grant = Grant {
            issuer: begun.issuer,
            token_endpoint: begun.token_endpoint,
            takes_basic: begun.takes_basic,
            client_id: begun.client_id,
            resource: begun.resource,
            access_token: String::new(),
            refresh_token: None,
            expires_at: None,
        };
        grant.take(&answer.json, self.now()).ok_or_else(failed)?;
        let token = AccessToken::new(&begun.token);
        match self.store((begun.user, &token), Some(&grant), None).await? {
            true => Ok(()),
            false => Err(self.failed("you are signed in at too many servers.")),
        }
    }

    fn open(&self, state: &str) -> Result<Begun, SignInError> {
        let text = self.keys()?.decrypt(Purpose::ToolSignIn, &[self.label.as_bytes()], state);
        let begun = text.and_then(|text| serde_json::from_str::<Begun>(text.expose_secret()).ok());
        let begun = begun.filter(|begun| begun.expires_at >= self.now());
        begun.ok_or_else(|| {
            self.failed("this sign-in has ended or was not begun here. Begin again.")
        })
    }
}
