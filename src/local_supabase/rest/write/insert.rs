//! `insert`, with or without `on conflict`.

use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::row::{Values, assignments, new_row, resolve_columns};
use super::violation::{explain, not_null};
use super::{execute, holds, update};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::headers::Resolution;
use crate::local_supabase::rest::payload::Payload;
use crate::local_supabase::rest::schema::{Column, Privilege, Table};
use crate::local_supabase::rest::session::Session;
use crate::local_supabase::rest::sql::{self, Proposed, Sql};
use crate::local_supabase::role::Role;

/// The rows that a statement has touched.
#[derive(Debug, Default)]
pub struct Written {
    pub rows: Vec<i64>,
    pub inserted: usize,
}

/// What becomes of rows that are there already.
#[derive(Clone, Copy)]
pub struct Resolve {
    pub resolution: Resolution,
    /// The columns of a unique constraint.
    pub columns: &'static [&'static str],
}

/// The unique constraint over exactly these columns, or the primary key.
pub fn conflict_target(
    table: &'static Table,
    names: Option<&[String]>,
) -> Result<&'static [&'static str], RestError> {
    let Some(names) = names else { return Ok(table.primary_key()) };
    for name in names {
        if table.stored_columns().all(|column| column.name != *name) {
            return Err(RestError::sql("42703", format!("column \"{name}\" does not exist")));
        }
    }
    let target = table.unique.iter().find(|unique| {
        unique.predicate.is_none()
            && unique.columns.iter().all(|column| names.iter().any(|name| name == column))
            && names.iter().all(|name| unique.columns.contains(&name.as_str()))
    });
    target.map(|unique| unique.columns).ok_or_else(RestError::no_conflict_target)
}

/// Inserts the payload's rows.
pub fn insert(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    payload: &Payload,
    missing_default: bool,
    resolve: Option<Resolve>,
) -> Result<Written, RestError> {
    let columns = resolve_columns(table, &payload.columns)?;
    table.require(session.role, Privilege::Insert(&columns))?;
    if resolve.is_some_and(|resolve| resolve.resolution == Resolution::MergeDuplicates) {
        table.require(session.role, Privilege::Update)?;
    }
    let mut written = Written::default();
    for object in &payload.rows {
        let given = assignments(connection, session, &columns, object, missing_default)?;
        let row = new_row(connection, session, table, &given)?;
        insert_or_resolve(connection, session, table, &row, &columns, resolve, &mut written)?;
    }
    Ok(written)
}

fn insert_or_resolve(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    row: &Values,
    columns: &[&'static Column],
    resolve: Option<Resolve>,
    written: &mut Written,
) -> Result<(), RestError> {
    let merge = resolve.filter(|r| r.resolution == Resolution::MergeDuplicates);
    if let Some(Resolve { columns: target, .. }) = merge {
        check(connection, session, table, row)?;
        let existing = conflicting_row(connection, session, table, row, target)?;
        if let Some(existing) = existing {
            if written.rows.contains(&existing) {
                return Err(RestError::affected_twice());
            }
            let given: Values =
                row.iter().filter(|(column, _)| is_among(columns, column)).cloned().collect();
            update::set(connection, session, table, &given, &[existing])?;
            written.rows.push(existing);
            return Ok(());
        }
    }
    let ignored = resolve.map(|resolve| resolve.columns);
    if let Some(inserted) = insert_row(connection, session, table, row, ignored)? {
        written.rows.push(inserted);
        written.inserted += 1;
    }
    Ok(())
}

fn is_among(columns: &[&'static Column], column: &Column) -> bool {
    columns.iter().any(|given| given.name == column.name)
}

/// Inserts one complete row; nothing where a row with the same values in `ignored` exists.
pub fn insert_row(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    row: &Values,
    ignored: Option<&'static [&'static str]>,
) -> Result<Option<i64>, RestError> {
    check(connection, session, table, row)?;
    let insert = sql::insert(table, row);
    let insert = match ignored {
        Some(columns) => insert
            .push(" on conflict ")
            .append(Sql::names(columns.iter().copied()))
            .push(" do nothing"),
        None => insert,
    };
    let proposed = Proposed { table, values: row, rows: None };
    let inserted = execute(connection, &insert)
        .map_err(|error| explain(connection, session, proposed, error))?;
    Ok((inserted > 0).then(|| connection.last_insert_rowid()))
}

/// Row-level security and nulls.
fn check(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    row: &Values,
) -> Result<(), RestError> {
    let proposed = Proposed { table, values: row, rows: None };
    if session.role != Role::Service {
        let question = sql::violates_check(session, table.policies.insert_check, proposed);
        if holds(connection, &question)? {
            return Err(RestError::row_security(table.name));
        }
    }
    let null = row
        .iter()
        .find(|(column, value)| !column.nullable && *value == rusqlite::types::Value::Null);
    match null {
        Some((column, _)) => Err(not_null(session, proposed, column.name)),
        None => Ok(()),
    }
}

fn conflicting_row(
    connection: &Connection,
    session: Session,
    table: &'static Table,
    row: &Values,
    target: &'static [&'static str],
) -> Result<Option<i64>, RestError> {
    let proposed = Proposed { table, values: row, rows: None };
    let question = sql::find_conflict(session, proposed, target)?;
    let mut statement = connection.prepare_cached(question.text())?;
    let found: Option<(i64, bool)> = statement
        .query_row(params_from_iter(question.values()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match found {
        Some((_, false)) => Err(RestError::row_security_using(table.name)),
        Some((existing, true)) => Ok(Some(existing)),
        None => Ok(None),
    }
}
