//! What becomes of a call of `begin_generation`.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::value::RawValue;

use super::message_row::{Message, raw};
use super::paths::path_to;
use super::reservations::Reserved;
use crate::local_supabase::functions::RestError;
use crate::local_supabase::functions::value::jsonb;

/// `busy`, `conflict` and so on, with what the caller needs.
#[derive(Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(super) enum BeginReply {
    Started {
        chat: Box<Chat>,
        user_message: Box<RawValue>,
        message: Box<RawValue>,
        reserved: Option<Reserved>,
        has_queue: bool,
        lease_ms: i64,
        history: Box<RawValue>,
        /// Where the message is continued.
        #[serde(skip_serializing_if = "Option::is_none")]
        checkpoint: Option<i64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        definitions: Option<Box<serde_json::Value>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        calls: Option<Box<serde_json::Value>>,
    },
    Running {
        message: Box<RawValue>,
        user_message: Box<RawValue>,
    },
    Answered {
        message: Box<RawValue>,
        user_message: Box<RawValue>,
    },
    Ended {
        message: Box<RawValue>,
        user_message: Box<RawValue>,
    },
    NotReady {
        remaining: i64,
        message: Box<RawValue>,
        user_message: Box<RawValue>,
    },
    Busy {
        message_id: String,
    },
    Queued {
        message_id: String,
        user_message: Box<RawValue>,
    },
    QueueFull,
    Conflict,
    NotFound {
        missing: &'static str,
    },
    NothingToAnswer,
    OverLimit {
        over_limit: serde_json::Value,
    },
}

#[derive(Serialize)]
pub(super) struct Chat {
    id: String,
    title: String,
    pub model: Option<String>,
    system_prompt: Option<String>,
}

impl Chat {
    /// The user's chat of that id.
    pub fn find(connection: &Connection, id: &str, user: &str) -> rusqlite::Result<Option<Self>> {
        let select =
            "select id, title, model, system_prompt from chats where id = ? and user_id = ?";
        let mut statement = connection.prepare_cached(select)?;
        let chat = statement.query_row((id, user), |row| {
            Ok(Self {
                id: row.get(0)?,
                title: row.get(1)?,
                model: row.get(2)?,
                system_prompt: row.get(3)?,
            })
        });
        chat.optional()
    }
}

/// What a model is to read. It ends with the question, and of a branch it is the path to it; rows that hold
/// nothing a model could read are left out, and those that wait. Newest 1,000 messages, 8 MiB.
pub(super) fn history(
    connection: &Connection,
    chat: &str,
    user: &str,
    question: Option<&Message>,
    edited: Option<&serde_json::Value>,
) -> Result<Box<RawValue>, RestError> {
    let select = "select json_rows(message) from ( \
        select json_row('id', id, 'role', role, \
            'parts', as_json(iif(id = ?4, coalesce(?5, parts), parts)), 'model', model, \
            'metadata', as_json(iif(id = ?4, coalesce(?6, metadata), metadata))) as message \
        from ( \
            select *, sum(octet_length(parts)) over (order by created_at desc, id desc) as bytes \
            from messages \
            where chat_id = ?1 and user_id = ?2 \
                and iif(?7 is null, is_active, id in (select value from json_each(?7))) \
                and id not in (select message_id from \"private.queued_messages\" \
                    where chat_id = ?1 and user_id = ?2) \
                and status <> 'streaming' \
                and parts <> '[]' and (created_at, id) <= (?3, ?4) \
            order by created_at desc, id desc \
            limit 1000) \
        where bytes <= 8388608 or id = ?4 \
        order by created_at, id)";
    let (created_at, id) = question.map(|question| (question.created_at, &question.id)).unzip();
    let member = |name| edited.and_then(|edited| edited.get(name)).map(jsonb::print);
    let branch = question.filter(|question| question.replaces().is_some());
    let path = branch.map(|question| path_to(connection, question)).transpose()?;
    let params = params![chat, user, created_at, id, member("parts"), member("metadata"), path];
    raw(connection.prepare_cached(select)?.query_row(params, |row| row.get(0))?)
}
