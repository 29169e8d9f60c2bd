//! The callers of the database.

use crate::role::Role;

/// On whose behalf the database works. Callers are served in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// Signing up, signing in and refreshing a session.
    Auth,
    /// A health check.
    Probe,
    /// A user, the service role, or all callers without an access token together.
    Role(Role),
}

impl Caller {
    /// Whether it is served before who has taken much time. The service role works for all users.
    pub(super) fn is_never_heavy(self) -> bool {
        self.is_privileged() || matches!(self, Self::Role(Role::Service))
    }

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
