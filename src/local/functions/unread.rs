//! Ended answers that were not read yet: `mark_answer_read` and `answer_to_resume`.

use rusqlite::{Connection, OptionalExtension};
use serde_json::value::RawValue;

use super::lapsed::end_lapsed;
use super::message_json::message_json;
use super::message_row::{Message, to_jsonb};
use super::queue::{first_in_queue, newest_in_path};
use crate::local::computed::UNREAD;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// Marks an ended answer as read; whether it was unread.
pub(super) fn mark_answer_read(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = session.uid().map(|uid| uid.to_string());
    let key = (arguments.text("p_message_id"), user.as_deref());
    let message = Message::find(connection, "where id = ? and user_id = ?", key)?;
    let Some(message) = message else { return Ok("false".to_owned()) };
    end_lapsed(connection, session, &message.chat_id, &message.user_id)?;
    let forget = "delete from \"private.unread_answers\" where message_id = ? and user_id = ?";
    let forgotten = connection.prepare_cached(forget)?.execute(key)?;
    to_jsonb(&(forgotten > 0))
}

#[derive(serde::Serialize)]
struct Resumed {
    message: Option<Box<RawValue>>,
    queued: Option<String>,
    awaiting: Option<String>,
}

/// The answer that a client which comes back to a chat has to be shown: the one that is being written,
/// or else the unread one.
pub(super) fn answer_to_resume(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = session.uid().map(|uid| uid.to_string()).unwrap_or_default();
    let chat = arguments.text("p_chat_id").unwrap_or_default();
    let select = [UNREAD, " from chats where id = ? and user_id = ?"].concat();
    let mut statement = connection.prepare_cached(&["select ", &select].concat())?;
    let read = |row: &rusqlite::Row<'_>| row.get::<_, Option<String>>(0);
    let known = statement.query_row((chat, &user), read).optional()?;
    let Some(unread) = known else { return Ok("null".to_owned()) };
    end_lapsed(connection, session, chat, &user)?;
    let streaming = "where chat_id = ? and user_id = ? and status = 'streaming'";
    let mut message = Message::find(connection, streaming, (chat, &user))?;
    if message.is_none() {
        message = Message::find(connection, "where id = ? and user_id = ?", (unread, &user))?;
    }
    let message = message.map(|m| message_json(connection, session, Some(m.rowid))).transpose()?;
    let queued = first_in_queue(connection, chat, &user)?;
    let newest = newest_in_path(connection, (chat, &user), None)?;
    let awaiting = newest.filter(|newest| newest.status == "awaiting").map(|newest| newest.id);
    to_jsonb(&Resumed { message, queued, awaiting })
}
