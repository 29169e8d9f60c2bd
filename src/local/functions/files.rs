//! `begin_file` and `finish_file`. The write transaction stands in for the lock on the user.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};
use serde_json::json;

use super::message_row::to_jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session, TableContext};
use crate::local_supabase::schema::{Column, Table};

/// How long an upload stays its attempt's without a word from it.
const LEASE_MICROS: i64 = 60_000_000;

struct File {
    rowid: i64,
    status: String,
    upload_id: Option<String>,
    lease_expires_at: Option<i64>,
}

/// Claims an id for an upload.
pub(super) fn begin_file(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let table = session.table("files")?;
    let target = TableContext { connection, session, table };
    let user = session.uid().map(|uid| uid.to_string());
    let now = target.clock_timestamp()?;
    let found = find(connection, arguments, user.as_deref())?;
    match &found {
        Some(file) if file.status == "ready" => return answer("exists"),
        Some(file) if file.is_busy(arguments, now) => return answer("busy"),
        _ => {}
    }
    let (count, bytes) = stored(connection, arguments, user.as_deref())?;
    if count >= integer(arguments, "p_max_files") {
        return answer("too_many");
    }
    let claim = [
        ("name", arguments.value("p_name")),
        ("upload_id", arguments.value("p_upload_id")),
        ("lease_expires_at", (now + LEASE_MICROS).into()),
    ];
    match found {
        Some(file) => target.set(&columns(table, claim), &[file.rowid])?,
        None => {
            let key = [("id", arguments.value("p_id")), ("user_id", user.into())];
            let row = target.new_row(&[columns(table, key), columns(table, claim)].concat())?;
            if target.insert_row(&row, Some(table.primary_key()))?.is_none() {
                return answer("conflict");
            }
        }
    }
    let room = (integer(arguments, "p_quota") - bytes).max(0);
    to_jsonb(&json!({ "answer": "started", "room": room }))
}

/// Ends an upload whose bytes are in Storage.
pub(super) fn finish_file(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let table = session.table("files")?;
    let target = TableContext { connection, session, table };
    let user = session.uid().map(|uid| uid.to_string());
    let chat = arguments.text("p_chat_id");
    if chat.is_some() && !has_chat(connection, chat, user.as_deref())? {
        return answer("no_chat");
    }
    let (_, bytes) = stored(connection, arguments, user.as_deref())?;
    if bytes + integer(arguments, "p_size") > integer(arguments, "p_quota") {
        return answer("over_quota");
    }
    let found = find(connection, arguments, user.as_deref())?;
    let own = |file: &File| {
        file.upload_id.as_deref() == arguments.text("p_upload_id") && file.status != "deleting"
    };
    let Some(file) = found.filter(own) else { return answer("lost") };
    let metadata = arguments.text_or("p_metadata", "{}").map(str::to_owned);
    let finished = [
        ("status", "ready".to_owned().into()),
        ("lease_expires_at", Value::Null),
        ("name", arguments.value("p_name")),
        ("media_type", arguments.value("p_media_type")),
        ("size", arguments.value("p_size")),
        ("sha256", arguments.value("p_sha256")),
        ("chat_id", arguments.value("p_chat_id")),
        ("metadata", metadata.into()),
    ];
    target.set(&columns(table, finished), &[file.rowid])?;
    answer("stored")
}

impl File {
    /// Another attempt is at work, or its bytes are being deleted.
    fn is_busy(&self, arguments: &Arguments, now: i64) -> bool {
        let is_own = self.upload_id.as_deref() == arguments.text("p_upload_id");
        let is_live = self.lease_expires_at.is_some_and(|lease| lease > now);
        self.status == "deleting" || is_live && !is_own
    }
}

fn find(
    connection: &Connection,
    arguments: &Arguments,
    user: Option<&str>,
) -> rusqlite::Result<Option<File>> {
    let select = "select rowid, status, upload_id, lease_expires_at from files \
                  where id = ? and user_id = ?";
    let mut statement = connection.prepare_cached(select)?;
    statement
        .query_row((arguments.value("p_id"), user), |row| {
            Ok(File {
                rowid: row.get("rowid")?,
                status: row.get("status")?,
                upload_id: row.get("upload_id")?,
                lease_expires_at: row.get("lease_expires_at")?,
            })
        })
        .optional()
}

/// How many other files the user has, and their bytes.
fn stored(
    connection: &Connection,
    arguments: &Arguments,
    user: Option<&str>,
) -> rusqlite::Result<(i64, i64)> {
    let select = "select count(*), coalesce(sum(size), 0) from files where user_id = ? and id <> ?";
    let mut statement = connection.prepare_cached(select)?;
    statement.query_row((user, arguments.value("p_id")), |row| Ok((row.get(0)?, row.get(1)?)))
}

fn has_chat(
    connection: &Connection,
    chat: Option<&str>,
    user: Option<&str>,
) -> rusqlite::Result<bool> {
    let mut statement =
        connection.prepare_cached("select 1 from chats where id = ? and user_id = ?")?;
    statement.exists((chat, user))
}

fn columns<const N: usize>(
    table: &'static Table,
    given: [(&str, Value); N],
) -> Vec<(&'static Column, Value)> {
    let column = |(name, value)| Some((table.column(name)?, value));
    given.into_iter().filter_map(column).collect()
}

fn integer(arguments: &Arguments, name: &str) -> i64 {
    match arguments.value(name) {
        Value::Integer(number) => number,
        _ => 0,
    }
}

fn answer(answer: &str) -> Result<String, RestError> {
    to_jsonb(&json!({ "answer": answer }))
}
