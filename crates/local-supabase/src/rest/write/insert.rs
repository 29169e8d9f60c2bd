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
use crate::schema::{Column, Command, Privilege, Table};

/// The rows that a statement has touched.
#[derive(Debug, Default)]
pub struct Written {
    pub rows: Vec<i64>,
    /// Those of them that were there, or have been inserted since, and may not be met again.
    merged: HashSet<i64>,
    pub inserted: usize,
}

/// How an insert proceeds.
#[derive(Clone, Copy)]
pub struct InsertOptions {
    /// A missing key means the column's default.
    pub missing_default: bool,
    pub resolve: Option<Resolve>,
    /// Whether the caller reads what was inserted.
    pub returns: bool,
}

/// What becomes of rows that are there already.
#[derive(Clone, Copy)]
pub struct Resolve {
    pub resolution: Resolution,
    /// The columns of a unique constraint.
    pub columns: &'static [&'static str],
}

/// A row to insert.
struct NewRow {
    /// What the payload gives.
    given: Values,
    /// Every column.
    row: Values,
    /// Why a policy forbids it.
    violation: Option<RestError>,
}

/// The unique constraint over exactly these columns, or the primary key. A table without a key has none.
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
        unique.is_conflict_target()
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
        options: InsertOptions,
    ) -> Result<Written, RestError> {
        let columns = resolve_columns(self.table, &payload.columns)?;
        self.refuse_generated(&columns, true)?;
        let resolve = options.resolve.filter(|resolve| !resolve.columns.is_empty());
        self.require_insert(&columns, resolve)?;
        let reads = options.returns || resolve.is_some();
        let rows = self.new_rows(payload, &columns, options.missing_default, reads)?;
        let merge = resolve.filter(|r| r.resolution == Resolution::MergeDuplicates);
        let mut written = Written::default();
        for NewRow { given, row, violation } in rows {
            if let Some(violation) = violation {
                return Err(violation);
            }
            let existing = match merge {
                Some(merge) => self.existing_row(&row, merge.columns)?,
                None => None,
            };
            match existing {
                Some(existing) => self.merge(&given, existing, &mut written)?,
                None => {
                    let ignored = resolve.map(|resolve| resolve.columns);
                    let inserted = self.insert_checked(&row, ignored)?;
                    written.inserted += usize::from(inserted.is_some());
                    written.merged.extend(inserted);
                    written.rows.extend(inserted);
                }
            }
        }
        Ok(written)
    }

    fn require_insert(
        &self,
        columns: &[&'static Column],
        resolve: Option<Resolve>,
    ) -> Result<(), RestError> {
        self.table.require(self.session.role, Privilege::Insert(columns))?;
        let Some(Resolve { resolution, columns: target }) = resolve else { return Ok(()) };
        sql::require_select(self.session, self.table, target.iter().copied())?;
        if resolution == Resolution::MergeDuplicates {
            self.require_update(columns)?;
        }
        Ok(())
    }

    /// All rows of the payload before the first one is inserted: PostgreSQL reads them all first, and its
    /// policies do not see what the statement itself inserts.
    fn new_rows(
        &self,
        payload: &Payload,
        columns: &[&'static Column],
        missing_default: bool,
        reads: bool,
    ) -> Result<Vec<NewRow>, RestError> {
        let given = payload.rows.iter().map(|object| {
            let given = self.assignments(columns, object, missing_default)?;
            let row = self.new_row(&given)?;
            self.check_domains(Proposed { table: self.table, values: &row, rows: None })?;
            Ok(NewRow { given, row, violation: None })
        });
        let mut rows: Vec<NewRow> = given.collect::<Result<_, RestError>>()?;
        for new in &mut rows {
            let proposed = Proposed { table: self.table, values: &new.row, rows: None };
            new.violation = self.policy_violation(Command::Insert, proposed, reads)?;
        }
        Ok(rows)
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
        let proposed = Proposed { table: self.table, values: row, rows: None };
        self.check_policy(Command::Insert, proposed, false)?;
        self.insert_checked(row, ignored)
    }

    fn insert_checked(
        &self,
        row: &[(&'static Column, Value)],
        ignored: Option<&'static [&'static str]>,
    ) -> Result<Option<i64>, RestError> {
        let proposed = self.check_nulls(row)?;
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

    fn check_nulls<'a>(
        &self,
        row: &'a [(&'static Column, Value)],
    ) -> Result<Proposed<'a>, RestError> {
        let proposed = Proposed { table: self.table, values: row, rows: None };
        let null = row.iter().find(|(column, value)| !column.nullable && *value == Value::Null);
        match null {
            Some((column, _)) => Err(self.null_value(proposed, column.name)),
            None => Ok(proposed),
        }
    }

    /// The row that already has the new row's values in these columns. The new row must meet all checks
    /// even so.
    fn existing_row(
        &self,
        row: &[(&'static Column, Value)],
        columns: &'static [&'static str],
    ) -> Result<Option<i64>, RestError> {
        let proposed = self.check_nulls(row)?;
        for check in self.table.checks {
            if self.query_bool(&sql::violates_expression(proposed, &check.expression))? {
                return Err(self.check_violation(proposed, check.name));
            }
        }
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
