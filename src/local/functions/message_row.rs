//! Messages as the generation functions see them.

use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde_json::value::RawValue;

use crate::local_supabase::functions::{RestError, Session, TableContext};

/// `private.lease`: how long an answer stays its run's without a word from it.
pub(super) const LEASE_MICROS: i64 = 29_000_000;

/// What decides on a message.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub rowid: i64,
    pub id: String,
    pub chat_id: String,
    pub user_id: String,
    pub parent_id: Option<String>,
    pub role: String,
    pub status: String,
    pub is_active: bool,
    pub created_at: i64,
    replaces: Option<String>,
}

impl Message {
    /// The first message that `clause`, the statement from `where` on, selects.
    pub fn find(
        connection: &Connection,
        clause: &'static str,
        params: impl Params,
    ) -> rusqlite::Result<Option<Self>> {
        let select = "select rowid, id, chat_id, user_id, parent_id, role, status, is_active, \
                      created_at, replaces from messages ";
        let mut statement = connection.prepare_cached(&[select, clause].concat())?;
        statement.query_row(params, Self::read).optional()
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            rowid: row.get("rowid")?,
            id: row.get("id")?,
            chat_id: row.get("chat_id")?,
            user_id: row.get("user_id")?,
            parent_id: row.get("parent_id")?,
            role: row.get("role")?,
            status: row.get("status")?,
            is_active: row.get("is_active")?,
            created_at: row.get("created_at")?,
            replaces: row.get("replaces")?,
        })
    }

    /// What the answer is to take the place of; none if it has its place.
    pub fn replaces(&self) -> Option<serde_json::Value> {
        self.replaces.as_deref().map(|json| serde_json::from_str(json).unwrap_or_default())
    }

    /// What the question becomes when the answer takes its place.
    pub fn edited(&self) -> Option<serde_json::Value> {
        self.replaces()?.get_mut("question").map(serde_json::Value::take)
    }
}

/// JSON that SQLite has written.
pub(super) fn raw(json: String) -> Result<Box<RawValue>, RestError> {
    RawValue::from_string(json).map_err(|_| RestError::invalid_json_input())
}

/// A result of type jsonb.
pub(super) fn to_jsonb(value: &impl serde::Serialize) -> Result<String, RestError> {
    serde_json::to_string(value).map_err(|_| RestError::invalid_json_input())
}

/// Runs a statement that changes messages.
pub(super) fn change(
    connection: &Connection,
    session: Session,
    statement: &'static str,
    params: impl Params,
) -> Result<(), RestError> {
    let table = session.table("messages")?;
    TableContext { connection, session, table }.change(statement, params)
}
