//! `schema_report`, only for the service key.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::message_row::to_jsonb;
use crate::local::migrations::TABLES;
use crate::local_supabase::Role;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// The database's version, and each table with the commands that have a policy.
pub(super) fn schema_report(
    _: &Connection,
    session: Session,
    _: &Arguments,
) -> Result<String, RestError> {
    if session.role != Role::Service {
        return Err(RestError::permission_denied("function", "schema_report"));
    }
    let tables = TABLES.describe().tables.into_iter().map(|table| {
        let policies = json!({ "row_security": true, "policies": table.policies });
        (table.name.to_owned(), policies)
    });
    to_jsonb(&json!({
        "version": format!("SQLite {}", rusqlite::version()),
        "tables": tables.collect::<Map<String, Value>>(),
    }))
}
