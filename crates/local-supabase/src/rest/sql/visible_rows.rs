//! The rows of a table that a caller may see: what every `from` of a statement names.

use super::builder::{Sql, json_array};
use crate::rest::error::RestError;
use crate::rest::session::Session;
use crate::role::Role;
use crate::schema::{FILES, MESSAGES, Privilege, Table};

/// What is done with the rows, which decides on the policies that hide some.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Read,
    Update,
    Delete,
}

/// Which rows the root of a statement is about.
#[derive(Clone, Copy, Debug)]
pub enum RowSet<'a> {
    All,
    /// Rows that a write has touched.
    Rows(&'a [i64]),
    /// What `search_chats` or `search_files` finds.
    Search(Option<&'a str>),
}

/// The visible rows as a subquery that SQLite flattens. `ctid`, PostgreSQL's name for where a row
/// lies, orders rows that nothing else orders: as they were stored, or as they were written.
pub fn source(
    session: Session,
    table: &'static Table,
    access: Operation,
    scope: RowSet<'_>,
) -> Result<Sql, RestError> {
    table.require(session.role, Privilege::Select)?;
    let position = if matches!(scope, RowSet::Rows(_)) { "position" } else { "rowid" };
    let mut sql =
        Sql::new("(select ").push(position).push(" as ctid, ").name(table.name).push(".*");
    for column in table.columns {
        if let Some(body) = column.computed {
            sql = sql.push(", ").push(body).push(" as ").name(column.name);
        }
    }
    sql = sql.push(" from ").name(table.name);
    if let RowSet::Rows(rows) = scope {
        let written = "(select key as position, value as written from json_each(";
        sql = sql.push(" join ").push(written).bind(json_array(rows)).push(")) on rowid = written");
    }
    sql = sql.push(" where true");
    if session.role != Role::Service {
        for policy in policies(table, access) {
            sql = sql.push(" and ").policy(policy, session);
        }
    }
    if let RowSet::Search(q) = scope {
        sql = sql.append(search(session, table, q)?);
    }
    Ok(sql.push(")"))
}

fn policies(table: &'static Table, access: Operation) -> Vec<Option<&'static str>> {
    let policies = &table.policies;
    let mut applied = vec![policies.select_using];
    match access {
        Operation::Read => {}
        Operation::Update => applied.push(policies.update_using),
        Operation::Delete => applied.push(policies.delete_using),
    }
    applied.dedup();
    applied
}

/// A literal, case-insensitive match: of files by their names, of chats by their titles and active
/// messages.
fn search(session: Session, table: &Table, q: Option<&str>) -> Result<Sql, RestError> {
    let q = q.map(str::to_owned);
    if table.name == FILES.name {
        return Ok(Sql::new(" and contains_text(name, ").bind(q).push(")"));
    }
    let messages = source(session, &MESSAGES, Operation::Read, RowSet::All)?;
    Ok(Sql::new(" and (contains_text(title, ")
        .bind(q.clone())
        .push(") or id in (select m.chat_id from ")
        .append(messages)
        .push(" as m where m.is_active and contains_text(m.content, ")
        .bind(q)
        .push(")))"))
}
