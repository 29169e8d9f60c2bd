//! The roles that requests are made as, and the headers that say so. These are made once: a token is long.

use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::error::{SupabaseError, SupabaseErrorKind};
use crate::memory::Holder;

/// A user's access token. Its `Debug` output does not contain it.
#[derive(Clone, Debug)]
pub struct AccessToken {
    token: Arc<Token>,
    user_id: Option<Uuid>,
}

#[derive(Debug)]
struct Token {
    secret: SecretString,
    /// None if no header can hold it.
    authorization: Option<HeaderValue>,
}

impl AccessToken {
    /// Wraps the token that follows `Bearer`.
    pub fn new(token: &str) -> Self {
        let token = Token { secret: token.into(), authorization: bearer(token).ok() };
        Self { token: Arc::new(token), user_id: None }
    }

    /// The token of a user, whose share of the memory budget pays for the responses.
    pub fn for_user(user_id: Uuid, token: &str) -> Self {
        Self { user_id: Some(user_id), ..Self::new(token) }
    }

    /// The token itself.
    pub fn expose_secret(&self) -> &str {
        self.token.secret.expose_secret()
    }

    /// The `Authorization` header.
    pub(super) fn authorization(&self) -> Result<HeaderValue, SupabaseError> {
        self.token.authorization.clone().ok_or_else(unusable)
    }
}

/// The role that a request is made as.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    /// A signed-in user: row-level security applies.
    User(&'a AccessToken),
    /// The server itself, with the service key: row-level security does not apply.
    Service,
    /// The `anon` role: only the project key is sent.
    Anon,
}

impl Caller<'_> {
    /// Whose share of the memory budget pays for the responses.
    pub(super) fn holder(self) -> Holder {
        match self {
            Self::User(token) => token.user_id.map_or(Holder::Anonymous, Holder::User),
            Self::Service | Self::Anon => Holder::Server,
        }
    }
}

/// A key of the project, as the headers that carry it.
pub(super) struct ProjectKey {
    pub(super) apikey: HeaderValue,
    /// Legacy keys are tokens and go into both headers; newer ones only into `apikey`.
    pub(super) authorization: Option<HeaderValue>,
}

impl ProjectKey {
    pub(super) fn new(key: &SecretString) -> Result<Self, SupabaseError> {
        let key = key.expose_secret();
        let is_legacy = !key.starts_with("sb_");
        let authorization = is_legacy.then(|| bearer(key)).transpose()?;
        Ok(Self { apikey: sensitive(key.to_owned())?, authorization })
    }
}

fn bearer(token: &str) -> Result<HeaderValue, SupabaseError> {
    sensitive(format!("Bearer {token}"))
}

/// A header value that is not printed, and wiped when its last copy is dropped.
fn sensitive(text: String) -> Result<HeaderValue, SupabaseError> {
    struct Wiped(SecretString);
    impl AsRef<[u8]> for Wiped {
        fn as_ref(&self) -> &[u8] {
            self.0.expose_secret().as_bytes()
        }
    }
    let bytes = Bytes::from_owner(Wiped(text.into()));
    let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| unusable())?;
    value.set_sensitive(true);
    Ok(value)
}

fn unusable() -> SupabaseError {
    let message = "a key or token has characters no header can hold";
    SupabaseError::new(SupabaseErrorKind::Refused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_print_themselves() {
        let token = AccessToken::new("hunter22");
        assert_eq!(token.authorization().unwrap(), "Bearer hunter22");
        for printed in [format!("{token:?}"), format!("{:?}", token.authorization())] {
            assert!(!printed.contains("hunter22"), "{printed}");
        }
    }

    #[test]
    fn only_legacy_keys_are_tokens() {
        let authorization = |key: &str| ProjectKey::new(&key.into()).unwrap().authorization;
        assert_eq!(authorization("sb_publishable_key"), None);
        assert_eq!(authorization("eyJ.eyJ.key").unwrap(), "Bearer eyJ.eyJ.key");
        assert!(ProjectKey::new(&"line\nbreak".into()).is_err());
    }
}
