//! In whose name requests are made.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::memory::Holder;

/// A user's access token. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    text: Arc<str>,
    user_id: Option<Uuid>,
}

impl AccessToken {
    /// Wraps the text after `Bearer`.
    pub fn new(token: &str) -> Self {
        Self { text: token.into(), user_id: None }
    }

    /// The token of this user, who is charged with what is read with it.
    pub fn for_user(user_id: Uuid, token: &str) -> Self {
        Self { text: token.into(), user_id: Some(user_id) }
    }

    /// The token itself.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[access token]")
    }
}

/// In whose name a request is made.
#[derive(Clone, Copy)]
pub enum Caller<'a> {
    /// A signed-in user: row-level security applies.
    User(&'a AccessToken),
    /// The server itself, with the service key: row-level security does not apply.
    Service,
    /// Nobody: only the project key is sent.
    Nobody,
}

impl Caller<'_> {
    /// Who is charged with what is read for this caller.
    pub(super) fn holder(self) -> Holder {
        match self {
            Self::User(token) => token.user_id.map_or(Holder::Anonymous, Holder::User),
            Self::Service | Self::Nobody => Holder::Server,
        }
    }
}
