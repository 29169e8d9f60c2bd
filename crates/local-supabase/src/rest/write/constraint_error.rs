//! Violated constraints, reported as PostgreSQL does. Errors for users omit the values, which may be in
//! rows that row-level security hides from them.

use rusqlite::types::Value;
use rusqlite::{Error, ffi};

use crate::rest::error::RestError;
use crate::rest::sql::{self, Proposed};
use crate::rest::table_context::TableContext;
use crate::rest::value;
use crate::schema::{Column, ForeignKey, Table};

impl TableContext<'_> {
    /// The error of a statement that would have written the proposed rows.
    pub(crate) fn constraint_error(&self, proposed: Proposed<'_>, error: Error) -> RestError {
        let Error::SqliteFailure(failure, Some(message)) = &error else { return error.into() };
        let subject = message.rsplit(": ").next().unwrap_or_default();
        match failure.extended_code {
            // A check that was added later is a trigger, whose message is its name.
            ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_TRIGGER => {
                self.with_row(proposed, RestError::check(self.table.name, subject))
            }
            ffi::SQLITE_CONSTRAINT_NOTNULL => {
                self.null_value(proposed, subject.rsplit('.').next().unwrap_or_default())
            }
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                self.duplicate_key(proposed, subject)
            }
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
                self.broken_reference(proposed).unwrap_or_else(|| error.into())
            }
            _ => error.into(),
        }
    }

    /// A null in a column that is not nullable.
    pub(super) fn null_value(&self, proposed: Proposed<'_>, column: &str) -> RestError {
        self.with_row(proposed, RestError::not_null(self.table.name, column))
    }

    /// `subject` lists the columns: `chats.id, chats.user_id`.
    fn duplicate_key(&self, proposed: Proposed<'_>, subject: &str) -> RestError {
        let columns: Vec<_> =
            subject.split(", ").filter_map(|name| name.rsplit('.').next()).collect();
        // If several are violated, PostgreSQL reports the oldest.
        let mut constraints = self.table.unique.iter();
        let violated =
            constraints.find(|unique| unique.columns.iter().all(|column| columns.contains(column)));
        let Some(violated) = violated else { return RestError::unique(subject) };
        let error = RestError::unique(violated.name);
        match self.key(proposed, violated.columns) {
            Some(key) => error.details(format!("Key {key} already exists.")),
            None => error,
        }
    }

    fn broken_reference(&self, proposed: Proposed<'_>) -> Option<RestError> {
        let asks = |key: &&ForeignKey| self.query_bool(&sql::missing_parent(proposed, key));
        let missing = self.table.foreign_keys.iter().find(|key| asks(key).unwrap_or(false));
        let Some(key) = missing else { return self.still_referenced(proposed) };
        let values = self.key(proposed, key.columns).map(|values| format!("{values} "));
        Some(RestError::foreign_key(self.table.name, key.name).details(format!(
            "Key {}is not present in table \"{}\".",
            values.unwrap_or_default(),
            key.foreign_table()
        )))
    }

    fn still_referenced(&self, proposed: Proposed<'_>) -> Option<RestError> {
        let (child, key) = self.session.schema.tables.iter().find_map(|child| {
            let key = self.reference_from(child, proposed)?;
            Some((child, key))
        })?;
        let error = RestError::still_referenced(self.table.name, key.name, child.name);
        Some(error.details(format!("Key is still referenced from table \"{}\".", child.name)))
    }

    /// The foreign key of `child` that points to one of the rows and to a column that changes.
    fn reference_from(
        &self,
        child: &'static Table,
        proposed: Proposed<'_>,
    ) -> Option<&'static ForeignKey> {
        let changes =
            |column: &&'static str| proposed.values.iter().any(|(given, _)| given.name == *column);
        let mut keys = child.foreign_keys.iter();
        keys.find(|key| {
            key.references == self.table.name
                && key.foreign_columns.iter().any(changes)
                && self.query_bool(&sql::still_referenced(proposed, child, key)).unwrap_or(false)
        })
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

    fn with_row(&self, proposed: Proposed<'_>, error: RestError) -> RestError {
        if self.has_row_security() || proposed.rows.is_some() {
            return error;
        }
        let values: Vec<_> = proposed.values.iter().map(|v| shorten(print(v))).collect();
        error.details(format!("Failing row contains ({}).", values.join(", ")))
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
