//! From a payload's objects to the values of columns.

use rusqlite::types::Value;

use crate::rest::error::RestError;
use crate::rest::payload::Object;
use crate::rest::sql::{self, Sql};
use crate::rest::table_context::TableContext;
use crate::rest::value;
use crate::schema::{Column, Default, Generated, Table};

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
                Some(json) => {
                    value::parse_json(column.pg_type, column.name, json, self.session.now)?
                }
                None if missing_default => self.default_value(column)?,
                None => Value::Null,
            };
            Ok((*column, value))
        };
        columns.iter().map(assign).collect()
    }

    /// Every column of a new row that is not generated: the given values and defaults for the rest.
    pub fn new_row(&self, given: &[(&'static Column, Value)]) -> Result<Values, RestError> {
        let complete = |column: &'static Column| {
            let value = match given.iter().find(|(given, _)| given.name == column.name) {
                Some((_, value)) => value.clone(),
                None => self.default_value(column)?,
            };
            Ok((column, value))
        };
        let is_computed = |column: &&Column| matches!(column.generated, Generated::Stored(_));
        self.table.stored_columns().filter(|column| !is_computed(column)).map(complete).collect()
    }

    fn default_value(&self, column: &'static Column) -> Result<Value, RestError> {
        Ok(match column.default {
            Default::None => Value::Null,
            Default::Literal(text) => value::parse(column.pg_type, text, self.session.now)?,
            Default::Expression(expression) => {
                let select =
                    Sql::new("select ").append(sql::expression(self.session, &expression)?);
                select.prepared(self.connection, |statement, values| {
                    Ok::<_, RestError>(statement.query_row(values, |row| row.get(0))?)
                })?
            }
            Default::Sequence(name) => self.next_value(name)?.into(),
        })
    }

    /// `nextval`. Unlike PostgreSQL's, the numbers of a transaction that fails are used again.
    fn next_value(&self, sequence: &str) -> rusqlite::Result<i64> {
        let next = "update local_sequences set last_value = last_value + increment where name = ? \
                    returning last_value";
        self.connection.prepare_cached(next)?.query_row([sequence], |row| row.get(0))
    }

    /// The current time, which advances within a transaction.
    pub fn clock_timestamp(&self) -> rusqlite::Result<i64> {
        let mut statement = self.connection.prepare_cached("select clock_timestamp()")?;
        statement.query_row([], |row| row.get(0))
    }
}
