//! Tables.

use super::{Check, Column, Command, ForeignKey, Grants, Policy, Unique};

/// A command that is refused for a table.
#[derive(Clone, Copy, Debug)]
pub struct Refused {
    /// The command.
    pub command: Command,
    /// The reason, as a sentence.
    pub reason: &'static str,
}

/// A table of the schema `public`.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns in the order of `create table`; computed columns come last.
    pub columns: &'static [Column],
    /// The primary key comes first, if there is one.
    pub unique: &'static [Unique],
    /// In order of creation.
    pub foreign_keys: &'static [ForeignKey],
    /// Sorted by name: PostgreSQL evaluates them in this order.
    pub checks: &'static [Check],
    /// Whether row-level security is enabled.
    pub has_row_security: bool,
    /// The row-level security policies.
    pub policies: &'static [Policy],
    /// The privileges that are granted.
    pub grants: Grants,
    /// Commands that are refused, because something that the database would check is not implemented.
    pub refused: &'static [Refused],
    /// The comment set by `comment on`.
    pub comment: Option<&'static str>,
}

impl Table {
    /// The column with this name, computed or not.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that `*` stands for.
    pub fn stored_columns(&self) -> impl Iterator<Item = &'static Column> {
        self.columns.iter().filter(|column| column.computed.is_none())
    }

    /// The columns of the primary key; empty if there is none.
    pub fn primary_key(&self) -> &'static [&'static str] {
        match self.unique.first() {
            Some(unique) if unique.is_primary => unique.columns,
            _ => &[],
        }
    }
}
