//! `delete`.

use rusqlite::Connection;

use super::execute;
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::schema::Table;
use crate::local_supabase::rest::sql;

/// Deletes rows that the caller was found to be allowed to delete.
pub fn delete(
    connection: &Connection,
    table: &'static Table,
    rows: &[i64],
) -> Result<(), RestError> {
    execute(connection, &sql::delete(table, rows))?;
    Ok(())
}
