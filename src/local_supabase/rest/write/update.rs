//! `update`.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::row::Values;
use super::violation::{explain, not_null};
use super::{execute, holds, row_ids};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::query::Node;
use crate::local_supabase::rest::schema::{Privilege, Table};
use crate::local_supabase::rest::session::Session;
use crate::local_supabase::rest::sql::{self, Access, Proposed};
use crate::local_supabase::role::Role;

/// Gives the values to every row that the conditions select; which rows those are.
pub fn update(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    node: &Node,
    values: &Values,
) -> Result<Vec<i64>, RestError> {
    table.require(session.role, Privilege::Update)?;
    let rows = row_ids(connection, &sql::targets(session, table, node, Access::Update)?)?;
    if !rows.is_empty() {
        set(connection, session, table, values, &rows)?;
    }
    Ok(rows)
}

/// Gives the values to these rows.
pub(super) fn set(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    values: &Values,
    rows: &[i64],
) -> Result<(), RestError> {
    if values.is_empty() {
        return Ok(());
    }
    let proposed = Proposed { table, values, rows: Some(rows) };
    if session.role != Role::Service {
        let question = sql::violates_check(session, table.policies.update_check, proposed);
        if holds(connection, &question)? {
            return Err(RestError::row_security(table.name));
        }
    }
    let null = values.iter().find(|(column, value)| !column.nullable && *value == Value::Null);
    if let Some((column, _)) = null {
        return Err(not_null(session, proposed, column.name));
    }
    execute(connection, &sql::update(proposed))
        .map_err(|error| explain(connection, session, proposed, error))?;
    Ok(())
}
