//! Answers that are to take the place of others: `private.as_edited` and `private.take_place`.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params};
use serde_json::Value as Json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::message_json::message_json;
use super::message_row::{Message, change, raw, to_jsonb};
use super::paths::{activate_path, path_to};
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{RestError, Session};

/// `p_parts` has something that a reader would see.
pub(super) fn has_content(parts: Option<&Json>) -> bool {
    let kind = |part: &Json| part.get("type").is_some_and(|kind| kind != "step-start");
    match parts {
        Some(Json::Array(parts)) => parts.iter().any(kind),
        Some(part) => kind(part),
        None => false,
    }
}

/// A question as its answer reads it: `private.message_json` of `private.as_edited`.
pub(super) fn question_json(
    connection: &Connection,
    session: Session,
    question: Option<&Message>,
    edited: Option<&Json>,
) -> Result<Box<RawValue>, RestError> {
    let stored = message_json(connection, session, question.map(|question| question.rowid))?;
    let Some(edited) = edited else { return Ok(stored) };
    let unreadable = |_| RestError::invalid_json_input();
    let mut members: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(stored.get()).map_err(unreadable)?;
    for name in ["content", "parts", "metadata"] {
        let member = edited.get(name).unwrap_or(&Json::Null);
        members.insert(name.to_owned(), raw(member.to_string())?);
    }
    raw(to_jsonb(&members)?)
}

/// Puts an answer that has content now in the place of all that follows its question. What came into the
/// chat after it had begun stays, and follows it. Without its question it has no place.
pub(super) fn take_place(
    connection: &Connection,
    session: Session,
    answer: &Message,
) -> Result<(), RestError> {
    let by_id = "where id = ? and chat_id = ? and user_id = ?";
    let key = (&answer.parent_id, &answer.chat_id, &answer.user_id);
    let Some(question) = Message::find(connection, by_id, key)? else { return Ok(()) };
    if question.replaces().is_some() {
        return take_place_as_branch(connection, session, &question, answer);
    }
    if let Some(edited) = answer.edited() {
        replace_question(connection, session, &question, &edited)?;
    }
    let hide = "update messages set is_active = 0 where chat_id = ?1 and user_id = ?2 \
                and is_active and (created_at, id) > (?3, ?4) and created_at <= ?5 \
                and id not in (select message_id from \"private.queued_messages\" \
                    where chat_id = ?1 and user_id = ?2)";
    let (chat, user, started_at) = (&answer.chat_id, &answer.user_id, answer.created_at);
    let params = (chat, user, question.created_at, &question.id, started_at);
    change(connection, session, hide, params)?;
    let show = "update messages set is_active = 1, replaces = null, parent_id = ? where rowid = ?";
    change(connection, session, show, (&question.id, answer.rowid))?;
    let follow = "update messages set parent_id = ?1 where chat_id = ?2 and user_id = ?3 \
                  and is_active and created_at > ?4 \
                  and id not in (select message_id from \"private.queued_messages\" \
                      where chat_id = ?2 and user_id = ?3) \
                  and exists (select 1 from messages h where h.id = messages.parent_id \
                      and h.chat_id = messages.chat_id and not h.is_active)";
    change(connection, session, follow, (&answer.id, chat, user, started_at))
}

fn take_place_as_branch(
    connection: &Connection,
    session: Session,
    question: &Message,
    answer: &Message,
) -> Result<(), RestError> {
    let placed = "update messages set replaces = null where rowid in (?, ?)";
    change(connection, session, placed, (question.rowid, answer.rowid))?;
    let path = path_to(connection, answer)?;
    activate_path(connection, session, (&answer.chat_id, &answer.user_id), &path)
}

/// `private.replace_question`: the previous version moves to a copy, and what followed it too.
fn replace_question(
    connection: &Connection,
    session: Session,
    question: &Message,
    edited: &Json,
) -> Result<(), RestError> {
    let copy = Uuid::new_v4().to_string();
    let insert = "insert into messages (id, chat_id, user_id, parent_id, role, content, parts, \
                  model, status, is_active, metadata, created_at) \
                  select ?, chat_id, user_id, parent_id, 'user', content, parts, model, \
                  'complete', 0, metadata, created_at from messages where rowid = ?";
    change(connection, session, insert, (&copy, question.rowid))?;
    let continuation = "update messages set parent_id = ? where parent_id = ? and chat_id = ? \
                   and user_id = ?";
    let key = (&copy, &question.id, &question.chat_id, &question.user_id);
    change(connection, session, continuation, key)?;
    let rewrite = "update messages set content = ?, parts = ?, metadata = coalesce(?, metadata) \
                   where rowid = ?";
    let member = |name: &str| edited.get(name);
    let metadata = member("metadata").filter(|metadata| !metadata.is_null()).map(jsonb::print);
    let values = params![
        member("content").and_then(jsonb::to_text),
        Value::from(member("parts").map(jsonb::print)),
        metadata,
        question.rowid
    ];
    change(connection, session, rewrite, values)
}
