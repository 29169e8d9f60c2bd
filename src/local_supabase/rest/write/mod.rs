//! Writing rows: each function runs inside the transaction of one request and keeps PostgreSQL's
//! order of checks: row-level security, nulls, check constraints, unique keys, foreign keys.

mod delete;
mod insert;
mod row;
mod update;
mod violation;

pub(super) use delete::delete;
pub(super) use insert::{Resolve, Written, conflict_target, insert, insert_row};
pub(super) use row::{assignments, new_row, resolve_columns};
pub(super) use update::update;
pub(super) use violation::explain;

use rusqlite::{Connection, params_from_iter};

use super::error::RestError;
use super::sql::Sql;

/// Runs a statement; how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &Sql) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql.text())?.execute(params_from_iter(sql.values()))
}

/// The row ids that a select returns.
pub(super) fn row_ids(connection: &Connection, sql: &Sql) -> Result<Vec<i64>, RestError> {
    let mut statement = connection.prepare_cached(sql.text())?;
    let rows = statement.query_map(params_from_iter(sql.values()), |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The answer to a question that a select asks.
pub(super) fn holds(connection: &Connection, sql: &Sql) -> Result<bool, RestError> {
    let mut statement = connection.prepare_cached(sql.text())?;
    Ok(statement.query_row(params_from_iter(sql.values()), |row| row.get(0))?)
}
