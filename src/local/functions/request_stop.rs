//! `request_stop`.

use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;
use serde_json::value::RawValue;

use super::acting_user::acting_user;
use super::call_outcomes::supersede_calls;
use super::lapsed::end_lapsed;
use super::message_json::message_json;
use super::message_row::{Message, change, to_jsonb};
use super::saved_answer::end_with_saved;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// How long the owner of an answer has to end it.
const PATIENCE_MICROS: i64 = 4_000_000;

/// The running answer, or the newest one if none is running.
#[derive(Serialize)]
struct Stopping {
    running: bool,
    message: Option<Box<RawValue>>,
}

/// Asks the chat's running answer to stop; the run that owns it ends the row. A lapsed one is ended
/// here, and so is one whose owner has not been heard of for some seconds after a stop was asked for.
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
    let mut is_running = false;
    if let Some(message) = &running {
        let mark = "update messages set stop_requested_at = coalesce(stop_requested_at, \
                    clock_timestamp()) where rowid = ?";
        change(connection, session, mark, [message.rowid])?;
        let is_deaf =
            "select stop_requested_at < clock_timestamp() - ? from messages where rowid = ?";
        let key = (PATIENCE_MICROS, message.rowid);
        let is_deaf: bool = connection.prepare_cached(is_deaf)?.query_row(key, |row| row.get(0))?;
        is_running = !is_deaf;
        if is_deaf {
            end_with_saved(connection, session, message.rowid, "stopped")?;
        }
    }
    let newest = "where chat_id = ? and user_id = ? and role = 'assistant' and is_active \
                  order by created_at desc, id desc limit 1";
    let shown = match running {
        Some(message) => Some(message),
        None => {
            let error = "Not run: the answer was stopped.";
            supersede_calls(connection, session, chat, &user, error)?;
            Message::find(connection, newest, (chat, &user))?
        }
    };
    let message = shown.map(|m| message_json(connection, session, Some(m.rowid))).transpose()?;
    to_jsonb(&Stopping { running: is_running, message })
}
