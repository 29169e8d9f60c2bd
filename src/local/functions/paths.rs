//! Paths of messages: `private.path_to`, `private.activate_path` and `private.branching_point`.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value as Json, json};

use super::message_row::{Message, change, is_queued, to_jsonb};
use crate::local_supabase::functions::{RestError, Session};

/// The ids of a path, from its last message to its first, as JSON. Users can make circles of parents;
/// union ends them.
pub(super) fn path_to(connection: &Connection, message: &Message) -> Result<String, RestError> {
    let select = "with recursive path as ( \
            select t.id, t.parent_id, t.created_at from messages t where t.id = ?1 and t.user_id = ?3 \
            union \
            select t.id, t.parent_id, t.created_at from path p join messages t on t.id = p.parent_id \
            where t.chat_id = ?2 and t.user_id = ?3 \
        ) select id from path order by created_at desc, id desc";
    let mut statement = connection.prepare_cached(select)?;
    let key = (&message.id, &message.chat_id, &message.user_id);
    let ids: rusqlite::Result<Vec<String>> = statement.query_map(key, |row| row.get(0))?.collect();
    to_jsonb(&ids?)
}

/// The newest message of a message's continuation, also after attempts that have come to nothing.
pub(super) fn newest_after(
    connection: &Connection,
    message: &Message,
) -> rusqlite::Result<Option<Message>> {
    let newest = "where id = (with recursive continuation as ( \
            select t.id, t.created_at, true as is_shown from messages t where t.id = ?1 \
            union \
            select c.id, c.created_at, c.parts <> '[]' \
            from continuation p join messages c on c.parent_id = p.id \
            where c.chat_id = ?2 and c.user_id = ?3 and c.replaces is null \
                and c.id not in (select message_id from \"private.queued_messages\") \
        ) select id from continuation where is_shown order by created_at desc, id desc limit 1)";
    Message::find(connection, newest, (&message.id, &message.chat_id, &message.user_id))
}

/// Makes a path the active one of its chat; what is not on it is inactive from where the paths part.
pub(super) fn activate_path(
    connection: &Connection,
    session: Session,
    (chat, user): (&str, &str),
    path: &str,
) -> Result<(), RestError> {
    let cut = match last_common(connection, path)? {
        Some(last) => Some(last),
        None => other_root(connection, (chat, user), path)?,
    };
    let (cut_at, cut_id) = cut.unzip();
    let update = "update messages set is_active = id in (select value from json_each(?3)) \
                  where chat_id = ?1 and user_id = ?2 \
                  and is_active <> (id in (select value from json_each(?3))) \
                  and id not in (select message_id from \"private.queued_messages\" \
                      where chat_id = ?1 and user_id = ?2) \
                  and (id in (select value from json_each(?3)) or ?5 is null \
                      or (created_at, id) >= (?4, ?5))";
    change(connection, session, update, params![chat, user, path, cut_at, cut_id])
}

type Place = (i64, String);

fn place(row: &rusqlite::Row<'_>) -> rusqlite::Result<Place> {
    Ok((row.get(0)?, row.get(1)?))
}

/// The last message before the paths part.
fn last_common(connection: &Connection, path: &str) -> rusqlite::Result<Option<Place>> {
    // The first inactive one is found once: for each of the path's messages it would be a square.
    let select = "with inactive as ( \
            select created_at, id from messages \
            where id in (select value from json_each(?1)) and not is_active \
            order by created_at, id limit 1 \
        ) select t.created_at, t.id from messages t left join inactive i on true \
        where t.id in (select value from json_each(?1)) and t.is_active \
            and (i.id is null or (t.created_at, t.id) <= (i.created_at, i.id)) \
        order by t.created_at desc, t.id desc limit 1";
    connection.prepare_cached(select)?.query_row([path], place).optional()
}

/// Another version of the path's first message: what follows no message, and of several, where messages
/// were deleted, the nearest.
fn other_root(
    connection: &Connection,
    (chat, user): (&str, &str),
    path: &str,
) -> rusqlite::Result<Option<Place>> {
    let select = "select t.created_at, t.id from messages t, \
                  (select created_at, role from messages where id in (select value from json_each(?3)) \
                      order by created_at, id limit 1) f \
                  where t.chat_id = ?1 and t.user_id = ?2 and t.is_active and t.parent_id is null \
                  and t.role = f.role \
                  and t.id not in (select message_id from \"private.queued_messages\") \
                  order by (t.created_at <= f.created_at) desc, \
                      case when t.created_at <= f.created_at then t.created_at end desc nulls first, \
                      t.created_at, t.id \
                  limit 1";
    connection.prepare_cached(select)?.query_row((chat, user, path), place).optional()
}

/// Where a new question branches off that a client sends after this message of its list, or after none;
/// none where it just follows the newest one.
pub(super) fn branching_point(
    connection: &Connection,
    (chat, user): (&str, &str),
    after: Option<&str>,
    newest: Option<&Message>,
) -> Result<Option<Json>, RestError> {
    if newest.is_none_or(|newest| Some(newest.id.as_str()) == after) {
        return Ok(None);
    }
    if let Some(after) = after {
        let stored = "where id = ? and chat_id = ? and user_id = ? and parts <> '[]' \
                      and replaces is null";
        match Message::find(connection, stored, (after, chat, user))? {
            Some(message) if !is_queued(connection, &message)? => {}
            _ => return Ok(None),
        }
    }
    Ok(Some(json!({ "after": after })))
}
