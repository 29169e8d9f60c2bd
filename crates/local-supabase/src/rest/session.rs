//! What a transaction knows about its caller.

use uuid::Uuid;

use crate::role::Role;
use crate::schema::Schema;
use clock::Clock;

/// The role and the time of a transaction's start, which the input `now` stands for.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Whose behalf the transaction is on.
    pub role: Role,
    /// When it began, in microseconds since 1970.
    pub now: i64,
    pub(crate) schema: &'static Schema,
}

impl Session {
    pub(crate) fn new(role: Role, schema: &'static Schema, clock: &Clock) -> Self {
        Self { role, now: clock.now().as_microsecond(), schema }
    }

    /// The same transaction past row-level security, as `security definer` is in PostgreSQL.
    pub fn as_service(self) -> Self {
        Self { role: Role::Service, ..self }
    }

    /// `auth.uid()`.
    pub fn uid(self) -> Option<Uuid> {
        self.role.uid()
    }
}
