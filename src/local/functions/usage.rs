//! `private.run_id`, `private.record_usage` and `private.end_lapsed`.

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::message_row::change;
use super::reservations::{lapsed_tokens, settle_reservation};
use crate::local_supabase::Role;
use crate::local_supabase::functions::value::{self, jsonb};
use crate::local_supabase::functions::{RestError, Session, TableContext};
use crate::local_supabase::schema::Column;

/// A run is a secret of the server that works on an answer; rows carry this digest of it.
pub(super) fn run_id(run: &str) -> Option<String> {
    let digest = digest(&SHA256, run.as_bytes());
    Uuid::from_slice(digest.as_ref().get(..16)?).ok().map(|id| id.to_string())
}

/// The usage of one run: whose it is and what it was for.
pub(super) struct Usage<'a> {
    pub user: Option<&'a str>,
    pub run_id: Option<&'a str>,
    pub chat: Option<&'a str>,
    pub message: Option<&'a str>,
    pub log: &'a Map<String, Json>,
}

/// Inserts the usage of a run; a report, or a higher estimate, replaces the estimate that a lapsed
/// lease left behind: a user may have written that one.
pub(super) fn record_usage(
    connection: &Connection,
    session: Session,
    usage: &Usage<'_>,
) -> Result<(), RestError> {
    let caller = session.uid().map(|uid| uid.to_string());
    let is_own = session.role == Role::Service || usage.user == caller.as_deref();
    let Some(user) = usage.user.filter(|_| is_own) else {
        return Err(RestError::sql("42501", "not the caller's usage"));
    };
    let mut given = logged(session, usage.log)?;
    given.push((column(session, "id")?, usage.run_id.map(str::to_owned).into()));
    given.push((column(session, "user_id")?, Value::Text(user.to_owned())));
    given.push((column(session, "chat_id")?, own_chat(connection, usage, user)?.into()));
    given.push((column(session, "message_id")?, own_message(connection, usage, user)?.into()));
    let target = TableContext { connection, session, table: session.table("usage_logs")? };
    let row = target.new_row(&given)?;
    target.insert_on_conflict(&row, REPLACE_ESTIMATE)
}

const REPLACE_ESTIMATE: &str = " on conflict (id) do update set \
    provider = excluded.provider, model = excluded.model, \
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, \
    cached_input_tokens = excluded.cached_input_tokens, \
    cache_write_input_tokens = excluded.cache_write_input_tokens, \
    reasoning_tokens = excluded.reasoning_tokens, usage_source = excluded.usage_source, \
    cost_usd = excluded.cost_usd, latency_ms = excluded.latency_ms, \
    time_to_first_token_ms = excluded.time_to_first_token_ms, status = excluded.status, \
    error_code = excluded.error_code, raw = excluded.raw \
    where usage_logs.user_id = excluded.user_id and usage_logs.usage_source = 'estimated' \
    and (excluded.usage_source <> 'estimated' or excluded.input_tokens + excluded.output_tokens \
    > usage_logs.input_tokens + usage_logs.output_tokens)";

/// The columns that the log fills, each `p_log ->> name` in the column's type. The counts of tokens
/// keep their default of 0 where the log has none.
fn logged(
    session: Session,
    log: &Map<String, Json>,
) -> Result<Vec<(&'static Column, Value)>, RestError> {
    let names = [
        "operation",
        "provider",
        "model",
        "input_tokens",
        "output_tokens",
        "cached_input_tokens",
        "cache_write_input_tokens",
        "reasoning_tokens",
        "usage_source",
        "cost_usd",
        "latency_ms",
        "time_to_first_token_ms",
        "status",
        "error_code",
    ];
    let mut given = Vec::new();
    for name in names {
        if let Some(text) = log.get(name).and_then(jsonb::to_text) {
            let column = column(session, name)?;
            given.push((column, value::parse(column.pg_type, &text, session.now)?));
        }
    }
    if let Some(raw) = log.get("raw") {
        given.push((column(session, "raw")?, Value::Text(jsonb::print(raw))));
    }
    Ok(given)
}

fn column(session: Session, name: &str) -> Result<&'static Column, RestError> {
    let column = session.table("usage_logs")?.column(name);
    column.ok_or_else(|| RestError::undefined_column("usage_logs", name, &[]))
}

fn own_chat(
    connection: &Connection,
    usage: &Usage<'_>,
    user: &str,
) -> rusqlite::Result<Option<String>> {
    let select = "select id from chats where id = ? and user_id = ?";
    let mut statement = connection.prepare_cached(select)?;
    statement.query_row((usage.chat, user), |row| row.get(0)).optional()
}

fn own_message(
    connection: &Connection,
    usage: &Usage<'_>,
    user: &str,
) -> rusqlite::Result<Option<String>> {
    let select = "select id from messages where id = ? and chat_id = ? and user_id = ?";
    let mut statement = connection.prepare_cached(select)?;
    statement.query_row((usage.message, usage.chat, user), |row| row.get(0)).optional()
}

/// A streaming message whose lease has lapsed.
struct Lapsed {
    rowid: i64,
    id: String,
    run_id: Option<String>,
    model: Option<String>,
    usage: Option<String>,
    cost_usd: Option<f64>,
    metadata: String,
}

/// Ends the chat's streaming message if its lease has lapsed; its usage is the last estimate that
/// was saved with it.
pub(super) fn end_lapsed(
    connection: &Connection,
    session: Session,
    chat: &str,
    user: &str,
) -> Result<(), RestError> {
    let Some(lapsed) = find_lapsed(connection, chat, user)? else { return Ok(()) };
    let end = "update messages set status = 'interrupted', finish_reason = 'interrupted' \
               where rowid = ?";
    change(connection, session, end, [lapsed.rowid])?;
    let Some(run_id) = &lapsed.run_id else { return Ok(()) };
    let usage = Usage {
        user: Some(user),
        run_id: Some(run_id),
        chat: Some(chat),
        message: Some(&lapsed.id),
        log: &lapsed.log(),
    };
    record_lapsed_usage(connection, session, &usage)
}

/// `private.record_lapsed_usage`: the message, which users can change, counts no less than what the
/// run has reported, and not at all while the run's reservation lasts.
fn record_lapsed_usage(
    connection: &Connection,
    session: Session,
    usage: &Usage<'_>,
) -> Result<(), RestError> {
    let (user, run_id) = (usage.user.unwrap_or_default(), usage.run_id.unwrap_or_default());
    let Some(used) = lapsed_tokens(connection, user, run_id)? else { return Ok(()) };
    let number = |key| usage.log.get(key).and_then(Json::as_i64).unwrap_or(0);
    let input = number("input_tokens").max(used - number("output_tokens"));
    let mut log = usage.log.clone();
    log.insert("input_tokens".to_owned(), json!(input));
    record_usage(connection, session, &Usage { log: &log, ..*usage })?;
    settle_reservation(connection, session, (usage.user, usage.run_id))
}

impl Lapsed {
    fn log(&self) -> Map<String, Json> {
        let object = |text: &str| match serde_json::from_str(text) {
            Ok(Json::Object(object)) => object,
            _ => Map::new(),
        };
        let provider = object(&self.metadata).get("provider").and_then(jsonb::to_text);
        let unknown = || "unknown".to_owned();
        let known = [
            ("operation", json!("chat")),
            ("provider", json!(provider.unwrap_or_else(unknown))),
            ("model", json!(self.model.clone().unwrap_or_else(unknown))),
            ("cost_usd", json!(self.cost_usd)),
            ("usage_source", json!("estimated")),
            ("status", json!("interrupted")),
            ("error_code", json!("interrupted")),
        ];
        let mut log = self.usage.as_deref().map(object).unwrap_or_default();
        log.extend(known.map(|(name, value)| (name.to_owned(), value)));
        log
    }
}

fn find_lapsed(
    connection: &Connection,
    chat: &str,
    user: &str,
) -> rusqlite::Result<Option<Lapsed>> {
    let select = "select rowid, id, run_id, model, usage, cost_usd, metadata from messages \
                  where chat_id = ? and user_id = ? and status = 'streaming' \
                  and lease_expires_at < clock_timestamp()";
    let mut statement = connection.prepare_cached(select)?;
    let lapsed = statement.query_row((chat, user), |row| {
        Ok(Lapsed {
            rowid: row.get(0)?,
            id: row.get(1)?,
            run_id: row.get(2)?,
            model: row.get(3)?,
            usage: row.get(4)?,
            cost_usd: row.get(5)?,
            metadata: row.get(6)?,
        })
    });
    lapsed.optional()
}
