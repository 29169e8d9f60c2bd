//! Tables.

use super::{Check, Column, Command, ForeignKey, Grants, Policy, Unique};

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
