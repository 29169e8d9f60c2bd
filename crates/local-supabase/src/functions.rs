//! What the functions of a project are written with.
//!
//! A function is Rust code that runs in one transaction on the SQLite database. It is called with its
//! [`Arguments`] on behalf of its caller, the [`Session`]; errors are PostgreSQL's.

pub use crate::rest::error::RestError;
pub use crate::rest::rpc::{Arguments, Function, FunctionBody, Parameter};
pub use crate::rest::session::Session;
pub use crate::rest::sql::{Operation, RowSet, Sql, visible_rows};
pub use crate::rest::table_context::TableContext;
pub use crate::rest::value;
