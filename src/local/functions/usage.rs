//! `private.run_id`, `private.record_usage` and `private.settle_reservation`.

use aws_lc_rs::digest::{SHA256, digest};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::acting_user::require_caller;
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

/// Inserts the usage of a run. A report replaces an estimate, and so does what the run itself says last;
/// the estimate of a lapsed run, whose error is `interrupted`, only if it is higher: a user may have written
/// what it is taken from.
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
    error_code = excluded.error_code, raw = excluded.raw, assistant = excluded.assistant, \
    assistant_version = excluded.assistant_version, plan = excluded.plan, prices = excluded.prices \
    where usage_logs.user_id = excluded.user_id and usage_logs.usage_source = 'estimated' \
    and (excluded.usage_source <> 'estimated' or excluded.error_code is not 'interrupted' \
    or excluded.input_tokens + excluded.output_tokens \
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
        "assistant",
        "assistant_version",
        "plan",
    ];
    let mut given = Vec::new();
    for name in names {
        if let Some(text) = log.get(name).and_then(jsonb::to_text) {
            let column = column(session, name)?;
            given.push((column, value::parse(column.pg_type, &text, session.now)?));
        }
    }
    for name in ["raw", "prices"] {
        if let Some(value) = log.get(name) {
            given.push((column(session, name)?, Value::Text(jsonb::print(value))));
        }
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

/// `private.settle_reservation`
pub(super) fn settle_reservation(
    connection: &Connection,
    session: Session,
    (user, run_id): (Option<&str>, Option<&str>),
) -> Result<(), RestError> {
    let user = require_caller(session, user)?;
    let delete = "delete from \"private.token_reservations\" where run_id = ? and user_id = ?";
    connection.prepare_cached(delete)?.execute((run_id, user))?;
    Ok(())
}
