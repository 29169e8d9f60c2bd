//! The rows of a table that a caller may see: what every `from` of a statement names.

use super::builder::{Sql, json_array};
use super::row_security::{self, Active, expand};
use crate::rest::error::RestError;
use crate::rest::session::Session;
use crate::schema::{Command, Privilege, Table};

/// What is done with the rows, which decides on the policies that hide some.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// They are read.
    Read,
    /// They are to be updated.
    Update,
    /// They are to be deleted.
    Delete,
}

/// Which rows the root of a statement is about.
#[derive(Clone, Copy, Debug)]
pub enum RowSet<'a> {
    /// Every row.
    All,
    /// Rows that a write has touched.
    Rows(&'a [i64]),
    /// Rows that meet a condition on the table's columns.
    Matching(&'a Sql),
}

/// The visible rows as a subquery that SQLite flattens. `ctid`, PostgreSQL's name for where a row
/// lies, orders rows that nothing else orders: as they were stored, or as they were written.
pub fn source(
    session: Session,
    table: &'static Table,
    access: Operation,
    scope: RowSet<'_>,
) -> Result<Sql, RestError> {
    source_within(session, table, access, scope, &[])
}

/// The same where it stands in a policy of another table.
pub(super) fn source_within(
    session: Session,
    table: &'static Table,
    access: Operation,
    scope: RowSet<'_>,
    active: Active<'_>,
) -> Result<Sql, RestError> {
    table.require(session.role, Privilege::Select)?;
    let position = if matches!(scope, RowSet::Rows(_)) { "written_position" } else { "rowid" };
    let mut sql =
        Sql::new("(select ").push(position).push(" as ctid, ").name(table.name).push(".*");
    for column in table.columns {
        if let Some(body) = &column.computed {
            let body = expand(session, body, active)?;
            sql = sql.push(", ").append(body).push(" as ").name(column.name);
        }
    }
    sql = sql.push(" from ").name(table.name);
    if let RowSet::Rows(rows) = scope {
        let written = "(select key as written_position, value as written_row from json_each(";
        let joined = ")) on rowid = written_row";
        sql = sql.push(" join ").push(written).bind(json_array(rows)).push(joined);
    }
    sql = sql.push(" where true");
    for command in commands(access) {
        let security = table.using(session.role, *command);
        if let Some(condition) = row_security::condition(session, table, security, active)? {
            sql = sql.push(" and ").append(condition);
        }
    }
    if let RowSet::Matching(condition) = scope {
        sql = sql.push(" and (").append(condition.clone()).push(")");
    }
    Ok(sql.push(")"))
}

/// Whose policies hide rows: whoever changes a row has to be allowed to see it.
fn commands(access: Operation) -> &'static [Command] {
    match access {
        Operation::Read => &[Command::Select],
        Operation::Update => &[Command::Select, Command::Update],
        Operation::Delete => &[Command::Select, Command::Delete],
    }
}
