//! From a payload's objects to the values of columns.

use rusqlite::Connection;
use rusqlite::types::Value;
use uuid::Uuid;

use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::payload::Object;
use crate::local_supabase::rest::schema::{Column, Default, Table};
use crate::local_supabase::rest::session::Session;
use crate::local_supabase::rest::value;

/// Columns and what they are given.
pub type Values = Vec<(&'static Column, Value)>;

/// The columns that a payload names.
pub fn resolve_columns(
    table: &'static Table,
    names: &[String],
) -> Result<Vec<&'static Column>, RestError> {
    let resolve = |name: &String| {
        let column = table.stored_columns().find(|column| column.name == *name);
        column.ok_or_else(|| RestError::unknown_payload_column(table.name, name))
    };
    names.iter().map(resolve).collect()
}

/// What the payload gives to its columns. A key that is missing means null, or the column's default
/// where the client prefers that.
pub fn assignments(
    connection: &Connection,
    session: Session,
    columns: &[&'static Column],
    object: &Object,
    missing_default: bool,
) -> Result<Values, RestError> {
    let assign = |column: &&'static Column| {
        let value = match object.get(column.name) {
            Some(json) => value::parse_json(column.pg_type, json, session.now)?,
            None if missing_default => default_value(connection, session, column)?,
            None => Value::Null,
        };
        Ok((*column, value))
    };
    columns.iter().map(assign).collect()
}

/// Every column of a new row: the given values and defaults for the rest.
pub fn new_row(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    given: &[(&'static Column, Value)],
) -> Result<Values, RestError> {
    let complete = |column: &'static Column| {
        let value = match given.iter().find(|(given, _)| given.name == column.name) {
            Some((_, value)) => value.clone(),
            None => default_value(connection, session, column)?,
        };
        Ok((column, value))
    };
    table.stored_columns().map(complete).collect()
}

fn default_value(
    connection: &Connection,
    session: Session,
    column: &'static Column,
) -> Result<Value, RestError> {
    Ok(match column.default {
        Default::None => Value::Null,
        Default::GenRandomUuid => Value::Text(Uuid::new_v4().to_string()),
        Default::AuthUid => session.uid().map(|uid| uid.to_string()).into(),
        Default::ClockTimestamp => connection
            .prepare_cached("select clock_timestamp()")?
            .query_row([], |row| row.get(0))?,
        Default::Literal(text) => value::parse(column.pg_type, text, session.now)?,
    })
}
