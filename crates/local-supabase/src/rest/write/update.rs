//! `update`.

use rusqlite::types::Value;

use super::row::Values;
use crate::rest::error::RestError;
use crate::rest::query::Node;
use crate::rest::sql::{self, Operation, Proposed};
use crate::rest::table_context::TableContext;
use crate::schema::Privilege;

impl TableContext<'_> {
    /// Sets the values in every row that meets the conditions. Returns the row ids.
    pub(crate) fn update(&self, node: &Node, values: &Values) -> Result<Vec<i64>, RestError> {
        self.table.require(self.session.role, Privilege::Update)?;
        let targets = sql::targets(self.session, self.table, node, Operation::Update)?;
        let rows = self.row_ids(&targets)?;
        if !rows.is_empty() {
            self.set(values, &rows)?;
        }
        Ok(rows)
    }

    /// Sets the values in these rows.
    pub fn set(&self, values: &Values, rows: &[i64]) -> Result<(), RestError> {
        if values.is_empty() {
            return Ok(());
        }
        let proposed = Proposed { table: self.table, values, rows: Some(rows) };
        self.check_policy(self.table.policies.update_check, proposed)?;
        let null = values.iter().find(|(column, value)| !column.nullable && *value == Value::Null);
        if let Some((column, _)) = null {
            return Err(self.null_value(proposed, column.name));
        }
        self.execute(&sql::update(proposed))
            .map_err(|error| self.constraint_error(proposed, error))?;
        Ok(())
    }

    /// Refuses rows that a policy's `with check` forbids.
    pub(super) fn check_policy(
        &self,
        policy: Option<&'static str>,
        proposed: Proposed<'_>,
    ) -> Result<(), RestError> {
        if self.has_row_security()
            && self.query_bool(&sql::violates_check(self.session, policy, proposed))?
        {
            return Err(RestError::row_security(self.table.name));
        }
        Ok(())
    }
}
