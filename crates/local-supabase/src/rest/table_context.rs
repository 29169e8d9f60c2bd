//! A table within the transaction of a request.

use rusqlite::types::Value;
use rusqlite::{Connection, Params};

use super::error::RestError;
use super::headers::MediaType;
use super::query;
use super::render::render;
use super::session::Session;
use super::sql::{self, Page, Proposed, RowFormat, RowSet, Sql};

use crate::schema::{Column, Command, Granted, RowSecurity, Table};

/// A table within the transaction of a request. Its methods read and write rows as the caller.
#[derive(Clone, Copy)]
pub struct TableContext<'a> {
    /// The transaction.
    pub connection: &'a Connection,
    /// The caller and the time.
    pub session: Session,
    /// The table.
    pub table: &'static Table,
}

impl TableContext<'_> {
    /// Whether row-level security applies to the caller. Then error messages do not show values, which
    /// may be those of hidden rows.
    pub(crate) fn has_row_security(&self) -> bool {
        let security = self.table.using(self.session.role, Command::Select);
        let granted = self.table.granted(self.session.role).select;
        matches!(security, RowSecurity::Policies { .. }) || granted != Granted::Table
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub(crate) fn execute(&self, sql: &Sql) -> rusqlite::Result<usize> {
        sql.prepared(self.connection, |statement, values| statement.execute(values))
    }

    /// The row ids that a statement returns.
    pub fn row_ids(&self, sql: &Sql) -> rusqlite::Result<Vec<i64>> {
        sql.prepared(self.connection, |statement, values| {
            statement.query_map(values, |row| row.get(0))?.collect()
        })
    }

    /// Runs a query that returns one boolean.
    pub(crate) fn query_bool(&self, sql: &Sql) -> Result<bool, RestError> {
        sql.prepared(self.connection, |statement, values| {
            Ok(statement.query_row(values, |row| row.get(0))?)
        })
    }

    /// Runs a statement that changes rows of the table. A violated constraint is reported as PostgreSQL
    /// does.
    pub fn change(&self, statement: &'static str, params: impl Params) -> Result<(), RestError> {
        let proposed = Proposed { table: self.table, values: &[], rows: Some(&[]) };
        let changed = self.connection.prepare_cached(statement)?.execute(params);
        changed.map_err(|error| self.constraint_error(proposed, error))?;
        Ok(())
    }

    /// Inserts one complete row with an `on conflict` clause, without row-level security.
    pub fn insert_on_conflict(
        &self,
        row: &[(&'static Column, Value)],
        clause: &'static str,
    ) -> Result<(), RestError> {
        let proposed = Proposed { table: self.table, values: row, rows: None };
        let insert = sql::insert(self.table, row).push(clause);
        self.execute(&insert).map_err(|error| self.constraint_error(proposed, error))?;
        Ok(())
    }

    /// A row as a JSON object, as a read with this `select` would return it.
    pub fn row_json(&self, rowid: i64, select: &str) -> Result<String, RestError> {
        let query = query::parse(&format!("select={select}"), false)?;
        let rows = RowSet::Rows(std::slice::from_ref(&rowid));
        let node = &query.root;
        let select = sql::rows(self.session, self.table, node, rows, Page::ALL, RowFormat::Json)?;
        Ok(render(self.connection, &select, MediaType::Object { stripped: false })?.body)
    }
}
