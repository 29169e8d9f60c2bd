//! Expressions of the schema: policies, checks, defaults, generated and computed columns.

/// An expression as written in the migrations, and its translation to SQLite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expression {
    /// The expression in PostgreSQL's syntax, as written in the migrations.
    pub postgres: &'static str,
    /// The translation to SQLite. `auth_uid()` and similar functions read the caller's claims.
    pub sqlite: &'static [Fragment],
    /// Whether it contains a subquery, including `(select auth.uid())`: PostgreSQL then checks whether
    /// policies refer to one another recursively.
    pub has_subselect: bool,
}

/// A part of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// SQL.
    Sql(&'static str),
    /// The rows of this table that the caller may read, for use in a `from` clause: policies also
    /// apply in subqueries.
    VisibleRows(&'static str),
}

impl Expression {
    /// The SQL, if it names no other table.
    pub fn sql(&self) -> Option<&'static str> {
        match self.sqlite {
            [Fragment::Sql(sql)] => Some(sql),
            _ => None,
        }
    }
}
