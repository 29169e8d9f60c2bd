//! The rows of a table that a caller may see. Every `from` of a statement names these.

use super::builder::{Sql, json_array};
use super::row_security::{self, Active, expand};
use crate::rest::error::RestError;
use crate::rest::session::Session;
use crate::schema::{Command, Privilege, Table};

/// What a statement does with rows, which decides on the policies that apply.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// Reads them.
    Read,
    /// Updates them.
    Update,
    /// Deletes them.
    Delete,
}

/// The rows of its table that a statement covers.
#[derive(Clone, Copy, Debug)]
pub enum RowSet<'a> {
    /// Every row.
    All,
    /// The rows with these row ids, in this order.
    Rows(&'a [i64]),
    /// Rows that meet a condition on the table's columns.
    Matching(&'a Sql),
}

/// The visible rows as a subquery that SQLite flattens. Its column `ctid`, PostgreSQL's name for the
/// physical position of a row, is the last criterion of every order: as rows were stored or written.
pub fn visible_rows(
    session: Session,
    table: &'static Table,
    operation: Operation,
    row_set: RowSet<'_>,
) -> Result<Sql, RestError> {
    table.require(session.role, Privilege::Select)?;
    visible_rows_within(session, table, operation, row_set, &[])
}

/// The same without a look at privileges, for statements that check the columns that they read; `active`
/// are the tables in whose policies they stand.
pub(super) fn visible_rows_within(
    session: Session,
    table: &'static Table,
    operation: Operation,
    row_set: RowSet<'_>,
    active: Active<'_>,
) -> Result<Sql, RestError> {
    let position = if matches!(row_set, RowSet::Rows(_)) { "written_position" } else { "rowid" };
    let mut sql =
        Sql::new("(select ").push(position).push(" as ctid, ").name(table.name).push(".*");
    for column in table.columns {
        if let Some(body) = &column.computed {
            let body = expand(session, body, active)?;
            sql = sql.push(", ").append(body).push(" as ").name(column.name);
        }
    }
    sql = sql.push(" from ").name(table.name);
    if let RowSet::Rows(rows) = row_set {
        let written = "(select key as written_position, value as written_row from json_each(";
        let joined = ")) on rowid = written_row";
        sql = sql.push(" join ").push(written).bind(json_array(rows)).push(joined);
    }
    sql = sql.push(" where true");
    for command in commands(operation) {
        let security = table.using(session.role, *command);
        if let Some(condition) = row_security::condition(session, table, security, active)? {
            sql = sql.push(" and ").append(condition);
        }
    }
    if let RowSet::Matching(condition) = row_set {
        sql = sql.push(" and (").append(condition.clone()).push(")");
    }
    Ok(sql.push(")"))
}

/// The commands whose policies hide rows: a row can be changed only if it can be seen.
fn commands(operation: Operation) -> &'static [Command] {
    match operation {
        Operation::Read => &[Command::Select],
        Operation::Update => &[Command::Select, Command::Update],
        Operation::Delete => &[Command::Select, Command::Delete],
    }
}
