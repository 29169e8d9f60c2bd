//! The API for the database functions of a project.
//!
//! A function is Rust code that runs in one transaction on the SQLite database. It receives the
//! [`Session`] of its caller and its [`Arguments`], and returns PostgreSQL's errors.

pub use crate::rest::error::RestError;
pub use crate::rest::rpc::{Arguments, Function, FunctionBody, Parameter};
pub use crate::rest::session::Session;
pub use crate::rest::sql::{Operation, RowSet, Sql, visible_rows};
pub use crate::rest::table_context::TableContext;
pub use crate::rest::transaction::CheckUser;
pub use crate::rest::value;
