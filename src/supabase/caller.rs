//! The roles that requests are made as.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::memory::Holder;

/// A user's access token. Its `Debug` output does not contain it.
#[derive(Clone, Debug)]
pub struct AccessToken {
    secret: Arc<SecretString>,
    user_id: Option<Uuid>,
}

impl AccessToken {
    /// Wraps the token that follows `Bearer`.
    pub fn new(token: &str) -> Self {
        Self { secret: Arc::new(token.into()), user_id: None }
    }

    /// The token of a user, whose share of the memory budget pays for the responses.
    pub fn for_user(user_id: Uuid, token: &str) -> Self {
        Self { secret: Arc::new(token.into()), user_id: Some(user_id) }
    }

    /// The token itself.
    pub fn expose_secret(&self) -> &str {
        self.secret.expose_secret()
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
