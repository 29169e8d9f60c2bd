//! Messages as the generation functions see them.

use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde_json::value::RawValue;

use super::saved_answer::SavedAnswer;
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

/// The answer that is being written in a chat, or else the one that was stopped without its owner, whose
/// call of the provider may go on until its lease ends: `private.find_call_at_work`.
pub(super) fn find_writing(
    connection: &Connection,
    chat: &str,
    user: &str,
) -> rusqlite::Result<Option<Message>> {
    let streaming = "where chat_id = ? and user_id = ? and status = 'streaming'";
    if let Some(message) = Message::find(connection, streaming, (chat, user))? {
        return Ok(Some(message));
    }
    let stopped = "where chat_id = ? and user_id = ? and status = 'stopped' and run_id in \
                   (select run_id from \"private.token_reservations\" \
                   where user_id = ? and lease_expires_at > clock_timestamp()) limit 1";
    Message::find(connection, stopped, (chat, user, user))
}

/// `private.is_queued`
pub(super) fn is_queued(connection: &Connection, message: &Message) -> rusqlite::Result<bool> {
    let select = "select 1 from \"private.queued_messages\" where message_id = ? and user_id = ?";
    let key = (&message.id, &message.user_id);
    let found = connection.prepare_cached(select)?.query_row(key, |_| Ok(())).optional()?;
    Ok(found.is_some())
}

/// What the API returns of a message.
const COLUMNS: [&str; 16] = [
    "id",
    "chat_id",
    "user_id",
    "parent_id",
    "role",
    "content",
    "parts",
    "model",
    "status:current_status",
    "finish_reason",
    "usage",
    "cost_usd",
    "is_active",
    "metadata",
    "created_at",
    "updated_at",
];

/// `private.message_json`. Of no message it makes an object that is null throughout.
pub(super) fn message_json(
    connection: &Connection,
    session: Session,
    rowid: Option<i64>,
) -> Result<Box<RawValue>, RestError> {
    let Some(rowid) = rowid else {
        let key = |column: &str| column.split(':').next().unwrap_or(column).to_owned();
        let nulls = COLUMNS.map(|column| (key(column), serde_json::Value::Null));
        return raw(serde_json::Value::from_iter(nulls).to_string());
    };
    // Whose message it is was decided when it was found.
    let session = session.as_service();
    let messages = TableContext { connection, session, table: session.table("messages")? };
    let message = raw(messages.row_json(rowid, &COLUMNS.join(","))?)?;
    match SavedAnswer::find(connection, rowid)? {
        Some(saved) => saved.complete(&message),
        None => Ok(message),
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
