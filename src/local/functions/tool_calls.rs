//! The calls of a model that wait for somebody: `private.tool_calls` and what becomes of them.

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value as Json, json};

use super::acting_user::acting_user;
use super::call_outcomes::{require_outcome, store_outcomes};
use super::message_row::{Message, to_jsonb};
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// Records the results of calls that wait for the page.
pub(super) fn answer_tool_calls(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let nothing = || Ok("null".to_owned());
    let Some(user) = acting_user(session, arguments) else { return nothing() };
    let chat = arguments.text("p_chat_id").unwrap_or_default();
    let given = match arguments.json("p_outcomes") {
        Some(Json::Object(given)) => given,
        None | Some(Json::Null) => Map::new(),
        Some(_) => return Err(RestError::sql("22023", "cannot call jsonb_each on a non-object")),
    };
    let id = match arguments.text("p_message_id") {
        Some(id) => Some(id.to_owned()),
        None => message_of_call(connection, &user, chat, given.keys().min())?,
    };
    let by_id = "where id = ? and chat_id = ? and user_id = ? and role = 'assistant'";
    let Some(message) = Message::find(connection, by_id, (id, chat, &user))? else {
        return nothing();
    };
    let mut results = Map::new();
    for (call, outcome) in &given {
        let result = record_outcome(connection, &user, &message.id, call, outcome)?;
        results.insert(call.clone(), json!(result));
    }
    if message.status == "awaiting" {
        store_outcomes(connection, session, &message, "awaiting")?;
    }
    let summary = CallSummary::find(connection, &user, &message.id)?.unwrap_or_default();
    let status = "select iif(status = 'streaming' and lease_expires_at < clock_timestamp() \
                  and run_id not in (select run_id from \"private.token_reservations\" \
                  where lease_expires_at >= clock_timestamp()), 'interrupted', status) \
                  from messages where rowid = ?";
    let status: String = connection.query_row(status, [message.rowid], |row| row.get(0))?;
    to_jsonb(&json!({ "message_id": message.id, "status": status, "results": results,
        "remaining": summary.remaining, "message_parts": summary.message_parts }))
}

/// `private.message_of_call`
fn message_of_call(
    connection: &Connection,
    user: &str,
    chat: &str,
    call: Option<&String>,
) -> rusqlite::Result<Option<String>> {
    let select = "select message_id from \"private.tool_calls\" \
                  where chat_id = ? and user_id = ? and call_id = ? \
                  order by created_at desc, message_id desc limit 1";
    let mut statement = connection.prepare_cached(select)?;
    statement.query_row((chat, user, call), |row| row.get(0)).optional()
}

/// `private.record_outcomes`, of one call.
fn record_outcome(
    connection: &Connection,
    user: &str,
    message: &str,
    call: &str,
    outcome: &Json,
) -> Result<&'static str, RestError> {
    require_outcome(outcome)?;
    let select = "select id, state, expires_at >= clock_timestamp(), outcome \
                  from \"private.tool_calls\" where message_id = ? and user_id = ? and call_id = ? \
                  and state <> 'pending' and policy is null";
    let mut statement = connection.prepare_cached(select)?;
    let row = statement.query_row((message, user, call), |row| {
        let stored: Option<String> = row.get(3)?;
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?, stored))
    });
    let Some((id, state, is_in_time, stored)) = row.optional()? else { return Ok("unknown") };
    let text = jsonb::print(outcome);
    Ok(match state.as_str() {
        "waiting" if is_in_time => {
            let state = if outcome.get("output").is_some() { "done" } else { "failed" };
            let update = "update \"private.tool_calls\" set state = ?, outcome = ?, \
                          decided_at = clock_timestamp() where id = ?";
            connection.prepare_cached(update)?.execute((state, text, id))?;
            "recorded"
        }
        "waiting" | "expired" => "expired",
        "done" | "failed" if stored.as_deref() == Some(&*text) => "same",
        "superseded" => "superseded",
        _ => "decided",
    })
}

/// `private.call_summary`
#[derive(Default)]
pub(super) struct CallSummary {
    pub remaining: i64,
    pub message_parts: i64,
    pub definitions: Vec<Json>,
}

impl CallSummary {
    pub fn find(
        connection: &Connection,
        user: &str,
        message: &str,
    ) -> Result<Option<Self>, RestError> {
        let select = "select state in ('pending', 'waiting') and expires_at >= clock_timestamp(), \
                      message_parts, definition from \"private.tool_calls\" \
                      where message_id = ? and user_id = ? order by created_at, call_id";
        let mut statement = connection.prepare_cached(select)?;
        let mut rows = statement.query((message, user))?;
        let mut summary = None;
        while let Some(row) = rows.next()? {
            let all: &mut Self = summary.get_or_insert_default();
            all.remaining += row.get::<_, i64>(0)?;
            all.message_parts = all.message_parts.max(row.get(1)?);
            if let Some(definition) = row.get::<_, Option<String>>(2)? {
                let definition = serde_json::from_str(&definition);
                all.definitions.push(definition.map_err(|_| RestError::invalid_json_input())?);
            }
        }
        Ok(summary)
    }
}
