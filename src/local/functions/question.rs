//! Which user message a generation answers.

use rusqlite::OptionalExtension;
use rusqlite::types::Value;
use serde_json::{Value as Json, json};

use super::begin_call::BeginCall;
use super::begin_result::BeginReply;
use super::candidates::question_json;
use super::message_row::Message;
use super::paths::branching_point;
use crate::local_supabase::functions::RestError;
use crate::local_supabase::functions::value::{self, jsonb};
use crate::local_supabase::schema::PgType;

/// What was looked for, or what becomes of the call without it.
type OrReply<T> = Result<Result<T, BeginReply>, RestError>;

/// The call's user message where it is stored already.
pub(super) struct ExistingQuestion {
    pub message: Message,
    /// Whether it is sent with the parts that are stored; unknown when it is sent without any.
    same: Option<bool>,
}

/// The message to answer.
pub(super) struct Question {
    pub message: Message,
    /// What it becomes when its answer has content.
    pub edited: Option<Json>,
}

impl From<Message> for Question {
    fn from(message: Message) -> Self {
        Self { message, edited: None }
    }
}

/// Looks for the call's user message. A repeat whose answer is running or finished needs no new
/// one.
pub(super) fn find_existing(begin: &BeginCall<'_>) -> OrReply<Option<ExistingQuestion>> {
    let waits = begin.action() == Some("queued");
    let id = match begin.arguments.text("p_regenerate") {
        named if waits => named.map(str::to_owned),
        _ => message_id(begin)?,
    };
    let known = Message::find(begin.connection, "where id = ? and user_id = ?", (id, begin.user))?;
    let Some(message) = known else {
        let missing = BeginReply::NotFound { missing: "message" };
        return Ok(if waits { Err(missing) } else { Ok(None) });
    };
    if message.chat_id != begin.chat || message.role != "user" {
        return Ok(Err(BeginReply::Conflict));
    }
    let same = if waits { Some(true) } else { has_same_parts(begin, &message)? };
    if begin.submits() {
        let answer = find_answer(begin, &message, same == Some(true))?;
        if let Some(claim) = answered(begin, &message, answer.as_ref())? {
            return Ok(Err(claim));
        }
    }
    Ok(Ok(Some(ExistingQuestion { message, same })))
}

/// What is being written, else what is shown, else the newest. An edit that has no content yet answers
/// what the question is to become.
fn find_answer(
    begin: &BeginCall<'_>,
    question: &Message,
    same: bool,
) -> rusqlite::Result<Option<Message>> {
    let key = (&question.id, begin.chat, begin.user);
    let editing = "where parent_id = ? and chat_id = ? and user_id = ? and role = 'assistant' \
                   and status = 'streaming'";
    let running = Message::find(begin.connection, editing, key)?;
    let becomes = |answer: &Message| Some(jsonb::print(answer.edited()?.get("parts")?));
    let becomes = running.as_ref().and_then(becomes);
    if becomes.is_some() && becomes == member(begin, "parts").map(jsonb::print) {
        return Ok(running);
    }
    let shown = "where parent_id = ? and chat_id = ? and user_id = ? and role = 'assistant' \
                 and json_extract(replaces, '$.question') is null \
                 order by status = 'streaming' desc, is_active desc, created_at desc, id desc \
                 limit 1";
    if same { Message::find(begin.connection, shown, key) } else { Ok(None) }
}

fn answered(
    begin: &BeginCall<'_>,
    question: &Message,
    answer: Option<&Message>,
) -> Result<Option<BeginReply>, RestError> {
    let status = answer.map_or("", |answer| answer.status.as_str());
    if !matches!(status, "streaming" | "complete" | "stopped" | "awaiting") {
        return Ok(None);
    }
    let message = begin.message_json(answer)?;
    let edited = answer.and_then(Message::edited);
    let (connection, session) = (begin.connection, begin.session);
    let user_message = question_json(connection, session, Some(question), edited.as_ref())?;
    Ok(Some(match status {
        "streaming" => BeginReply::Running { message, user_message },
        _ => BeginReply::Answered { message, user_message },
    }))
}

/// The message to answer: the one that `p_regenerate` names, the one that was sent, or the newest.
pub(super) fn choose(begin: &BeginCall<'_>, sent: Option<ExistingQuestion>) -> OrReply<Question> {
    if begin.action() == Some("regenerate")
        && let Some(named) = begin.arguments.text("p_regenerate")
    {
        match regenerated(begin, named)? {
            Some(question) => return Ok(Ok(question.into())),
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
            let edited = edited(begin, &message)?;
            Ok(Ok(Question { message, edited: Some(edited) }))
        }
        Some(ExistingQuestion { message, .. }) => Ok(Ok(message.into())),
        None if begin.message.is_some() => Ok(insert_new(begin)?.map(Question::from)),
        None => newest_unanswered(begin),
    }
}

/// What a known message becomes.
fn edited(begin: &BeginCall<'_>, message: &Message) -> Result<Json, RestError> {
    let select = "select metadata from messages where rowid = ?";
    let stored = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let stored = begin.connection.query_row(select, [message.rowid], stored)?;
    let metadata = match member(begin, "metadata").filter(|metadata| !metadata.is_null()) {
        Some(metadata) => metadata.clone(),
        None => serde_json::from_str(&stored).map_err(|_| RestError::invalid_json_input())?,
    };
    let given = |name| member(begin, name).cloned().unwrap_or_default();
    Ok(json!({ "content": given("content"), "parts": given("parts"), "metadata": metadata }))
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

/// A new question, which follows the newest message of the path or branches off before it.
fn insert_new(begin: &BeginCall<'_>) -> OrReply<Message> {
    let newest = begin.newest_in_path(None)?;
    let mut parent = newest.as_ref().map(|newest| newest.id.clone());
    let mut branch = None;
    if let (Some("edit"), Some(after)) = (begin.action(), member(begin, "after")) {
        let key = (begin.chat, begin.user);
        branch = branching_point(begin.connection, key, after.as_str(), newest.as_ref())?;
        if branch.is_some() {
            parent = after.as_str().map(str::to_owned);
        }
    }
    // Later than what there is, whatever the clock says.
    let created_at = begin.new_time(true)?;
    let given = [
        ("created_at", created_at.into()),
        ("parent_id", parent.into()),
        ("is_active", i64::from(branch.is_none()).into()),
        ("replaces", branch.as_ref().map(jsonb::print).into()),
        ("metadata", metadata(begin).unwrap_or_else(|| "{}".to_owned()).into()),
    ];
    insert(begin, given)
}

/// Stores the call's user message.
pub(super) fn insert<const N: usize>(
    begin: &BeginCall<'_>,
    more: [(&str, Value); N],
) -> OrReply<Message> {
    let given = [
        ("id", message_id(begin)?.into()),
        ("chat_id", begin.chat.to_owned().into()),
        ("user_id", begin.user.to_owned().into()),
        ("role", "user".to_owned().into()),
        ("content", member(begin, "content").and_then(jsonb::to_text).into()),
        ("parts", member(begin, "parts").map(jsonb::print).into()),
    ];
    // The id may be somebody else's.
    let messages = begin.session.table("messages")?;
    let given = given.into_iter().chain(more);
    match begin.insert(messages, given, Some(messages.primary_key()))? {
        Some(rowid) => Ok(Ok(found(begin, rowid)?)),
        None => Ok(Err(BeginReply::Conflict)),
    }
}

/// The newest user message, unless it has an answer and no other is wanted.
fn newest_unanswered(begin: &BeginCall<'_>) -> OrReply<Question> {
    let newest = "where chat_id = ? and user_id = ? and role = 'user' and is_active \
                  and id not in (select message_id from \"private.queued_messages\") \
                  order by created_at desc, id desc limit 1";
    let question = Message::find(begin.connection, newest, (begin.chat, begin.user))?;
    let Some(question) = question else { return Ok(Err(BeginReply::NothingToAnswer)) };
    let answers = "where parent_id = ? and chat_id = ? and user_id = ? and role = 'assistant' \
                   and is_active and status in ('complete', 'stopped', 'awaiting') limit 1";
    let key = (&question.id, begin.chat, begin.user);
    let is_answered = Message::find(begin.connection, answers, key)?.is_some();
    if is_answered && begin.submits() {
        return Ok(Err(BeginReply::NothingToAnswer));
    }
    Ok(Ok(question.into()))
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
pub(super) fn member<'a>(begin: &'a BeginCall<'_>, key: &str) -> Option<&'a Json> {
    begin.message.as_ref().and_then(|message| message.get(key))
}

/// The message's metadata, of which null is none.
pub(super) fn metadata(begin: &BeginCall<'_>) -> Option<String> {
    member(begin, "metadata").filter(|metadata| !metadata.is_null()).map(jsonb::print)
}

fn found(begin: &BeginCall<'_>, rowid: i64) -> Result<Message, RestError> {
    let message = Message::find(begin.connection, "where rowid = ?", [rowid])?;
    message.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
}
