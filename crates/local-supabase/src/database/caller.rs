//! The callers of the database.

use crate::role::Role;

/// On whose behalf the database works. Callers are served in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Signing up, signing in and refreshing a session.
    Auth,
    /// A health check.
    Probe,
    /// A user, the service role, or all callers without an access token together.
    Role(Role),
}

impl Caller {
    /// Whether a reader is reserved for this caller.
    pub(super) fn is_privileged(self) -> bool {
        !matches!(self, Self::Role(_))
    }
}

impl From<Role> for Caller {
    fn from(role: Role) -> Self {
        Self::Role(role)
    }
}
