//! The tables of a project as data: columns, keys, policies and grants.
//!
//! Identifiers in SQL are always taken from here, never from a request.
//!
//! A schema lives as long as the process: it is read from the migrations when a folder is opened, and
//! everything that serves a request refers to it.

mod column;
mod constraint;
mod expression;
mod grant;
mod pg_type;
mod policy;
mod privilege;
mod relationships;
mod row_security;
mod table;

pub use column::{Column, Default, Generated, column};
pub use constraint::{Action, Check, ForeignKey, Unique, primary_key, unique};
pub use expression::{Expression, Fragment};
pub use grant::{Granted, Grants, RoleGrants};
pub use pg_type::{EnumType, PgType, Precision, Storage};
pub use policy::{Command, Policy};
pub(crate) use privilege::Privilege;
pub(crate) use relationships::{Junction, Relationship};
pub use row_security::RowSecurity;
pub use table::{Refused, Table};

use crate::rest::error::RestError;
use crate::rest::suggest;

/// The tables that every project has.
pub(crate) const SYSTEM: &str = include_str!("system.sql");

/// The schema `public` of a project. It lives as long as the process.
#[derive(Debug)]
pub struct Schema {
    /// The tables.
    pub tables: &'static [&'static Table],
    /// Tables that the migrations create but that are not served, because something that protects
    /// their rows could not be translated.
    pub unavailable: &'static [Unavailable],
}

/// A table that is not served.
#[derive(Debug)]
pub struct Unavailable {
    /// Its name.
    pub table: &'static str,
    /// The reason, as a sentence.
    pub reason: &'static str,
}

impl Schema {
    /// The table with this name.
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
