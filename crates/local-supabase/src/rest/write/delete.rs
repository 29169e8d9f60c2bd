//! `delete`.

use crate::rest::error::RestError;
use crate::rest::sql;
use crate::rest::table_context::TableContext;

impl TableContext<'_> {
    /// Deletes rows that the caller may delete.
    pub(crate) fn delete(&self, rows: &[i64]) -> Result<(), RestError> {
        let deleted = self.execute(&sql::delete(self.table, rows));
        deleted.map_err(|error| self.deletion_error(rows, error))?;
        Ok(())
    }
}
