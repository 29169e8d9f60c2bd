//! What a transaction knows about its caller.

use uuid::Uuid;

use super::error::RestError;
use crate::project::OpenProject;
use crate::role::Role;
use crate::schema::Table;
use clock::Clock;

/// The role and the time of a transaction's start, which the input `now` stands for.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Whose behalf the transaction is on.
    pub role: Role,
    /// When it began, in microseconds since 1970.
    pub now: i64,
    pub(crate) project: OpenProject,
}

impl Session {
    pub(crate) fn start(role: Role, project: OpenProject, clock: &Clock) -> Self {
        Self { role, now: clock.now().as_microsecond(), project }
    }

    /// The same transaction past row-level security, as `security definer` is in PostgreSQL.
    pub fn as_service(self) -> Self {
        Self { role: Role::Service, ..self }
    }

    /// `auth.uid()`.
    pub fn uid(self) -> Option<Uuid> {
        self.role.uid()
    }

    /// A table of the project.
    pub fn table(self, name: &str) -> Result<&'static Table, RestError> {
        self.project.schema.table(name)
    }
}
