//! How a server knows who calls.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::oauth::{OAuth, SignIns};
use crate::agent::Credentials;
use crate::config::FileConfig;
use crate::config::file::mcp::{McpAuth, McpTools};
use crate::seal::sha256;

/// How a server knows who calls, with the secrets in their places.
pub(super) enum Auth {
    None,
    Secret(HeaderName, SecretString),
    User,
    SignIn(Arc<OAuth>),
}

/// What a request carries.
pub(super) struct Credential {
    pub(super) headers: HashMap<HeaderName, HeaderValue>,
    pub(super) digest: [u8; 32],
    secret: Option<SecretString>,
    /// Which of a user's sign-ins it is, where they can be renewed.
    pub(super) version: Option<i64>,
}

impl Auth {
    pub(super) fn new(
        entry: &McpTools,
        file: &FileConfig,
        sign_ins: &SignIns,
    ) -> Result<Self, String> {
        match &entry.auth {
            McpAuth::None => Ok(Self::None),
            McpAuth::Secret { header, value } => {
                let header = header.parse().map_err(|_| "auth.header: is no header's name")?;
                Ok(Self::Secret(header, file.filled(value)))
            }
            McpAuth::User => Ok(Self::User),
            McpAuth::Oauth { .. } => {
                let oauth =
                    sign_ins.find_in(file, &entry.name).ok_or("auth: oauth needs public_url")?;
                Ok(Self::SignIn(oauth))
            }
        }
    }

    /// What a person is told whose renewed sign-in is refused.
    pub(super) fn sentence_of_refusal(&self, label: &str) -> String {
        format!("{label} does not accept your sign-in. Connect it again.")
    }

    /// Whether all users are the same to the server.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::None | Self::Secret(..))
    }

    /// What the requests of a user carry. `refused` is the version of a sign-in that the server does not take.
    /// `Err` is a sentence for the person.
    pub(super) async fn credential(
        &self,
        credentials: &Arc<Credentials>,
        refused: Option<i64>,
    ) -> Result<Credential, String> {
        match self {
            Self::None => Ok(Credential::none()),
            Self::Secret(header, value) => Credential::new(header.clone(), value.expose_secret()),
            Self::User => Credential::bearer(credentials.token().expose_secret()),
            Self::SignIn(oauth) => {
                let access = oauth.access(credentials, refused).await.map_err(|error| error.0)?;
                let version = Some(access.version);
                Ok(Credential { version, ..Credential::bearer(&access.token)? })
            }
        }
    }
}

impl Credential {
    fn none() -> Self {
        Self { headers: HashMap::new(), digest: digest(""), secret: None, version: None }
    }

    fn bearer(token: &str) -> Result<Self, String> {
        Self::new(AUTHORIZATION, &format!("Bearer {token}"))
    }

    fn new(header: HeaderName, value: &str) -> Result<Self, String> {
        let mut content = HeaderValue::from_str(value)
            .map_err(|_| "The credential of this server cannot be sent in a header.".to_owned())?;
        content.set_sensitive(true);
        // Without its scheme, `Bearer`.
        let secret = value.rsplit(' ').next().map(SecretString::from);
        let headers = HashMap::from([(header, content)]);
        Ok(Self { headers, digest: digest(value), secret, version: None })
    }

    /// The secret, unless it is so short that it may be a usual word.
    pub(super) fn worth_hiding(&self) -> Option<&str> {
        self.secret.as_ref().map(ExposeSecret::expose_secret).filter(|secret| secret.len() >= 8)
    }
}

fn digest(text: &str) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(sha256(text.as_bytes()).as_ref());
    digest
}
