//! `save_generation`.

use rusqlite::types::Value;
use rusqlite::{Connection, named_params};
use serde::Serialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::acting_user::acting_user;
use super::add_calls::add_tool_calls;
use super::call_outcomes::settle_calls;
use super::candidates::{has_content, take_place};
use super::message_json::message_json;
use super::message_row::{LEASE_MICROS, Message, change, to_jsonb};
use super::reservations::{over_limit, renew_reservation};
use super::saved_answer::{saved_text, text_of};
use super::usage::{Usage, record_usage, run_id, settle_reservation};
use crate::local_supabase::functions::value::{self, jsonb};
use crate::local_supabase::functions::{Arguments, RestError, Session};
use crate::local_supabase::schema::PgType;

#[derive(Serialize)]
struct Saved {
    owned: bool,
    stop_requested: bool,
    message: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    over_limit: Option<Json>,
}

/// Saves an answer for the run that owns it: a checkpoint, which renews the lease, or with `p_end`
/// the end of the message and its usage, which is recorded even when the message is gone or owned
/// by another run.
pub(super) fn save_generation(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = acting_user(session, arguments);
    let run_id = arguments.text("p_run").and_then(run_id);
    let mut end = arguments.json("p_end");
    let mut metadata = arguments.json("p_metadata");
    let key = (arguments.text("p_message_id"), user.as_deref(), run_id.as_deref());
    if is_cut_off(end.as_ref()) && was_to_stop(connection, key)? {
        keep_stopped(&mut end, &mut metadata);
    }
    // A message that others have ended keeps its lease: it belongs to its run until that has had its last
    // word or another attempt is made.
    let owned_by_run = "where id = ?1 and user_id = ?2 and run_id = ?3 and (status = 'streaming' \
                        or (status in ('interrupted', 'stopped') \
                            and lease_expires_at is not null and ?4))";
    let owned = (key.0, key.1, key.2, end.is_some());
    let owned = Message::find(connection, owned_by_run, owned)?;
    if let Some(message) = &owned {
        let saved = (end.as_ref(), metadata.as_ref());
        save(connection, session, arguments, saved, message.rowid)?;
        let parts = arguments.json("p_parts");
        if message.replaces().is_some() && has_content(parts.as_ref()) {
            take_place(connection, session, message)?;
        }
        match &end {
            Some(end) if end["status"] == "awaiting" => {
                add_tool_calls(connection, session, message, end.get("tool_calls"))?;
            }
            Some(_) => settle_calls(connection, session, message.rowid)?,
            None => {}
        }
    }
    if let Some(Json::Object(log)) = end.as_ref().and_then(|end| end.get("usage_log")) {
        let chat = arguments.text("p_chat_id");
        let usage = Usage { user: key.1, run_id: key.2, chat, message: key.0, log };
        record_usage(connection, session, &usage)?;
    }
    let run = (key.1, key.2);
    let over_limit = match (&user, &end) {
        (None, _) => None,
        (Some(_), None) => renew(connection, session, arguments, run)?,
        (Some(_), Some(_)) => {
            settle_reservation(connection, session, run)?;
            None
        }
    };
    let is_owned = owned.is_some();
    let message = match owned {
        None => {
            // Its end was saved before, by the run or by others.
            Message::find(connection, "where id = ? and user_id = ? and run_id = ?", key)?
        }
        owned => owned,
    };
    let rowid = message.map(|message| message.rowid);
    let shown = rowid.filter(|_| end.is_some());
    to_jsonb(&Saved {
        owned: is_owned,
        stop_requested: is_stop_requested(connection, rowid)?,
        message: shown.map(|rowid| message_json(connection, session, Some(rowid))).transpose()?,
        over_limit,
    })
}

fn is_cut_off(end: Option<&Json>) -> bool {
    let status = end.and_then(|end| end.get("status")).and_then(Json::as_str);
    matches!(status, Some("interrupted" | "failed"))
}

fn was_to_stop(
    connection: &Connection,
    key: (Option<&str>, Option<&str>, Option<&str>),
) -> rusqlite::Result<bool> {
    let select = "select exists (select 1 from messages where id = ? and user_id = ? and run_id = ? \
                  and (status = 'stopped' or stop_requested_at is not null))";
    connection.prepare_cached(select)?.query_row(key, |row| row.get(0))
}

/// One that was to stop is stopped, unless it is complete all the same.
fn keep_stopped(end: &mut Option<Json>, metadata: &mut Option<Json>) {
    let stopped = || Json::from("stopped");
    if let Some(Json::Object(end)) = end {
        end.insert("status".to_owned(), stopped());
        end.insert("finish_reason".to_owned(), stopped());
    }
    if let Some(Json::Object(metadata)) = metadata {
        metadata.remove("error");
        metadata.insert("finish_reason".to_owned(), stopped());
    }
}

/// Renews the reservation; what is left of the day's tokens when that is not enough.
fn renew(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
    run: (Option<&str>, Option<&str>),
) -> Result<Option<Json>, RestError> {
    let reserve = arguments.json("p_reserve");
    if renew_reservation(
        connection,
        session,
        run,
        usage_report(arguments).as_ref(),
        reserve.as_ref(),
    )? {
        return Ok(None);
    }
    let user = run.0.unwrap_or_default();
    over_limit(connection, user, &reserve.unwrap_or_default()).map(Some)
}

/// What the run reports of its usage.
fn usage_report(arguments: &Arguments) -> Option<Json> {
    let mut report = match arguments.json("p_usage")? {
        Json::Object(used) => used,
        other => return Some(other),
    };
    let metadata = arguments.json("p_metadata").unwrap_or_default();
    let provider = metadata.get("provider").and_then(jsonb::to_text);
    let known = [("model", arguments.text("p_model").map(str::to_owned)), ("provider", provider)];
    for (name, value) in known {
        report.extend(value.map(|value| (name.to_owned(), value.into())));
    }
    let cost = match arguments.value("p_cost_usd") {
        Value::Real(cost) => cost.into(),
        Value::Integer(cost) => cost.into(),
        _ => Json::Null,
    };
    report.insert("cost_usd".to_owned(), cost);
    Some(Json::Object(report))
}

fn save(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
    (end, metadata): (Option<&Json>, Option<&Json>),
    rowid: i64,
) -> Result<(), RestError> {
    let end_text = |key: &str| end.and_then(|end| end.get(key)).and_then(jsonb::to_text);
    let is_active = match end_text("is_active") {
        Some(text) => value::parse(PgType::Boolean, &text, session.now)?,
        None => Value::Integer(1),
    };
    let given = arguments.json("p_parts");
    let mut content = match (arguments.value("p_content"), &given) {
        (Value::Null, Some(Json::Array(parts))) => text_of(parts).into(),
        (content, _) => content,
    };
    let mut parts = arguments.value("p_parts");
    if let Some((saved, text)) = saved_text(connection, rowid)?.filter(|_| end.is_some()) {
        let keep = |given: Value, saved: String| match given {
            Value::Null => saved.into(),
            given => given,
        };
        (parts, content) = (keep(parts, jsonb::print(&saved)), keep(content, text));
    }
    // An answer only grows: a checkpoint with less of it was sent before the last one and came late.
    let statement = "update messages set \
        content = iif(not :ends and octet_length(:content) < octet_length(content), content, \
            coalesce(:content, content)), \
        parts = iif(not :ends and octet_length(:content) < octet_length(content), parts, \
            coalesce(:parts, parts)), \
        model = coalesce(:model, model), \
        metadata = coalesce(:metadata, metadata), \
        usage = case when :ends then :usage else coalesce(:usage, usage) end, \
        cost_usd = case when :ends then :cost_usd else coalesce(:cost_usd, cost_usd) end, \
        status = coalesce(:status, status), \
        finish_reason = case when :ends then :finish_reason else finish_reason end, \
        is_active = is_active and :is_active, \
        lease_expires_at = iif(:ends, null, clock_timestamp() + :lease) \
        where rowid = :rowid";
    let params = named_params! {
        ":content": content,
        ":parts": parts,
        ":model": arguments.value("p_model"),
        ":metadata": metadata.map(jsonb::print),
        ":usage": arguments.value("p_usage"),
        ":cost_usd": arguments.value("p_cost_usd"),
        ":ends": end.is_some(),
        ":status": end_text("status"),
        ":finish_reason": end_text("finish_reason"),
        ":is_active": is_active,
        ":lease": LEASE_MICROS,
        ":rowid": rowid,
    };
    change(connection, session, statement, params)
}

fn is_stop_requested(connection: &Connection, rowid: Option<i64>) -> rusqlite::Result<bool> {
    let Some(rowid) = rowid else { return Ok(false) };
    // An answer without its question is wanted by nobody.
    let select = "select stop_requested_at is not null or parent_id is null from messages \
                  where rowid = ?";
    connection.prepare_cached(select)?.query_row([rowid], |row| row.get(0))
}
