//! Values: SQL with what is known of its type.

use crate::schema::PgType;

/// An expression in SQLite's words.
#[derive(Clone, Debug)]
pub struct Value {
    pub sql: String,
    pub kind: Kind,
}

/// What is known of the type of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Its type.
    Of(PgType),
    /// A quoted constant, whose type is what stands beside it.
    Literal(String),
    /// Null.
    Null,
    /// A length of time that has months in it.
    Months(i64),
}

/// Marks the rows of a table that the caller may see within SQL.
pub const ROWS: char = '\u{1}';
pub const ROWS_END: char = '\u{2}';

/// A name for SQLite.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Value {
    pub fn new(sql: impl Into<String>, pg_type: PgType) -> Self {
        Self { sql: sql.into(), kind: Kind::Of(pg_type) }
    }
}

pub fn boolean(sql: &str) -> Value {
    Value::new(format!("({sql})"), PgType::Boolean)
}

pub fn integer(sql: String) -> Value {
    Value::new(sql, PgType::Integer)
}

pub fn text(sql: String) -> Value {
    Value::new(sql, PgType::Text)
}
