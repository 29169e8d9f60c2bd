//! What is granted to the roles that requests have.

use super::{Column, Command, Table};
use crate::rest::error::RestError;
use crate::role::Role;

/// What the three roles may do with a table.
#[derive(Clone, Copy, Debug)]
pub struct Grants {
    /// `anon`
    pub anon: RoleGrants,
    /// `authenticated`
    pub authenticated: RoleGrants,
    /// `service_role`
    pub service_role: RoleGrants,
}

/// What one role may do.
#[derive(Clone, Copy, Debug)]
pub struct RoleGrants {
    /// What may be read.
    pub select: Granted,
    /// What may be inserted.
    pub insert: Granted,
    /// What may be updated.
    pub update: Granted,
    /// Whether rows may be deleted.
    pub delete: bool,
}

/// On what a privilege is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Nothing.
    Nothing,
    /// The whole table, and columns that come later.
    Table,
    /// These columns.
    Columns(&'static [&'static str]),
}

/// What a statement does to a table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Privilege<'a> {
    /// Reads some of its columns.
    Select,
    /// Names the columns that are given a value.
    Insert(&'a [&'static Column]),
    /// Changes some of its columns.
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
    /// Nothing at all.
    pub const NOTHING: Self = Self {
        select: Granted::Nothing,
        insert: Granted::Nothing,
        update: Granted::Nothing,
        delete: false,
    };

    /// `grant all`
    pub const ALL: Self = Self {
        select: Granted::Table,
        insert: Granted::Table,
        update: Granted::Table,
        delete: true,
    };

    /// Whether something is granted.
    pub fn is_anything(&self) -> bool {
        let of_columns = [self.select, self.insert, self.update];
        self.delete || of_columns.iter().any(|granted| *granted != Granted::Nothing)
    }

    fn allow(&self, privilege: Privilege<'_>) -> bool {
        match privilege {
            Privilege::Select => self.select != Granted::Nothing,
            Privilege::Update => self.update != Granted::Nothing,
            Privilege::Delete => self.delete,
            Privilege::Insert(columns) => self.insert.covers(columns.iter().map(|c| c.name)),
        }
    }
}

impl Granted {
    /// Whether every one of the columns is granted. Of no columns, something must be.
    pub fn covers<'a>(self, columns: impl IntoIterator<Item = &'a str>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Table => true,
            Self::Columns(granted) => columns.into_iter().all(|column| granted.contains(&column)),
        }
    }
}

impl Table {
    /// What a role may do.
    pub fn granted(&self, role: Role) -> &RoleGrants {
        match role {
            Role::Anon => &self.grants.anon,
            Role::Authenticated { .. } => &self.grants.authenticated,
            Role::Service => &self.grants.service_role,
        }
    }

    /// Refuses what was not granted.
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
