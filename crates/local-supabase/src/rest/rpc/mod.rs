//! `/rpc/…`: the functions of a project, in Rust, each in one transaction.

mod arguments;
mod call;

pub use arguments::Arguments;
pub(super) use call::answer;

use rusqlite::Connection;

use super::error::RestError;
use super::session::Session;
use super::sql::Sql;
use crate::schema::PgType;

/// A function of the schema `public`. Only signed-in users and the service role may call it.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// All its parameters.
    pub parameters: &'static [Parameter],
    /// What it does.
    pub body: Body,
}

/// A parameter of a function.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub pg_type: PgType,
    /// Whether there is no default.
    pub required: bool,
}

/// What a function does.
#[derive(Debug)]
pub enum Body {
    /// A search, which only reads: returns the rows of the table of this name that meet a condition.
    Search(&'static str, fn(Session, &Arguments) -> Result<Sql, RestError>),
    /// Returns rows of the table of this name.
    SetOf(&'static str, fn(&Connection, Session, &Arguments) -> Result<Vec<i64>, RestError>),
    /// Only reads and returns jsonb.
    Report(fn(&Connection, Session, &Arguments) -> Result<String, RestError>),
    /// Returns jsonb.
    Jsonb(fn(&Connection, Session, &Arguments) -> Result<String, RestError>),
}

impl Body {
    /// Functions that write cannot be called by GET.
    pub(crate) fn is_volatile(&self) -> bool {
        !matches!(self, Self::Search(..) | Self::Report(_))
    }
}

impl Parameter {
    /// A parameter without a default.
    pub const fn required(name: &'static str, pg_type: PgType) -> Self {
        Self { name, pg_type, required: true }
    }

    /// A parameter that may be left out.
    pub const fn optional(name: &'static str, pg_type: PgType) -> Self {
        Self { name, pg_type, required: false }
    }
}
