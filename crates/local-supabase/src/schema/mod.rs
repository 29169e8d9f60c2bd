//! What the tables of a project are, as data: columns, keys, policies and grants.
//!
//! Whatever reaches SQL as an identifier comes from here, never from a request.
//!
//! A schema lives as long as the process: it is read from the migrations when a folder is opened, and
//! everything that serves a request refers to it.

mod column;
mod constraint;
mod expression;
mod grant;
mod pg_type;
mod policy;
mod relationships;

pub use column::{Column, Default, Generated, column};
pub use constraint::{Action, Check, ForeignKey, Unique, primary_key, unique};
pub use expression::{Expression, Fragment};
pub(crate) use grant::Privilege;
pub use grant::{Granted, Grants, RoleGrants};
pub use pg_type::{EnumType, PgType, Precision, Storage};
pub use policy::{Command, Policy, RowSecurity};
pub(crate) use relationships::{Junction, Relationship};

use crate::rest::error::RestError;
use crate::rest::suggest;

/// The tables of every project.
pub(crate) const SYSTEM: &str = include_str!("system.sql");

/// The schema `public` of a project. It lives as long as the process.
#[derive(Debug)]
pub struct Schema {
    /// What the tables are.
    pub tables: &'static [&'static Table],
    /// Tables that the migrations make but that are not served, because something that protects their
    /// rows could not be carried over.
    pub unavailable: &'static [Unavailable],
}

/// A table that is not served.
#[derive(Debug)]
pub struct Unavailable {
    /// Its name.
    pub table: &'static str,
    /// Why: a sentence.
    pub reason: &'static str,
}

/// A command that a table does not take.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// The command.
    pub command: Command,
    /// Why: a sentence.
    pub reason: &'static str,
}

/// A table of the schema `public`.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// In the order of `create table`; computed columns last.
    pub columns: &'static [Column],
    /// The primary key first, if there is one.
    pub unique: &'static [Unique],
    /// In the order in which they were made.
    pub foreign_keys: &'static [ForeignKey],
    /// By name, which is the order in which PostgreSQL tries them.
    pub checks: &'static [Check],
    /// Whether row-level security is on.
    pub has_row_security: bool,
    /// Who sees and writes which rows.
    pub policies: &'static [Policy],
    /// What is granted at all.
    pub grants: Grants,
    /// Writes that are refused, because what the database would check of them is missing here.
    pub refused: &'static [Refused],
    /// What `comment on` says.
    pub comment: Option<&'static str>,
}

impl Schema {
    /// The table of that name.
    pub(crate) fn table(&self, name: &str) -> Result<&'static Table, RestError> {
        if let Some(table) = self.tables.iter().find(|table| table.name == name) {
            return Ok(table);
        }
        if let Some(table) = self.unavailable.iter().find(|table| table.table == name) {
            return Err(RestError::not_implemented(format!(
                "The local Supabase does not serve the table \"{name}\": {}",
                table.reason
            )));
        }
        let near = suggest::nearest(name, self.tables.iter().map(|table| table.name));
        Err(RestError::table_not_found(name, near.as_deref()))
    }
}

impl Table {
    /// A column by its name, computed or not.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that `*` stands for.
    pub fn stored_columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(|column| column.computed.is_none())
    }

    /// The columns of the primary key; none where there is no key.
    pub fn primary_key(&self) -> &'static [&'static str] {
        match self.unique.first() {
            Some(unique) if unique.is_primary => unique.columns,
            _ => &[],
        }
    }
}
