//! The role that a request has.

use uuid::Uuid;

/// The database role of a request, as row-level security sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A caller who is not signed in.
    Anon,
    /// A signed-in user, anonymous users included.
    Authenticated {
        /// The token's `sub`.
        user_id: Uuid,
    },
    /// The holder of the service key, who bypasses row-level security.
    Service,
}

impl Role {
    /// Its name in PostgreSQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::Authenticated { .. } => "authenticated",
            Self::Service => "service_role",
        }
    }

    /// `auth.uid()`.
    pub fn uid(self) -> Option<Uuid> {
        match self {
            Self::Authenticated { user_id } => Some(user_id),
            Self::Anon | Self::Service => None,
        }
    }
}
