//! How a server knows who calls.

use std::collections::HashMap;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::agent::Credentials;
use crate::config::file::mcp::McpAuth;
use crate::seal::sha256;

/// How a server knows who calls, with the secrets in their places.
pub(super) enum Auth {
    None,
    Secret(HeaderName, SecretString),
    User,
}

/// What a request carries.
pub(super) struct Credential {
    pub(super) headers: HashMap<HeaderName, HeaderValue>,
    pub(super) digest: [u8; 32],
    secret: Option<SecretString>,
}

impl Auth {
    pub(super) fn new(
        auth: &McpAuth,
        secrets: &HashMap<String, SecretString>,
    ) -> Result<Self, String> {
        match auth {
            McpAuth::None => Ok(Self::None),
            McpAuth::Secret { header, value } => {
                let header = header.parse().map_err(|_| "auth.header: is no header's name")?;
                Ok(Self::Secret(header, filled(value, secrets)))
            }
            McpAuth::User => Ok(Self::User),
            McpAuth::Oauth { .. } => Err("auth: oauth is not available".into()),
        }
    }

    /// Whether all users are the same to the server.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Self::None | Self::Secret(..))
    }

    /// What the requests of a user carry. `Err` is a sentence for the person.
    pub(super) async fn credential(&self, credentials: &Credentials) -> Result<Credential, String> {
        match self {
            Self::None => Ok(Credential::none()),
            Self::Secret(header, value) => Credential::new(header.clone(), value.expose_secret()),
            Self::User => Credential::bearer(credentials.token().expose_secret()),
        }
    }
}

impl Credential {
    fn none() -> Self {
        Self { headers: HashMap::new(), digest: digest(""), secret: None }
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
        Ok(Self { headers: HashMap::from([(header, content)]), digest: digest(value), secret })
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

/// The text with the secrets that its `${NAME}` stand for. The file has been checked.
fn filled(text: &str, secrets: &HashMap<String, SecretString>) -> SecretString {
    let mut filled = String::new();
    let mut pieces = text.split("${");
    filled.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
        filled.push_str(secrets.get(name).map_or("", |secret| secret.expose_secret()));
        filled.push_str(rest);
    }
    filled.into()
}
