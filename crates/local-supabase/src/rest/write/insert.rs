//! `insert`, with or without `on conflict`.

use std::collections::HashSet;

use rusqlite::OptionalExtension;
use rusqlite::types::Value;

use super::row::{Values, resolve_columns};
use crate::rest::error::RestError;
use crate::rest::headers::Resolution;
use crate::rest::payload::Payload;
use crate::rest::sql::{self, Proposed, Sql};
use crate::rest::table_context::TableContext;
use crate::schema::{Column, Privilege, Table};

/// The rows that a statement has written.
#[derive(Debug, Default)]
pub struct Written {
    pub rows: Vec<i64>,
    /// The rows that this statement must not write a second time.
    merged: HashSet<i64>,
    pub inserted: usize,
}

/// How to resolve conflicts with existing rows.
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

impl TableContext<'_> {
    /// Inserts the payload's rows.
    pub(crate) fn insert(
        &self,
        payload: &Payload,
        missing_default: bool,
        resolve: Option<Resolve>,
    ) -> Result<Written, RestError> {
        let columns = resolve_columns(self.table, &payload.columns)?;
        self.table.require(self.session.role, Privilege::Insert(&columns))?;
        let merge = resolve.filter(|r| r.resolution == Resolution::MergeDuplicates);
        if merge.is_some() {
            self.table.require(self.session.role, Privilege::Update)?;
        }
        let mut written = Written::default();
        for object in &payload.rows {
            let given = self.assignments(&columns, object, missing_default)?;
            let row = self.new_row(&given)?;
            let existing = match merge {
                Some(merge) => self.existing_row(&row, merge.columns)?,
                None => None,
            };
            match existing {
                Some(existing) => self.merge(&given, existing, &mut written)?,
                None => {
                    let inserted = self.insert_row(&row, resolve.map(|resolve| resolve.columns))?;
                    written.inserted += usize::from(inserted.is_some());
                    written.merged.extend(inserted);
                    written.rows.extend(inserted);
                }
            }
        }
        Ok(written)
    }

    fn merge(&self, given: &Values, existing: i64, written: &mut Written) -> Result<(), RestError> {
        if !written.merged.insert(existing) {
            return Err(RestError::affected_twice());
        }
        self.set(given, &[existing])?;
        written.rows.push(existing);
        Ok(())
    }

    /// Inserts one complete row, unless a row with the same values in `ignored` exists.
    pub fn insert_row(
        &self,
        row: &[(&'static Column, Value)],
        ignored: Option<&'static [&'static str]>,
    ) -> Result<Option<i64>, RestError> {
        let proposed = self.check_new_row(row)?;
        let insert = sql::insert(self.table, row);
        let insert = match ignored {
            Some(columns) => insert
                .push(" on conflict ")
                .append(Sql::names(columns.iter().copied()))
                .push(" do nothing"),
            None => insert,
        };
        let inserted =
            self.execute(&insert).map_err(|error| self.constraint_error(proposed, error))?;
        Ok((inserted > 0).then(|| self.connection.last_insert_rowid()))
    }

    /// Checks row-level security and nulls.
    fn check_new_row<'a>(
        &self,
        row: &'a [(&'static Column, Value)],
    ) -> Result<Proposed<'a>, RestError> {
        let proposed = Proposed { table: self.table, values: row, rows: None };
        self.check_policy(self.table.policies.insert_check, proposed)?;
        let null = row.iter().find(|(column, value)| !column.nullable && *value == Value::Null);
        match null {
            Some((column, _)) => Err(self.null_value(proposed, column.name)),
            None => Ok(proposed),
        }
    }

    /// The row that already has the new row's values in these columns.
    fn existing_row(
        &self,
        row: &[(&'static Column, Value)],
        columns: &'static [&'static str],
    ) -> Result<Option<i64>, RestError> {
        let proposed = self.check_new_row(row)?;
        let question = sql::find_conflict(self.session, proposed, columns)?;
        let found: Option<(i64, bool)> =
            question.prepared(self.connection, |statement, values| {
                statement.query_row(values, |row| Ok((row.get(0)?, row.get(1)?))).optional()
            })?;
        match found {
            Some((_, false)) => Err(RestError::row_security_using(self.table.name)),
            Some((existing, true)) => Ok(Some(existing)),
            None => Ok(None),
        }
    }
}
