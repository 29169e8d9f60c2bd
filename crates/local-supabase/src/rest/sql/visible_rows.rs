//! The rows of a table that a caller may see. Every `from` of a statement names these.

use super::builder::{Sql, json_array};
use crate::rest::error::RestError;
use crate::rest::session::Session;
use crate::role::Role;
use crate::schema::{Privilege, Table};

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
    let position = if matches!(row_set, RowSet::Rows(_)) { "position" } else { "rowid" };
    let mut sql =
        Sql::new("(select ").push(position).push(" as ctid, ").name(table.name).push(".*");
    for column in table.columns {
        if let Some(body) = column.computed {
            sql = sql.push(", ").push(body).push(" as ").name(column.name);
        }
    }
    sql = sql.push(" from ").name(table.name);
    if let RowSet::Rows(rows) = row_set {
        let written = "(select key as position, value as written from json_each(";
        sql = sql.push(" join ").push(written).bind(json_array(rows)).push(")) on rowid = written");
    }
    sql = sql.push(" where true");
    if session.role != Role::Service {
        for policy in policies(table, operation) {
            sql = sql.push(" and ").policy(policy, session);
        }
    }
    if let RowSet::Matching(condition) = row_set {
        sql = sql.push(" and (").append(condition.clone()).push(")");
    }
    Ok(sql.push(")"))
}

fn policies(table: &'static Table, operation: Operation) -> Vec<Option<&'static str>> {
    let policies = &table.policies;
    let mut applied = vec![policies.select_using];
    match operation {
        Operation::Read => {}
        Operation::Update => applied.push(policies.update_using),
        Operation::Delete => applied.push(policies.delete_using),
    }
    applied.dedup();
    applied
}
