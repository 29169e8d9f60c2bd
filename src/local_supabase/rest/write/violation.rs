//! SQLite's refusals in PostgreSQL's words.

use rusqlite::types::Value;
use rusqlite::{Connection, Error, ffi};

use super::holds;
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::schema::{Column, ForeignKey, TABLES, Table};
use crate::local_supabase::rest::session::Session;
use crate::local_supabase::rest::sql::{self, Proposed};
use crate::local_supabase::rest::value;
use crate::local_supabase::role::Role;

/// Why a statement failed that would have left the proposed rows. Users are not told the values,
/// which may be in rows that row-level security hides from them.
pub fn explain(
    connection: &Connection,
    session: Session,
    proposed: Proposed<'_>,
    error: Error,
) -> RestError {
    let Error::SqliteFailure(failure, Some(message)) = &error else { return error.into() };
    let subject = message.rsplit(": ").next().unwrap_or_default();
    let teller = Teller { proposed, tells: session.role == Role::Service };
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_CHECK => teller.check(subject),
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            teller.not_null(subject.rsplit('.').next().unwrap_or_default())
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => teller.unique(subject),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            teller.foreign_key(connection).unwrap_or_else(|| error.into())
        }
        _ => error.into(),
    }
}

/// A null where none may be.
pub(super) fn not_null(session: Session, proposed: Proposed<'_>, column: &str) -> RestError {
    Teller { proposed, tells: session.role == Role::Service }.not_null(column)
}

struct Teller<'a> {
    proposed: Proposed<'a>,
    tells: bool,
}

impl Teller<'_> {
    fn check(&self, constraint: &str) -> RestError {
        self.with_row(RestError::check(self.proposed.table.name, constraint))
    }

    fn not_null(&self, column: &str) -> RestError {
        self.with_row(RestError::not_null(self.proposed.table.name, column))
    }

    /// `subject` lists the columns: `chats.id, chats.user_id`.
    fn unique(&self, subject: &str) -> RestError {
        let columns: Vec<_> =
            subject.split(", ").filter_map(|name| name.rsplit('.').next()).collect();
        // Where several are violated PostgreSQL reports the one that was made first.
        let violated = self
            .proposed
            .table
            .unique
            .iter()
            .find(|unique| unique.columns.iter().all(|column| columns.contains(column)));
        let Some(violated) = violated else { return RestError::unique(subject) };
        let error = RestError::unique(violated.name);
        match self.key(violated.columns) {
            Some(key) if self.tells => error.details(format!("Key {key} already exists.")),
            _ => error,
        }
    }

    fn foreign_key(&self, connection: &Connection) -> Option<RestError> {
        let table = self.proposed.table;
        let missing = table.foreign_keys.iter().find(|key| {
            holds(connection, &sql::missing_parent(self.proposed, key)).unwrap_or(false)
        });
        if let Some(key) = missing {
            let error = RestError::foreign_key(table.name, key.name);
            let values = self.key(key.columns).filter(|_| self.tells);
            return Some(error.details(format!(
                "Key {}is not present in table \"{}\".",
                values.map(|values| format!("{values} ")).unwrap_or_default(),
                key.foreign_table()
            )));
        }
        let (child, key) = self.reference_to(connection)?;
        let error = RestError::still_referenced(table.name, key.name, child.name);
        Some(error.details(format!("Key is still referenced from table \"{}\".", child.name)))
    }

    /// The foreign key that points to one of the rows and to a column that changes.
    fn reference_to(
        &self,
        connection: &Connection,
    ) -> Option<(&'static Table, &'static ForeignKey)> {
        let changes = |column: &&'static str| {
            self.proposed.values.iter().any(|(given, _)| given.name == *column)
        };
        TABLES.iter().find_map(|child| {
            let keys = child.foreign_keys.iter();
            keys.filter(|key| key.references == self.proposed.table.name)
                .filter(|key| key.foreign_columns.iter().any(changes))
                .find(|key| {
                    let question = sql::still_referenced(self.proposed, child, key);
                    holds(connection, &question).unwrap_or(false)
                })
                .map(|key| (*child, key))
        })
    }

    /// `(id)=(…)`, if the values are known.
    fn key(&self, columns: &[&str]) -> Option<String> {
        let value = |name: &&str| self.proposed.values.iter().find(|(c, _)| c.name == *name);
        let values: Option<Vec<String>> =
            columns.iter().map(|name| value(name).map(print)).collect();
        Some(format!("({})=({})", columns.join(", "), values?.join(", ")))
    }

    fn with_row(&self, error: RestError) -> RestError {
        if !self.tells || self.proposed.rows.is_some() {
            return error;
        }
        let values: Vec<_> = self.proposed.values.iter().map(|v| shorten(print(v))).collect();
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
