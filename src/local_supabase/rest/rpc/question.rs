//! Which user message a generation answers.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params};
use serde_json::Value as Json;
use uuid::Uuid;

use super::begin_generation::{Begin, Claim};
use super::message::{Message, change};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::schema::{MESSAGES, PgType};
use crate::local_supabase::rest::value::{self, jsonb};

/// The message to answer, or what becomes of the call without one.
pub(super) enum Choice {
    Question(Message),
    Settled(Claim),
}

pub(super) fn choose(begin: &Begin<'_>) -> Result<Choice, RestError> {
    let named = match begin.arguments.text("p_regenerate") {
        Some(named) if begin.action() == Some("regenerate") => {
            let question = regenerated(begin, named)?;
            if question.is_none() && begin.message.is_none() {
                return Ok(Choice::Settled(Claim::NotFound { missing: "message" }));
            }
            question
        }
        _ => None,
    };
    if let Some(question) = named {
        return Ok(Choice::Question(question));
    }
    if begin.message.is_some() {
        return submitted(begin);
    }
    newest_unanswered(begin)
}

/// The message that `p_regenerate` names, or the one that it answers.
fn regenerated(begin: &Begin<'_>, named: &str) -> rusqlite::Result<Option<Message>> {
    let clause = "where id = ? and chat_id = ? and user_id = ? and role <> 'system'";
    let key = (named, begin.chat, begin.user);
    let Some(message) = Message::find(begin.connection, clause, key)? else { return Ok(None) };
    if message.role != "assistant" {
        return Ok(Some(message));
    }
    let key = (&message.parent_id, begin.chat, begin.user);
    Message::find(begin.connection, "where id = ? and chat_id = ? and user_id = ?", key)
}

/// The message that the call brings: stored already, edited or new.
fn submitted(begin: &Begin<'_>) -> Result<Choice, RestError> {
    let key = (message_id(begin)?, begin.user);
    let known = Message::find(begin.connection, "where id = ? and user_id = ?", key)?;
    let Some(question) = known else { return insert(begin) };
    if question.chat_id != begin.chat || question.role != "user" {
        return Ok(Choice::Settled(Claim::Conflict));
    }
    if !begin.submits() {
        return Ok(Choice::Question(question));
    }
    if has_same_parts(begin, &question)? {
        return answered(begin, question);
    }
    if begin.action() == Some("edit") && question.is_active {
        return edit(begin, &question).map(Choice::Question);
    }
    Ok(Choice::Settled(Claim::Conflict))
}

/// A repeat whose newest answer is finished needs no new one.
fn answered(begin: &Begin<'_>, question: Message) -> Result<Choice, RestError> {
    let newest = "where parent_id = ? and chat_id = ? and user_id = ? and role = 'assistant' \
                  order by created_at desc, id desc limit 1";
    let answer = Message::find(begin.connection, newest, (&question.id, begin.chat, begin.user))?;
    match answer.filter(Message::is_answer) {
        Some(answer) => Ok(Choice::Settled(Claim::Answered {
            message: begin.message_json(&answer)?,
            user_message: begin.message_json(&question)?,
        })),
        None => Ok(Choice::Question(question)),
    }
}

fn insert(begin: &Begin<'_>) -> Result<Choice, RestError> {
    let metadata = member(begin, "metadata").map_or_else(|| "{}".to_owned(), jsonb::print);
    let given = [
        ("id", message_id(begin)?.into()),
        ("chat_id", begin.chat.to_owned().into()),
        ("user_id", begin.user.to_owned().into()),
        ("role", "user".to_owned().into()),
        ("content", member(begin, "content").and_then(jsonb::to_text).into()),
        ("parts", member(begin, "parts").map(jsonb::print).into()),
        ("metadata", metadata.into()),
    ];
    // The id may be somebody else's.
    let Some(rowid) = begin.insert(&MESSAGES, given, Some(MESSAGES.primary_key()))? else {
        return Ok(Choice::Settled(Claim::Conflict));
    };
    found(begin, rowid).map(Choice::Question)
}

/// The previous version moves to a copy, and its answers with it.
fn edit(begin: &Begin<'_>, question: &Message) -> Result<Message, RestError> {
    let copy = Uuid::new_v4().to_string();
    let insert = "insert into messages (id, chat_id, user_id, parent_id, role, content, parts, \
                  model, status, is_active, metadata, created_at) \
                  select ?, chat_id, user_id, parent_id, 'user', content, parts, model, \
                  'complete', 0, metadata, created_at from messages where rowid = ?";
    change(begin.connection, begin.session, insert, (&copy, question.rowid))?;
    let answers = "update messages set parent_id = ? where parent_id = ? and chat_id = ? \
                   and user_id = ? and role = 'assistant'";
    let params = (&copy, &question.id, begin.chat, begin.user);
    change(begin.connection, begin.session, answers, params)?;
    deactivate_after(begin, question)?;
    let rewrite = "update messages set content = ?, parts = ?, metadata = coalesce(?, metadata) \
                   where rowid = ?";
    let content = member(begin, "content").and_then(jsonb::to_text);
    let parts = member(begin, "parts").map(jsonb::print);
    let metadata = member(begin, "metadata").map(jsonb::print);
    change(
        begin.connection,
        begin.session,
        rewrite,
        params![content, parts, metadata, question.rowid],
    )?;
    found(begin, question.rowid)
}

/// Hides everything that comes after a message.
pub(super) fn deactivate_after(begin: &Begin<'_>, message: &Message) -> Result<(), RestError> {
    let statement = "update messages set is_active = 0 where chat_id = ? and user_id = ? \
                     and is_active and (created_at, id) > (?, ?)";
    let params = (begin.chat, begin.user, message.created_at, &message.id);
    change(begin.connection, begin.session, statement, params)
}

/// The newest user message, unless it has an answer and no other is wanted.
fn newest_unanswered(begin: &Begin<'_>) -> Result<Choice, RestError> {
    let newest = "where chat_id = ? and user_id = ? and role = 'user' and is_active \
                  order by created_at desc, id desc limit 1";
    let question = Message::find(begin.connection, newest, (begin.chat, begin.user))?;
    let Some(question) = question else { return Ok(Choice::Settled(Claim::NothingToAnswer)) };
    let answers = "where parent_id = ? and chat_id = ? and user_id = ? and role = 'assistant' \
                   and is_active and status in ('complete', 'stopped') limit 1";
    let key = (&question.id, begin.chat, begin.user);
    let is_answered = Message::find(begin.connection, answers, key)?.is_some();
    if is_answered && begin.submits() {
        return Ok(Choice::Settled(Claim::NothingToAnswer));
    }
    Ok(Choice::Question(question))
}

/// `(p_user_message ->> 'id')::uuid`
pub(super) fn message_id(begin: &Begin<'_>) -> Result<Option<String>, RestError> {
    let Some(text) = member(begin, "id").and_then(jsonb::to_text) else { return Ok(None) };
    match value::parse(PgType::Uuid, &text, begin.session.now)? {
        Value::Text(id) => Ok(Some(id)),
        _ => Ok(None),
    }
}

/// Whether the call brings the parts that are stored.
pub(super) fn has_same_parts(begin: &Begin<'_>, message: &Message) -> Result<bool, RestError> {
    let parts = member(begin, "parts").map(jsonb::print);
    let same = begin
        .connection
        .prepare_cached("select 1 from messages where rowid = ? and parts = ?")?
        .query_row((message.rowid, parts), |_| Ok(()))
        .optional()?;
    Ok(same.is_some())
}

/// `p_user_message -> key`
fn member<'a>(begin: &'a Begin<'_>, key: &str) -> Option<&'a Json> {
    begin.message.as_ref().and_then(|message| message.get(key))
}

fn found(begin: &Begin<'_>, rowid: i64) -> Result<Message, RestError> {
    let message = Message::find(begin.connection, "where rowid = ?", [rowid])?;
    message.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
}
