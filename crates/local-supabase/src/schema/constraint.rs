//! What rows must meet: keys and checks.

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

/// A check constraint, of the table or of the domain of a column. SQLite holds it under its name.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// The domain that it belongs to.
    pub domain: Option<&'static str>,
    /// What must not be false.
    pub expression: Expression,
}

/// A foreign key.
#[derive(Clone, Copy, Debug)]
pub struct ForeignKey {
    /// Its name.
    pub name: &'static str,
    /// The columns that refer.
    pub columns: &'static [&'static str],
    /// With its schema where that is not `public`.
    pub references: &'static str,
    /// The columns that are referred to.
    pub foreign_columns: &'static [&'static str],
    /// What becomes of the row when the one that it refers to is deleted. SQLite does it; this
    /// describes it.
    pub on_delete: Action,
    /// The same when the key of the one that it refers to changes.
    pub on_update: Action,
}

/// What a change does to the rows that refer to the changed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is refused if there are any when the statement is done.
    NoAction,
    /// It is refused if there are any.
    Restrict,
    /// They are deleted, or changed too.
    Cascade,
    /// These columns become null.
    SetNull(&'static [&'static str]),
    /// These columns get their defaults.
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
