//! The functions of a project.

use rusqlite::Connection;

use super::arguments::Arguments;
use crate::rest::error::RestError;
use crate::rest::session::Session;
use crate::rest::sql::Sql;
use crate::schema::PgType;

/// A function of the schema `public`. Only signed-in users and the service role may call it.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// All its parameters.
    pub parameters: &'static [Parameter],
    /// Its implementation.
    pub body: FunctionBody,
}

/// A parameter of a function.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub pg_type: PgType,
    /// Whether it has no default.
    pub required: bool,
}

/// The implementation of a function.
#[derive(Debug)]
pub enum FunctionBody {
    /// Only reads, and returns the rows of the table of this name that meet a condition.
    Search(&'static str, fn(Session, &Arguments) -> Result<Sql, RestError>),
    /// Returns rows of the table of this name, given their row ids.
    SetOf(&'static str, fn(&Connection, Session, &Arguments) -> Result<Vec<i64>, RestError>),
    /// Only reads, and returns jsonb.
    Report(fn(&Connection, Session, &Arguments) -> Result<String, RestError>),
    /// Returns jsonb.
    Jsonb(fn(&Connection, Session, &Arguments) -> Result<String, RestError>),
}

impl FunctionBody {
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
