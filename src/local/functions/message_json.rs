//! Messages as the API returns them.

use rusqlite::Connection;
use serde_json::value::RawValue;

use super::message_row::raw;
use super::saved_answer::SavedAnswer;
use crate::local_supabase::functions::{RestError, Session, TableContext};

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
