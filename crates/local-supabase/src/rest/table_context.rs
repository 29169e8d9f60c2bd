//! What a step of a request works on.

use rusqlite::Connection;

use super::error::RestError;
use super::session::Session;
use super::sql::Sql;
use crate::role::Role;
use crate::schema::Table;

/// A table, in the transaction of one request and on its caller's behalf.
#[derive(Clone, Copy)]
pub(super) struct TableContext<'a> {
    pub connection: &'a Connection,
    pub session: Session,
    pub table: &'static Table,
}

impl TableContext<'_> {
    /// Whether policies hide rows from the caller, and with them the values in error messages.
    pub fn has_row_security(&self) -> bool {
        self.session.role != Role::Service
    }

    /// Runs a statement; how many rows it changed.
    pub fn execute(&self, sql: &Sql) -> rusqlite::Result<usize> {
        sql.prepared(self.connection, |statement, values| statement.execute(values))
    }

    /// The row ids that a statement returns.
    pub fn row_ids(&self, sql: &Sql) -> rusqlite::Result<Vec<i64>> {
        sql.prepared(self.connection, |statement, values| {
            statement.query_map(values, |row| row.get(0))?.collect()
        })
    }

    /// The answer to a question that a statement asks.
    pub fn holds(&self, sql: &Sql) -> Result<bool, RestError> {
        sql.prepared(self.connection, |statement, values| {
            Ok(statement.query_row(values, |row| row.get(0))?)
        })
    }
}
