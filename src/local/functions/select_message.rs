//! `select_message`: another version of a message and what follows it become the active path.

use rusqlite::Connection;
use serde::Serialize;
use serde_json::value::RawValue;

use super::call_outcomes::supersede_hidden_calls;
use super::lapsed::end_lapsed;
use super::message_json::message_json;
use super::message_row::{Message, find_writing, to_jsonb};
use super::paths::{activate_path, newest_after, path_to};
use crate::local_supabase::functions::{Arguments, RestError, Session};

#[derive(Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
enum Reply {
    Selected { message: Box<RawValue> },
    Busy { message_id: String },
    NotFound,
}

/// Makes a version of a message and its newest continuation the active path of its chat.
pub(super) fn select_message(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = session.uid().map(|uid| uid.to_string());
    let key = (arguments.text("p_message_id"), user.as_deref());
    let message = Message::find(connection, "where id = ? and user_id = ?", key)?;
    let Some(message) = message else { return to_jsonb(&Reply::NotFound) };
    end_lapsed(connection, session, &message.chat_id, &message.user_id)?;
    if let Some(running) = find_writing(connection, &message.chat_id, &message.user_id)? {
        return to_jsonb(&Reply::Busy { message_id: running });
    }
    let newest = newest_after(connection, &message)?.unwrap_or_else(|| message.clone());
    let path = path_to(connection, &newest)?;
    activate_path(connection, session, (&message.chat_id, &message.user_id), &path)?;
    supersede_hidden_calls(connection, session, &message.chat_id, &message.user_id)?;
    let message = message_json(connection, session, Some(message.rowid))?;
    to_jsonb(&Reply::Selected { message })
}
