//! `request_stop`.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use serde_json::value::RawValue;

use super::acting_user::acting_user;
use super::message_row::{Message, change, message_json, to_jsonb};
use super::usage::end_lapsed;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// The running answer, or the newest one if none is running.
#[derive(Serialize)]
struct Stopping {
    running: bool,
    message: Option<Box<RawValue>>,
}

/// Asks the chat's running answer to stop; the run that owns it ends the row. A lapsed one is ended
/// here.
pub(super) fn request_stop(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let chat = arguments.text("p_chat_id").unwrap_or_default();
    let user = acting_user(session, arguments).unwrap_or_default();
    let found = connection
        .prepare_cached("select 1 from chats where id = ? and user_id = ?")?
        .query_row((chat, &user), |_| Ok(()))
        .optional()?;
    if found.is_none() {
        return Ok("null".to_owned());
    }
    end_lapsed(connection, session, chat, &user)?;
    let streaming = "where chat_id = ? and user_id = ? and status = 'streaming'";
    let running = Message::find(connection, streaming, (chat, &user))?;
    if let Some(message) = &running {
        let mark = "update messages set stop_requested_at = coalesce(stop_requested_at, \
                    clock_timestamp()) where rowid = ?";
        change(connection, session, mark, [message.rowid])?;
    }
    let is_running = running.is_some();
    let newest = "where chat_id = ? and user_id = ? and role = 'assistant' and is_active \
                  order by created_at desc, id desc limit 1";
    let shown = match running {
        Some(message) => Some(message),
        None => Message::find(connection, newest, (chat, &user))?,
    };
    let message = shown.map(|m| message_json(connection, session, Some(m.rowid))).transpose()?;
    to_jsonb(&Stopping { running: is_running, message })
}
