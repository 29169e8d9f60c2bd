//! `describe_schema`, only for the service key: the tables and columns that SQLite has. Functions,
//! policies, grants and triggers are code here, not data, and so are not described.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::message_row::to_jsonb;
use crate::local::migrations::TABLES;
use crate::local_supabase::Role;
use crate::local_supabase::functions::value::timestamptz;
use crate::local_supabase::functions::{Arguments, RestError, Session};
use crate::local_supabase::schema::Table;

pub(super) fn describe_schema(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    if session.role != Role::Service {
        return Err(RestError::permission_denied("function", "describe_schema"));
    }
    let names_argument = arguments.json("p_names");
    let is_requested = |table: &&&Table| {
        let name = Value::from(format!("public.{}", table.name));
        names_argument
            .as_ref()
            .is_none_or(|names| names.as_array().is_some_and(|n| n.contains(&name)))
    };
    let mut objects = Map::new();
    for table in TABLES.schema().tables.iter().filter(is_requested) {
        describe(connection, table, &mut objects)?;
    }
    to_jsonb(&json!({
        "server": format!("SQLite {}", rusqlite::version()),
        "now": timestamptz::to_json(session.now),
        "objects": objects,
        "unseen": {},
    }))
}

/// There are no roles, publications and objects of others here.
pub(super) fn describe_environment(
    _: &Connection,
    session: Session,
    _: &Arguments,
) -> Result<String, RestError> {
    if session.role != Role::Service {
        return Err(RestError::permission_denied("function", "describe_environment"));
    }
    to_jsonb(&json!({ "objects": {} }))
}

/// What is in the file, under the names that PostgreSQL's types have.
fn describe(
    connection: &Connection,
    table: &Table,
    objects: &mut Map<String, Value>,
) -> Result<(), RestError> {
    let sql = "select name, \"notnull\" or pk > 0 from pragma_table_info(?)";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([table.name], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let stored: Vec<(String, bool)> = rows.collect::<Result<_, _>>()?;
    if stored.is_empty() {
        return Ok(());
    }
    objects.insert(format!("table public.{}", table.name), json!({}));
    for (name, is_required) in stored {
        let Some(column) = table.column(&name) else { continue };
        let nulls = if is_required { "refused" } else { "allowed" };
        objects.insert(
            format!("column public.{}.{name}", table.name),
            json!({ "type": column.pg_type.name(), "null": nulls }),
        );
    }
    Ok(())
}
