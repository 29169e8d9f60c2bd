//! From a payload's objects to the values of columns.

use rusqlite::types::Value;
use uuid::Uuid;

use crate::rest::error::RestError;
use crate::rest::payload::Object;
use crate::rest::table_context::TableContext;
use crate::rest::value;
use crate::schema::{Column, Default, Table};

/// Columns and their new values.
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

impl TableContext<'_> {
    /// The values of the columns in the payload. A missing key means null, or the column's default if the
    /// client prefers that.
    pub(crate) fn assignments(
        &self,
        columns: &[&'static Column],
        object: &Object,
        missing_default: bool,
    ) -> Result<Values, RestError> {
        let assign = |column: &&'static Column| {
            let value = match object.get(column.name) {
                Some(json) => value::parse_json(column.pg_type, json, self.session.now)?,
                None if missing_default => self.default_value(column)?,
                None => Value::Null,
            };
            Ok((*column, value))
        };
        columns.iter().map(assign).collect()
    }

    /// Every column of a new row: the given values and defaults for the rest.
    pub fn new_row(&self, given: &[(&'static Column, Value)]) -> Result<Values, RestError> {
        let complete = |column: &'static Column| {
            let value = match given.iter().find(|(given, _)| given.name == column.name) {
                Some((_, value)) => value.clone(),
                None => self.default_value(column)?,
            };
            Ok((column, value))
        };
        self.table.stored_columns().map(complete).collect()
    }

    fn default_value(&self, column: &'static Column) -> Result<Value, RestError> {
        Ok(match column.default {
            Default::None => Value::Null,
            Default::GenRandomUuid => Value::Text(Uuid::new_v4().to_string()),
            Default::AuthUid => self.session.uid().map(|uid| uid.to_string()).into(),
            Default::ClockTimestamp => self.clock_timestamp()?.into(),
            Default::Literal(text) => value::parse(column.pg_type, text, self.session.now)?,
        })
    }

    /// The current time, which advances within a transaction.
    pub fn clock_timestamp(&self) -> rusqlite::Result<i64> {
        let mut statement = self.connection.prepare_cached("select clock_timestamp()")?;
        statement.query_row([], |row| row.get(0))
    }
}
