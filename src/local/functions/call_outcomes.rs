//! What becomes of calls that wait, and of the messages that show them.

use rusqlite::Connection;
use serde_json::{Map, Value as Json, json};

use super::message_row::{Message, change};
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{RestError, Session};

/// `private.unknown_outcome`
pub(super) const UNKNOWN_OUTCOME: &str = "It is not known whether this call was carried out: the \
    server was lost while it ran. Ask the person to look before it is made again.";

/// `private.require_outcome`
pub(super) fn require_outcome(outcome: &Json) -> Result<(), RestError> {
    let members = outcome.as_object().filter(|members| members.len() == 1);
    let is_outcome = members.is_some_and(|members| {
        members.contains_key("output") || members.get("error").is_some_and(Json::is_string)
    });
    let refusal = || RestError::sql("22023", "an outcome is {\"output\"} or {\"error\"}");
    is_outcome.then_some(()).ok_or_else(refusal)
}

/// `private.end_calls`: ends the calls of a message that nobody has answered or run.
pub(super) fn end_calls(
    connection: &Connection,
    user: &str,
    message: &str,
    state: &str,
    error: &str,
) -> Result<(), RestError> {
    let update = "update \"private.tool_calls\" set \
                  outcome = case when state = 'running' then ?3 \
                      when state = 'pending' and ?1 = 'expired' then ?4 else ?2 end, \
                  state = iif(state = 'running', 'unknown', ?1), \
                  decided_at = coalesce(decided_at, clock_timestamp()) \
                  where message_id = ?5 and user_id = ?6 \
                  and state in ('pending', 'waiting', 'approved', 'running') \
                  and (?1 <> 'expired' or (state in ('pending', 'waiting') \
                      and expires_at < clock_timestamp()))";
    let outcome = |error: &str| jsonb::print(&json!({ "error": error }));
    let late = outcome("Not run: the person did not decide in time.");
    let values = (state, outcome(error), outcome(UNKNOWN_OUTCOME), late, message, user);
    connection.prepare_cached(update)?.execute(values)?;
    Ok(())
}

/// `private.supersede_calls`: completes the chat's answers that wait.
pub(super) fn supersede_calls(
    connection: &Connection,
    session: Session,
    chat: &str,
    user: &str,
    error: &str,
) -> Result<(), RestError> {
    let waits = "where chat_id = ? and user_id = ? and status = 'awaiting'";
    while let Some(message) = Message::find(connection, waits, (chat, user))? {
        end_calls(connection, user, &message.id, "superseded", error)?;
        store_outcomes(connection, session, &message, "complete")?;
    }
    Ok(())
}

/// `private.supersede_hidden_calls`: the same for answers that are not shown any more.
pub(super) fn supersede_hidden_calls(
    connection: &Connection,
    session: Session,
    chat: &str,
    user: &str,
) -> Result<(), RestError> {
    let hidden = "where chat_id = ? and user_id = ? and status = 'awaiting' and not is_active";
    let error = "Not run: the person went on with another version.";
    while let Some(message) = Message::find(connection, hidden, (chat, user))? {
        end_calls(connection, user, &message.id, "superseded", error)?;
        store_outcomes(connection, session, &message, "complete")?;
    }
    Ok(())
}

/// `private.settle_calls`: what the end of a message means for its calls.
pub(super) fn settle_calls(
    connection: &Connection,
    session: Session,
    rowid: i64,
) -> Result<(), RestError> {
    let Some(message) = Message::find(connection, "where rowid = ?", [rowid])? else {
        return Ok(());
    };
    let select = "select count(*), coalesce(sum(state in ('approved', 'running')), 0) \
                  from \"private.tool_calls\" where message_id = ? and user_id = ?";
    let key = (&message.id, &message.user_id);
    let (calls, to_run): (i64, i64) =
        connection.prepare_cached(select)?.query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))?;
    if calls == 0 {
        return Ok(());
    }
    let waits = message.status == "interrupted" && to_run > 0;
    if !waits {
        let (why, error) = match &*message.status {
            "stopped" => ("the person stopped it", "Not run: the answer was stopped."),
            _ => ("the answer ended", "Not run: the answer ended before."),
        };
        end_running_calls(connection, &message, why)?;
        end_calls(connection, &message.user_id, &message.id, "superseded", error)?;
    }
    let before = parts(connection, message.rowid)?;
    let after = with_outcomes(connection, &message)?;
    if waits || after != before {
        let update = "update messages set status = iif(?1, 'awaiting', status), \
                      finish_reason = iif(?1, 'tool-calls', finish_reason), parts = ?2 \
                      where rowid = ?3";
        change(connection, session, update, (waits, jsonb::print(&after), message.rowid))?;
    }
    Ok(())
}

/// `private.end_running_calls`
fn end_running_calls(
    connection: &Connection,
    message: &Message,
    why: &str,
) -> Result<(), RestError> {
    let error = format!(
        "It is not known whether this call was carried out: {why} while it ran. Ask the person to look \
         before it is made again."
    );
    let update = "update \"private.tool_calls\" set state = 'unknown', outcome = ? \
                  where message_id = ? and user_id = ? and state = 'running'";
    let outcome = jsonb::print(&json!({ "error": error }));
    connection.prepare_cached(update)?.execute((outcome, &message.id, &message.user_id))?;
    Ok(())
}

pub(super) fn store_outcomes(
    connection: &Connection,
    session: Session,
    message: &Message,
    status: &str,
) -> Result<(), RestError> {
    let parts = with_outcomes(connection, message)?;
    let update = "update messages set status = ?, parts = ? where rowid = ?";
    change(connection, session, update, (status, jsonb::print(&parts), message.rowid))
}

fn parts(connection: &Connection, rowid: i64) -> Result<Json, RestError> {
    let select = "select parts from messages where rowid = ?";
    let parts: String = connection.prepare_cached(select)?.query_row([rowid], |row| row.get(0))?;
    read(&parts)
}

fn read(text: &str) -> Result<Json, RestError> {
    serde_json::from_str(text).map_err(|_| RestError::invalid_json_input())
}

/// `private.with_outcomes` of a message's parts and `private.outcomes`.
pub(super) fn with_outcomes(connection: &Connection, message: &Message) -> Result<Json, RestError> {
    let mut parts = parts(connection, message.rowid)?;
    for (call, outcome) in outcomes(connection, message)? {
        for part in parts.as_array_mut().into_iter().flatten() {
            let is_call = part.get("toolCallId").and_then(jsonb::to_text).as_ref() == Some(&call);
            let waits = part["state"].as_str().is_some_and(|state| {
                ["input-available", "approval-requested", "approval-responded"].contains(&state)
            });
            if let Json::Object(part) = part
                && is_call
                && waits
            {
                put_outcome(part, &outcome);
            }
        }
    }
    Ok(parts)
}

/// What became of calls, by their ids.
type Outcomes = Vec<(String, Map<String, Json>)>;

/// `private.outcomes`
fn outcomes(connection: &Connection, message: &Message) -> Result<Outcomes, RestError> {
    let select = "select call_id, outcome, state, id, reason, arguments, edited_from, redact \
                  from \"private.tool_calls\" where message_id = ? and user_id = ? \
                  and (outcome is not null or state in ('approved', 'running'))";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query((&message.id, &message.user_id))?;
    let mut outcomes = Vec::new();
    while let Some(row) = rows.next()? {
        let json = |text: Option<String>| text.as_deref().map(read).transpose();
        let id = json!(row.get::<_, String>(3)?);
        let mut outcome = match json(row.get(1)?)? {
            Some(Json::Object(outcome)) => outcome,
            Some(_) => Map::new(),
            None => {
                let redact = json(row.get(7)?)?;
                let shown = |text| {
                    let arguments: Option<Json> = json(text)?;
                    Ok::<_, RestError>(redacted(arguments.unwrap_or_default(), redact.as_ref()))
                };
                Map::from_iter([
                    ("approved".to_owned(), json!(row.get::<_, Option<String>>(4)?)),
                    ("arguments".to_owned(), shown(row.get(5)?)?),
                    ("edited".to_owned(), shown(row.get(6)?)?),
                ])
            }
        };
        let state: String = row.get(2)?;
        if outcome.contains_key("approved") || state == "denied" {
            outcome.insert("id".to_owned(), id);
        }
        outcomes.push((row.get(0)?, outcome));
    }
    Ok(outcomes)
}

/// `private.redacted`
fn redacted(mut arguments: Json, pointers: Option<&Json>) -> Json {
    let pointers = pointers.and_then(Json::as_array).into_iter().flatten();
    for pointer in pointers.filter_map(Json::as_str).filter(|pointer| !pointer.is_empty()) {
        if let Some(value) = arguments.pointer_mut(pointer) {
            *value = "•••".into();
        }
    }
    arguments
}

fn put_outcome(part: &mut Map<String, Json>, outcome: &Map<String, Json>) {
    let member = |name: &str| outcome.get(name).cloned().unwrap_or_default();
    let decision = |approved: bool, reason: Json| {
        let mut approval = json!({ "id": member("id"), "approved": approved, "reason": reason });
        if let Json::Object(approval) = &mut approval {
            approval.retain(|_, value| !value.is_null());
        }
        approval
    };
    let mut put = |name: &str, value: Json| drop(part.insert(name.to_owned(), value));
    if outcome.contains_key("output") {
        put("state", json!("output-available"));
        put("output", member("output"));
    } else if outcome.contains_key("denied") {
        put("state", json!("output-denied"));
        put("approval", decision(false, member("denied")));
    } else if outcome.contains_key("approved") {
        put("state", json!("approval-responded"));
        put("approval", decision(true, member("approved")));
        if !member("edited").is_null() {
            put("input", member("arguments"));
            put_sent_arguments(part, &member("edited"));
        }
    } else {
        put("state", json!("output-error"));
        put("errorText", member("error"));
        if part.get("approval").is_none_or(|approval| approval["approved"] != true) {
            part.remove("approval");
        }
    }
}

/// `private.with_sent_arguments`
fn put_sent_arguments(part: &mut Map<String, Json>, edited_from: &Json) {
    let mut metadata = match part.get("callProviderMetadata") {
        Some(Json::Object(metadata)) => metadata.clone(),
        _ => Map::new(),
    };
    let mut ours = match metadata.get("chat-backend") {
        Some(Json::Object(ours)) => ours.clone(),
        _ => Map::new(),
    };
    let sent = ours.get("arguments").and_then(jsonb::to_text);
    let sent = sent.unwrap_or_else(|| jsonb::print(edited_from));
    ours.insert("edited".to_owned(), json!(true));
    ours.insert("arguments".to_owned(), json!(sent));
    metadata.insert("chat-backend".to_owned(), Json::Object(ours));
    part.insert("callProviderMetadata".to_owned(), Json::Object(metadata));
}
