//! `select_message`: another version of a message and what follows it become the active path.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::value::RawValue;

use super::lapsed::end_lapsed;
use super::message_row::{Message, change, find_writing, message_json, to_jsonb};
use crate::local_supabase::functions::{Arguments, RestError, Session};

#[derive(Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
enum Selected {
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
    let Some(message) = message else { return to_jsonb(&Selected::NotFound) };
    end_lapsed(connection, session, &message.chat_id, &message.user_id)?;
    if let Some(running) = find_writing(connection, &message.chat_id, &message.user_id)? {
        return to_jsonb(&Selected::Busy { message_id: running.id });
    }
    activate(connection, session, &message)?;
    let message = message_json(connection, session, Some(message.rowid))?;
    to_jsonb(&Selected::Selected { message })
}

fn activate(connection: &Connection, session: Session, message: &Message) -> Result<(), RestError> {
    let path = to_jsonb(&path(connection, message)?)?;
    let cut = match last_common(connection, &path)? {
        Some(last) => Some(last),
        None => other_root(connection, message, &path)?,
    };
    let (cut_at, cut_id) = cut.unzip();
    let update = "update messages set is_active = id in (select value from json_each(?3)) \
                  where chat_id = ?1 and user_id = ?2 \
                  and is_active <> (id in (select value from json_each(?3))) \
                  and (id in (select value from json_each(?3)) or ?5 is null \
                      or (created_at, id) >= (?4, ?5))";
    let params = params![message.chat_id, message.user_id, path, cut_at, cut_id];
    change(connection, session, update, params)
}

/// The ids from the newest message of the path to its first. Users can make circles of parents; union
/// ends them.
fn path(connection: &Connection, message: &Message) -> rusqlite::Result<Vec<String>> {
    let select = "with recursive continuation as ( \
            select t.id, t.created_at from messages t where t.id = ?1 \
            union \
            select c.id, c.created_at from continuation p join messages c on c.parent_id = p.id \
            where c.chat_id = ?2 and c.user_id = ?3 and c.parts <> '[]' and c.replaces is null \
        ), path as ( \
            select t.id, t.parent_id, t.created_at from messages t \
            where t.id = (select c.id from continuation c order by c.created_at desc, c.id desc limit 1) \
            union \
            select t.id, t.parent_id, t.created_at from path p join messages t on t.id = p.parent_id \
            where t.chat_id = ?2 and t.user_id = ?3 \
        ) select id from path order by created_at desc, id desc";
    let mut statement = connection.prepare_cached(select)?;
    let key = (&message.id, &message.chat_id, &message.user_id);
    statement.query_map(key, |row| row.get(0))?.collect()
}

type Place = (i64, String);

fn place(row: &rusqlite::Row<'_>) -> rusqlite::Result<Place> {
    Ok((row.get(0)?, row.get(1)?))
}

/// The last message before the paths part.
fn last_common(connection: &Connection, path: &str) -> rusqlite::Result<Option<Place>> {
    let select = "select t.created_at, t.id from messages t \
                  where t.id in (select value from json_each(?1)) and t.is_active \
                  and not exists (select 1 from messages i \
                      where i.id in (select value from json_each(?1)) and not i.is_active \
                      and (i.created_at, i.id) < (t.created_at, t.id)) \
                  order by t.created_at desc, t.id desc limit 1";
    connection.prepare_cached(select)?.query_row([path], place).optional()
}

/// Another version of the path's first message: what follows no message, and of several, where messages
/// were deleted, the nearest.
fn other_root(
    connection: &Connection,
    message: &Message,
    path: &str,
) -> rusqlite::Result<Option<Place>> {
    let select = "select t.created_at, t.id from messages t, \
                  (select created_at, role from messages where id in (select value from json_each(?3)) \
                      order by created_at, id limit 1) f \
                  where t.chat_id = ?1 and t.user_id = ?2 and t.is_active and t.parent_id is null \
                  and t.role = f.role \
                  order by (t.created_at <= f.created_at) desc, \
                      case when t.created_at <= f.created_at then t.created_at end desc nulls first, \
                      t.created_at, t.id \
                  limit 1";
    let key = (&message.chat_id, &message.user_id, path);
    connection.prepare_cached(select)?.query_row(key, place).optional()
}
