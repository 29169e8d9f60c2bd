//! The caller and the time of a transaction.

use uuid::Uuid;

use super::error::RestError;
use crate::role::Role;
use crate::schema::{Schema, Table};
use clock::Clock;

/// The role of a transaction, and the time of its start, which is PostgreSQL's `now()`.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// The role that the transaction runs as.
    pub role: Role,
    /// The start of the transaction, in microseconds since 1970.
    pub now: i64,
    pub(crate) schema: &'static Schema,
}

impl Session {
    pub(crate) fn new(role: Role, schema: &'static Schema, clock: &Clock) -> Self {
        Self { role, now: clock.now().as_microsecond(), schema }
    }

    /// The same transaction without row-level security, as for a `security definer` function.
    pub fn as_service(self) -> Self {
        Self { role: Role::Service, ..self }
    }

    /// `auth.uid()`.
    pub fn uid(self) -> Option<Uuid> {
        self.role.uid()
    }

    /// A table of the project.
    pub fn table(self, name: &str) -> Result<&'static Table, RestError> {
        self.schema.table(name)
    }
}
