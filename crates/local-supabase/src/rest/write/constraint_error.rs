//! Violated constraints, reported as PostgreSQL does. Errors for users omit the values, which may be in
//! rows that row-level security hides from them.

use rusqlite::types::Value;
use rusqlite::{Error, ffi};

use crate::rest::error::{RestError, THROUGH_SQLITE};
use crate::rest::sql::{self, Proposed};
use crate::rest::table_context::TableContext;
use crate::rest::value;
use crate::schema::{Action, Column, ForeignKey, Table, Unique};

/// How far deletions are followed from table to table, to say which row forbids one.
const MAX_CASCADES: usize = 8;

impl TableContext<'_> {
    /// The error of a statement that would have written the proposed rows.
    pub(crate) fn constraint_error(&self, proposed: Proposed<'_>, error: Error) -> RestError {
        let Error::SqliteFailure(failure, Some(message)) = &error else { return error.into() };
        // A trigger that refuses a row says it in PostgreSQL's words.
        if message.starts_with(THROUGH_SQLITE) {
            return error.into();
        }
        let subject = message.rsplit(": ").next().unwrap_or_default();
        match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_CHECK => self.check_violation(proposed, subject),
            ffi::SQLITE_CONSTRAINT_NOTNULL => self.null_in(proposed, subject),
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                self.duplicate_key(proposed, subject)
            }
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
                self.broken_reference(proposed).unwrap_or_else(|| error.into())
            }
            _ => error.into(),
        }
    }

    /// A check, or one of a domain, that a row does not meet.
    pub(super) fn check_violation(&self, proposed: Proposed<'_>, name: &str) -> RestError {
        let check = self.table.checks.iter().find(|check| check.name == name);
        match check.and_then(|check| check.domain) {
            Some(domain) => RestError::domain_check(domain, name),
            None => {
                let broken = check.and_then(|check| check.expression.sql());
                self.with_row(proposed, RestError::check(self.table.name, name), broken)
            }
        }
    }

    /// Why rows could not be deleted.
    pub(super) fn deletion_error(&self, rows: &[i64], error: Error) -> RestError {
        let proposed = Proposed { table: self.table, values: &[], rows: Some(rows) };
        let Error::SqliteFailure(failure, Some(message)) = &error else { return error.into() };
        if message.starts_with(THROUGH_SQLITE) {
            return error.into();
        }
        let subject = message.rsplit(": ").next().unwrap_or_default();
        match failure.extended_code {
            // A row that refers to a deleted one would have a null where none may be.
            ffi::SQLITE_CONSTRAINT_NOTNULL => self.null_in(proposed, subject),
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
                self.blocked_deletion(proposed, 0).unwrap_or_else(|| error.into())
            }
            _ => error.into(),
        }
    }

    /// `subject` is `chats.title`.
    fn null_in(&self, proposed: Proposed<'_>, subject: &str) -> RestError {
        let (table, column) = subject.split_once('.').unwrap_or((self.table.name, subject));
        match table == self.table.name {
            true => self.null_value(proposed, column),
            false => RestError::not_null(table, column),
        }
    }

    /// A null in a column that is not nullable.
    pub(super) fn null_value(&self, proposed: Proposed<'_>, column: &str) -> RestError {
        self.with_row(proposed, RestError::not_null(self.table.name, column), None)
    }

    /// `subject` lists the columns: `chats.id, chats.user_id`. If several keys are violated, PostgreSQL
    /// reports the oldest.
    fn duplicate_key(&self, proposed: Proposed<'_>, subject: &str) -> RestError {
        let columns: Vec<_> =
            subject.split(", ").filter_map(|name| name.rsplit('.').next()).collect();
        let is_violated = |unique: &&Unique| {
            unique.columns.iter().all(|column| columns.contains(column))
                || unique.is_conflict_target()
                    && self.query_bool(&sql::is_taken(proposed, unique.columns)).unwrap_or(false)
        };
        let Some(violated) = self.table.unique.iter().find(is_violated) else {
            return RestError::unique(subject);
        };
        let error = RestError::unique(violated.name);
        match self.key(proposed, violated.columns) {
            Some(key) => error.details(format!("Key {key} already exists.")),
            None => error,
        }
    }

    fn broken_reference(&self, proposed: Proposed<'_>) -> Option<RestError> {
        let asks = |key: &&ForeignKey| self.query_bool(&sql::missing_parent(proposed, key));
        let missing = self.table.foreign_keys.iter().find(|key| asks(key).unwrap_or(false));
        let changes = |key: &ForeignKey| {
            let mut values = proposed.values.iter();
            values.any(|(given, _)| key.foreign_columns.contains(&given.name))
        };
        let Some(key) = missing else { return self.still_referenced(proposed, changes) };
        let values = self.key(proposed, key.columns).map(|values| format!("{values} "));
        Some(RestError::foreign_key(self.table.name, key.name).details(format!(
            "Key {}is not present in table \"{}\".",
            values.unwrap_or_default(),
            key.foreign_table()
        )))
    }

    /// A row elsewhere that keeps one of the rows from being deleted, or one that would go with it.
    fn blocked_deletion(&self, proposed: Proposed<'_>, depth: usize) -> Option<RestError> {
        let blocks =
            |key: &ForeignKey| matches!(key.on_delete, Action::NoAction | Action::Restrict);
        if let Some(error) = self.still_referenced(proposed, blocks) {
            return Some(error);
        }
        let mut cascading = self.references().filter(|(_, key)| key.on_delete == Action::Cascade);
        cascading.find_map(|(table, key)| {
            let rows = self.row_ids(&sql::referring_rows(proposed, table, key)).ok()?;
            let child = TableContext { table, ..*self };
            let proposed = Proposed { table, values: &[], rows: Some(&rows) };
            let is_deeper = !rows.is_empty() && depth < MAX_CASCADES;
            is_deeper.then(|| child.blocked_deletion(proposed, depth + 1)).flatten()
        })
    }

    /// The keys that refer to the table, and the tables that they are of.
    fn references(&self) -> impl Iterator<Item = (&'static Table, &'static ForeignKey)> {
        let name = self.table.name;
        self.session.schema.tables.iter().flat_map(move |child| {
            let keys = child.foreign_keys.iter().map(move |key| (*child, key));
            keys.filter(move |(_, key)| key.references == name)
        })
    }

    /// A row elsewhere that refers to one of the rows by a key that counts.
    fn still_referenced(
        &self,
        proposed: Proposed<'_>,
        counts: impl Fn(&ForeignKey) -> bool,
    ) -> Option<RestError> {
        let mut keys = self.references().filter(|(_, key)| counts(key));
        let (child, key, values) = keys.find_map(|(child, key)| {
            let values = self.referenced_values(proposed, child, key)?;
            Some((child, key, values))
        })?;
        let error = RestError::still_referenced(self.table.name, key.name, child.name);
        let columns = key.foreign_columns.join(", ");
        let shown = match self.has_row_security() {
            true => String::new(),
            false => format!("({columns})=({}) ", values.join(", ")),
        };
        let details = format!("Key {shown}is still referenced from table \"{}\".", child.name);
        Some(error.details(details))
    }

    /// The values that a key of another table refers to, of the first row that it refers to.
    fn referenced_values(
        &self,
        proposed: Proposed<'_>,
        child: &'static Table,
        key: &ForeignKey,
    ) -> Option<Vec<String>> {
        let question = sql::still_referenced(proposed, child, key);
        let columns = key.foreign_columns.iter().map(|name| self.table.column(name));
        let columns: Vec<&Column> = columns.collect::<Option<_>>()?;
        let found: rusqlite::Result<Vec<String>> =
            question.prepared(self.connection, |statement, values| {
                statement.query_row(values, |row| {
                    let print = |(index, column): (usize, &&Column)| {
                        let stored: Value = row.get(index)?;
                        Ok(value::print(column.pg_type, &stored).unwrap_or_default())
                    };
                    columns.iter().enumerate().map(print).collect()
                })
            });
        found.ok()
    }

    /// `(id)=(…)`, if the values are known and may be shown.
    fn key(&self, proposed: Proposed<'_>, columns: &[&str]) -> Option<String> {
        if self.has_row_security() {
            return None;
        }
        let value = |name: &&str| proposed.values.iter().find(|(c, _)| c.name == *name);
        let values: Option<Vec<String>> =
            columns.iter().map(|name| value(name).map(print)).collect();
        Some(format!("({})=({})", columns.join(", "), values?.join(", ")))
    }

    /// Adds the first row that a check is false of, or the first row at all.
    fn with_row(
        &self,
        proposed: Proposed<'_>,
        error: RestError,
        check: Option<&'static str>,
    ) -> RestError {
        if self.has_row_security() {
            return error;
        }
        let columns: Vec<_> = self.table.stored_columns().collect();
        let row: rusqlite::Result<Vec<String>> =
            proposed.values(check).prepared(self.connection, |statement, values| {
                statement.query_row(values, |row| {
                    let print = |(index, column): (usize, &&'static Column)| {
                        Ok(shorten(print(&(*column, row.get(index)?))))
                    };
                    columns.iter().enumerate().map(print).collect()
                })
            });
        match row {
            Ok(values) => error.details(format!("Failing row contains ({}).", values.join(", "))),
            Err(_) => error,
        }
    }
}

fn print((column, value): &(&'static Column, Value)) -> String {
    value::print(column.pg_type, value).unwrap_or_else(|| "null".to_owned())
}

/// PostgreSQL shows the first 64 bytes of a value.
fn shorten(text: String) -> String {
    if text.len() <= 64 {
        return text;
    }
    format!("{}...", &text[..text.floor_char_boundary(64)])
}
