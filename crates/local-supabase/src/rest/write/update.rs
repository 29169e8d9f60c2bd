//! `update`.

use rusqlite::types::Value;

use super::row::Values;
use crate::rest::error::RestError;
use crate::rest::payload::Object;
use crate::rest::query::Node;
use crate::rest::sql::{self, Operation, Proposed};
use crate::rest::table_context::TableContext;
use crate::schema::{Column, Command};

impl TableContext<'_> {
    /// Sets the values of `object` in every row that meets the conditions. Returns the row ids.
    pub(crate) fn update(
        &self,
        node: &Node,
        columns: &[&'static Column],
        object: &Object,
        missing_default: bool,
    ) -> Result<Vec<i64>, RestError> {
        self.refuse_generated(columns, false)?;
        let targets = sql::targets(self.session, self.table, node, Operation::Update)?;
        self.require_update(columns)?;
        let rows = self.row_ids(&targets)?;
        // PostgreSQL reads the values when it has found a row to give them to.
        if !rows.is_empty() {
            let values = self.assignments(columns, object, missing_default)?;
            self.set(&values, &rows)?;
        }
        Ok(rows)
    }

    /// Sets the values in these rows, which the caller has found and so must be able to see afterwards.
    pub fn set(&self, values: &Values, rows: &[i64]) -> Result<(), RestError> {
        if values.is_empty() {
            return Ok(());
        }
        let proposed = Proposed { table: self.table, values, rows: Some(rows) };
        self.check_domains(proposed)?;
        self.check_policy(Command::Update, proposed, true)?;
        let null = values.iter().find(|(column, value)| !column.nullable && *value == Value::Null);
        if let Some((column, _)) = null {
            return Err(self.null_value(proposed, column.name));
        }
        self.execute(&sql::update(proposed))
            .map_err(|error| self.constraint_error(proposed, error))?;
        Ok(())
    }
}
