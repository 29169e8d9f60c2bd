//! Checks that a role has the privileges that a statement needs.

use super::{Column, Command, Granted, RoleGrants, Table};
use crate::rest::error::RestError;
use crate::role::Role;

/// What a statement does to a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Privilege<'a> {
    /// Reads some of its columns.
    Select,
    /// Inserts rows with these columns.
    Insert(&'a [&'static Column]),
    /// Updates some of its columns.
    Update,
    /// Deletes rows.
    Delete,
}

impl Privilege<'_> {
    fn command(self) -> Command {
        match self {
            Self::Select => Command::Select,
            Self::Insert(_) => Command::Insert,
            Self::Update => Command::Update,
            Self::Delete => Command::Delete,
        }
    }
}

impl RoleGrants {
    fn allow(&self, privilege: Privilege<'_>) -> bool {
        match privilege {
            Privilege::Select => self.select != Granted::Nothing,
            Privilege::Update => self.update != Granted::Nothing,
            Privilege::Delete => self.delete,
            Privilege::Insert(columns) => self.insert.covers(columns.iter().map(|c| c.name)),
        }
    }
}

impl Table {
    /// The privileges of a role.
    pub fn granted(&self, role: Role) -> &RoleGrants {
        match role {
            Role::Anon => &self.grants.anon,
            Role::Authenticated { .. } => &self.grants.authenticated,
            Role::Service => &self.grants.service_role,
        }
    }

    /// Refuses what is not granted.
    pub(crate) fn require(&self, role: Role, privilege: Privilege<'_>) -> Result<(), RestError> {
        if !self.granted(role).allow(privilege) {
            return Err(RestError::permission_denied("table", self.name));
        }
        let command = privilege.command();
        match self.refused.iter().find(|refused| refused.command == command) {
            Some(refused) => Err(RestError::not_implemented(format!(
                "The local Supabase does not {} rows of \"{}\": {}",
                command.name().to_lowercase(),
                self.name,
                refused.reason
            ))),
            None => Ok(()),
        }
    }
}
