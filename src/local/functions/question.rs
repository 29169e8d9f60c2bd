//! Which user message a generation answers.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params};
use serde_json::Value as Json;
use uuid::Uuid;

use super::begin_call::BeginCall;
use super::begin_result::BeginReply;
use super::message_row::{Message, change};
use crate::local::schema::MESSAGES;
use crate::local_supabase::functions::RestError;
use crate::local_supabase::functions::value::{self, jsonb};
use crate::local_supabase::schema::PgType;

/// What was looked for, or what becomes of the call without it.
type OrReply<T> = Result<Result<T, BeginReply>, RestError>;

/// The call's user message where it is stored already.
pub(super) struct ExistingQuestion {
    message: Message,
    /// Whether it is sent with the parts that are stored; unknown when it is sent without any.
    same: Option<bool>,
}

/// Looks for the call's user message. A repeat whose answer is running or finished needs no new
/// one.
pub(super) fn find_existing(begin: &BeginCall<'_>) -> OrReply<Option<ExistingQuestion>> {
    let key = (message_id(begin)?, begin.user);
    let known = Message::find(begin.connection, "where id = ? and user_id = ?", key)?;
    let Some(message) = known else { return Ok(Ok(None)) };
    if message.chat_id != begin.chat || message.role != "user" {
        return Ok(Err(BeginReply::Conflict));
    }
    let same = has_same_parts(begin, &message)?;
    if same == Some(true) && begin.submits() {
        let newest = "where parent_id = ? and chat_id = ? and user_id = ? and role = 'assistant' \
                      order by created_at desc, id desc limit 1";
        let key = (&message.id, begin.chat, begin.user);
        let answer = Message::find(begin.connection, newest, key)?;
        if let Some(claim) = answered(begin, &message, answer.as_ref())? {
            return Ok(Err(claim));
        }
    }
    Ok(Ok(Some(ExistingQuestion { message, same })))
}

fn answered(
    begin: &BeginCall<'_>,
    question: &Message,
    answer: Option<&Message>,
) -> Result<Option<BeginReply>, RestError> {
    let status = answer.map_or("", |answer| answer.status.as_str());
    if !matches!(status, "streaming" | "complete" | "stopped") {
        return Ok(None);
    }
    let message = begin.message_json(answer)?;
    let user_message = begin.message_json(Some(question))?;
    Ok(Some(match status {
        "streaming" => BeginReply::Running { message, user_message },
        _ => BeginReply::Answered { message, user_message },
    }))
}

/// The message to answer: the one that `p_regenerate` names, the one that was sent, or the newest.
pub(super) fn choose(begin: &BeginCall<'_>, sent: Option<ExistingQuestion>) -> OrReply<Message> {
    if begin.action() == Some("regenerate")
        && let Some(named) = begin.arguments.text("p_regenerate")
    {
        match regenerated(begin, named)? {
            Some(question) => return Ok(Ok(question)),
            None if begin.message.is_none() => {
                return Ok(Err(BeginReply::NotFound { missing: "message" }));
            }
            None => {}
        }
    }
    match sent {
        Some(ExistingQuestion { message, same: Some(false) }) if begin.submits() => {
            if begin.action() != Some("edit") || !message.is_active {
                return Ok(Err(BeginReply::Conflict));
            }
            replace(begin, &message).map(Ok)
        }
        Some(ExistingQuestion { message, .. }) => Ok(Ok(message)),
        None if begin.message.is_some() => insert(begin),
        None => newest_unanswered(begin),
    }
}

/// The message that `p_regenerate` names, or the one that it answers.
fn regenerated(begin: &BeginCall<'_>, named: &str) -> rusqlite::Result<Option<Message>> {
    let clause = "where id = ? and chat_id = ? and user_id = ? and role <> 'system'";
    let key = (named, begin.chat, begin.user);
    let Some(message) = Message::find(begin.connection, clause, key)? else { return Ok(None) };
    if message.role != "assistant" {
        return Ok(Some(message));
    }
    let key = (&message.parent_id, begin.chat, begin.user);
    Message::find(begin.connection, "where id = ? and chat_id = ? and user_id = ?", key)
}

fn insert(begin: &BeginCall<'_>) -> OrReply<Message> {
    let given = [
        ("id", message_id(begin)?.into()),
        ("chat_id", begin.chat.to_owned().into()),
        ("user_id", begin.user.to_owned().into()),
        ("role", "user".to_owned().into()),
        ("content", member(begin, "content").and_then(jsonb::to_text).into()),
        ("parts", member(begin, "parts").map(jsonb::print).into()),
        ("metadata", metadata(begin).unwrap_or_else(|| "{}".to_owned()).into()),
    ];
    // The id may be somebody else's.
    match begin.insert(&MESSAGES, given, Some(MESSAGES.primary_key()))? {
        Some(rowid) => found(begin, rowid).map(Ok),
        None => Ok(Err(BeginReply::Conflict)),
    }
}

/// `private.replace_question`: the previous version moves to a copy, and its answers with it.
fn replace(begin: &BeginCall<'_>, question: &Message) -> Result<Message, RestError> {
    let copy = Uuid::new_v4().to_string();
    let insert = "insert into messages (id, chat_id, user_id, parent_id, role, content, parts, \
                  model, status, is_active, metadata, created_at) \
                  select ?, chat_id, user_id, parent_id, 'user', content, parts, model, \
                  'complete', 0, metadata, created_at from messages where rowid = ?";
    change(begin.connection, begin.session, insert, (&copy, question.rowid))?;
    let answers = "update messages set parent_id = ? where parent_id = ? and chat_id = ? \
                   and user_id = ? and role = 'assistant'";
    let key = (&copy, &question.id, begin.chat, begin.user);
    change(begin.connection, begin.session, answers, key)?;
    deactivate_after(begin, question)?;
    let rewrite = "update messages set content = ?, parts = ?, metadata = coalesce(?, metadata) \
                   where rowid = ?";
    let content = member(begin, "content").and_then(jsonb::to_text);
    let parts = member(begin, "parts").map(jsonb::print);
    let values = params![content, parts, metadata(begin), question.rowid];
    change(begin.connection, begin.session, rewrite, values)?;
    found(begin, question.rowid)
}

/// Hides everything that comes after a message.
pub(super) fn deactivate_after(begin: &BeginCall<'_>, message: &Message) -> Result<(), RestError> {
    let statement = "update messages set is_active = 0 where chat_id = ? and user_id = ? \
                     and is_active and (created_at, id) > (?, ?)";
    let key = (begin.chat, begin.user, message.created_at, &message.id);
    change(begin.connection, begin.session, statement, key)
}

/// The newest user message, unless it has an answer and no other is wanted.
fn newest_unanswered(begin: &BeginCall<'_>) -> OrReply<Message> {
    let newest = "where chat_id = ? and user_id = ? and role = 'user' and is_active \
                  order by created_at desc, id desc limit 1";
    let question = Message::find(begin.connection, newest, (begin.chat, begin.user))?;
    let Some(question) = question else { return Ok(Err(BeginReply::NothingToAnswer)) };
    let answers = "where parent_id = ? and chat_id = ? and user_id = ? and role = 'assistant' \
                   and is_active and status in ('complete', 'stopped') limit 1";
    let key = (&question.id, begin.chat, begin.user);
    let is_answered = Message::find(begin.connection, answers, key)?.is_some();
    if is_answered && begin.submits() {
        return Ok(Err(BeginReply::NothingToAnswer));
    }
    Ok(Ok(question))
}

/// `(p_user_message ->> 'id')::uuid`
fn message_id(begin: &BeginCall<'_>) -> Result<Option<String>, RestError> {
    let Some(text) = member(begin, "id").and_then(jsonb::to_text) else { return Ok(None) };
    match value::parse(PgType::Uuid, &text, begin.session.now)? {
        Value::Text(id) => Ok(Some(id)),
        _ => Ok(None),
    }
}

fn has_same_parts(begin: &BeginCall<'_>, message: &Message) -> rusqlite::Result<Option<bool>> {
    let Some(parts) = member(begin, "parts").map(jsonb::print) else { return Ok(None) };
    let same = begin
        .connection
        .prepare_cached("select 1 from messages where rowid = ? and parts = ?")?
        .query_row((message.rowid, parts), |_| Ok(()))
        .optional()?;
    Ok(Some(same.is_some()))
}

/// `p_user_message -> key`
fn member<'a>(begin: &'a BeginCall<'_>, key: &str) -> Option<&'a Json> {
    begin.message.as_ref().and_then(|message| message.get(key))
}

/// The message's metadata, of which null is none.
fn metadata(begin: &BeginCall<'_>) -> Option<String> {
    member(begin, "metadata").filter(|metadata| !metadata.is_null()).map(jsonb::print)
}

fn found(begin: &BeginCall<'_>, rowid: i64) -> Result<Message, RestError> {
    let message = Message::find(begin.connection, "where rowid = ?", [rowid])?;
    message.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
}
