//! Constraints: keys and checks.

use super::Expression;

/// A primary key, unique constraint or unique index.
#[derive(Clone, Copy, Debug)]
pub struct Unique {
    /// Its name.
    pub name: &'static str,
    /// Its columns; none where it is an index on expressions.
    pub columns: &'static [&'static str],
    /// Whether it is the primary key.
    pub is_primary: bool,
    /// Whether it is a constraint, not only an index.
    pub is_constraint: bool,
    /// The condition of a partial index, which `on_conflict` cannot name.
    pub predicate: Option<Expression>,
}

/// A unique constraint without a condition.
pub const fn unique(name: &'static str, columns: &'static [&'static str]) -> Unique {
    Unique { name, columns, is_primary: false, is_constraint: true, predicate: None }
}

/// A primary key.
pub const fn primary_key(name: &'static str, columns: &'static [&'static str]) -> Unique {
    Unique { name, columns, is_primary: true, is_constraint: true, predicate: None }
}

impl Unique {
    /// Whether `on_conflict` can name it.
    pub fn is_conflict_target(&self) -> bool {
        self.predicate.is_none() && !self.columns.is_empty()
    }
}

/// A check constraint of the table or of the domain of a column. It has the same name in SQLite.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// The domain that it belongs to.
    pub domain: Option<&'static str>,
    /// The condition, which must not be false.
    pub expression: Expression,
}

/// A foreign key.
#[derive(Clone, Copy, Debug)]
pub struct ForeignKey {
    /// Its name.
    pub name: &'static str,
    /// The referencing columns.
    pub columns: &'static [&'static str],
    /// The referenced table, with its schema unless that is `public`.
    pub references: &'static str,
    /// The referenced columns.
    pub foreign_columns: &'static [&'static str],
    /// The action when the referenced row is deleted. SQLite performs it; this field only describes
    /// it.
    pub on_delete: Action,
    /// The action when the referenced key is updated.
    pub on_update: Action,
}

/// A referential action: what a change does to the rows that reference the changed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Fails at the end of the statement if referencing rows exist.
    NoAction,
    /// Fails immediately if referencing rows exist.
    Restrict,
    /// Deletes or updates the referencing rows.
    Cascade,
    /// Sets these columns to null.
    SetNull(&'static [&'static str]),
    /// Sets these columns to their defaults.
    SetDefault(&'static [&'static str]),
}

impl ForeignKey {
    /// The referenced table without its schema, as error messages name it.
    pub fn foreign_table(&self) -> &'static str {
        self.references.rsplit('.').next().unwrap_or(self.references)
    }

    /// The referenced table's name in SQLite, which has no schemas.
    pub fn sqlite_table(&self) -> &'static str {
        if self.references == "auth.users" { "auth_users" } else { self.references }
    }
}
