//! What a transaction knows about its caller.

use uuid::Uuid;

use crate::role::Role;
use clock::Clock;

/// The role and the time of a transaction's start, which the input `now` stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub role: Role,
    pub now: i64,
}

impl Session {
    pub fn start(role: Role, clock: &Clock) -> Self {
        Self { role, now: clock.now().as_microsecond() }
    }

    /// `auth.uid()`.
    pub fn uid(self) -> Option<Uuid> {
        self.role.uid()
    }
}
