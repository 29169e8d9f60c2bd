//! `delete`.

use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::sql;
use crate::local_supabase::rest::target::Target;

impl Target<'_> {
    /// Deletes rows that the caller was found to be allowed to delete.
    pub fn delete(&self, rows: &[i64]) -> Result<(), RestError> {
        self.execute(&sql::delete(self.table, rows))?;
        Ok(())
    }
}
