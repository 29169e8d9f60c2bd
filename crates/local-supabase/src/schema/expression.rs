//! Expressions of the schema: policies, checks, defaults, generated and computed columns.

/// An expression that the migrations say in PostgreSQL's words, and what SQLite evaluates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expression {
    /// As it is written in the migrations.
    pub postgres: &'static str,
    /// For SQLite. `auth_uid()` and its like are functions that read the caller's claims.
    pub sqlite: &'static [Fragment],
    /// Whether it has a sub-select, `(select auth.uid())` included: PostgreSQL then looks whether
    /// policies refer to one another in a circle.
    pub has_subselect: bool,
}

/// A part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// SQL.
    Sql(&'static str),
    /// The rows of this table that the caller may read, to stand in a `from`: policies hold in
    /// sub-selects too.
    VisibleRows(&'static str),
}

impl Expression {
    /// Its SQL, if it names no other table.
    pub fn sql(&self) -> Option<&'static str> {
        match self.sqlite {
            [Fragment::Sql(sql)] => Some(sql),
            _ => None,
        }
    }
}
