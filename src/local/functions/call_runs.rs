//! Runs of approved calls: each is taken by one run, and ended by it.

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value as Json, json};

use super::acting_user::acting_user;
use super::call_outcomes::{UNKNOWN_OUTCOME, require_outcome};
use super::call_row::Call;
use super::message_row::to_jsonb;
use super::usage::run_id;
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// How often a call that may be repeated is made.
const MAX_ATTEMPTS: i64 = 5;
const MADE_BEFORE: &str = "Not run: this call was made before, and is not made twice.";
/// How long it is remembered that a call was made.
const MADE_CALLS_MICROS: i64 = 90 * 86_400_000_000;
const BY_KEY: &str = "where c.message_id = ? and c.user_id = ? and c.call_id = ?";

/// `private.calls_to_run`: the calls of a message that are approved and have no outcome.
pub(super) fn calls_to_run(
    connection: &Connection,
    user: &str,
    message: &str,
) -> Result<Json, RestError> {
    let to_run = "where c.message_id = ? and c.user_id = ? and c.state in ('approved', 'running') \
                  order by c.call_id";
    let calls = Call::all(connection, to_run, (message, user))?;
    Ok(calls.iter().map(Call::to_json).collect())
}

/// Takes an approved call for the run that writes its message.
pub(super) fn claim_tool_call(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let nothing = || Ok("null".to_owned());
    let Some(user) = acting_user(session, arguments) else { return nothing() };
    let run = arguments.text("p_run").and_then(run_id);
    let message = arguments.text("p_message_id");
    let owned = "select 1 from messages where id = ? and user_id = ? and run_id = ? \
                 and status = 'streaming' and stop_requested_at is null and parent_id is not null \
                 and (lease_expires_at >= clock_timestamp() or run_id in (select run_id \
                     from \"private.token_reservations\" \
                     where lease_expires_at >= clock_timestamp()))";
    let mut owned = connection.prepare_cached(owned)?;
    if owned.query_row((message, &user, &run), |_| Ok(())).optional()?.is_none() {
        return nothing();
    }
    let key = (message, &user, arguments.text("p_call_id"));
    let Some(call) = Call::find(connection, BY_KEY, key)? else { return nothing() };
    take(connection, &call, run.as_deref())?;
    let Some(call) = Call::find(connection, BY_KEY, key)? else { return nothing() };
    to_jsonb(&match &*call.state {
        "running" => json!({ "answer": "claimed", "call": call.to_json() }),
        state => json!({ "answer": state, "outcome": call.outcome }),
    })
}

/// `private.take_call`
fn take(connection: &Connection, call: &Call, run: Option<&str>) -> Result<(), RestError> {
    let is_own = call.run_id.as_deref() == run;
    let is_lost = !call.is_repeatable || call.attempts >= MAX_ATTEMPTS;
    if call.state == "running" && !is_own && is_lost {
        let update =
            "update \"private.tool_calls\" set state = 'unknown', outcome = ? where id = ?";
        let outcome = jsonb::print(&json!({ "error": UNKNOWN_OUTCOME }));
        connection.prepare_cached(update)?.execute((outcome, &call.id))?;
    } else if call.state == "approved" && !call.is_repeatable && !note_made_call(connection, call)?
    {
        let update =
            "update \"private.tool_calls\" set state = 'superseded', outcome = ? where id = ?";
        let outcome = jsonb::print(&json!({ "error": MADE_BEFORE }));
        connection.prepare_cached(update)?.execute((outcome, &call.id))?;
    } else if call.state == "approved" || call.state == "running" && !is_own {
        let update = "update \"private.tool_calls\" set state = 'running', run_id = ?, \
                      attempts = attempts + 1 where id = ?";
        connection.prepare_cached(update)?.execute((run, &call.id))?;
    }
    Ok(())
}

/// `private.note_made_call`: false if it was made before.
fn note_made_call(connection: &Connection, call: &Call) -> Result<bool, RestError> {
    let forget = "delete from \"private.made_calls\" where id in (select id \
                  from \"private.made_calls\" where expires_at < clock_timestamp() \
                  order by expires_at limit 100)";
    connection.prepare_cached(forget)?.execute([])?;
    let insert = "insert into \"private.made_calls\" (id, user_id, expires_at) \
                  select id, user_id, clock_timestamp() + ? from \"private.tool_calls\" where id = ? \
                  on conflict (id) do nothing";
    Ok(connection.prepare_cached(insert)?.execute((MADE_CALLS_MICROS, &call.id))? == 1)
}

/// Records what a call has come to, for the run that has taken it.
pub(super) fn finish_tool_call(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let Some(user) = acting_user(session, arguments) else { return Ok("false".to_owned()) };
    let outcome = arguments.json("p_outcome").unwrap_or_default();
    require_outcome(&outcome)?;
    let state = arguments.text("p_state").unwrap_or("<NULL>");
    if !["done", "failed", "superseded", "unknown"].contains(&state) {
        return Err(RestError::sql("22023", format!("a call does not end as {state}")));
    }
    let key = (arguments.text("p_message_id"), &user, arguments.text("p_call_id"));
    let run = arguments.text("p_run").and_then(run_id);
    let call = Call::find(connection, BY_KEY, key)?;
    let Some(call) = call.filter(|call| call.run_id == run) else { return Ok("false".to_owned()) };
    if call.state == "running" {
        let update = "update \"private.tool_calls\" set state = ?, outcome = ? where id = ?";
        connection.prepare_cached(update)?.execute((state, jsonb::print(&outcome), &call.id))?;
        return Ok("true".to_owned());
    }
    let is_repeat = call.state == state && call.outcome.as_ref() == Some(&outcome);
    to_jsonb(&is_repeat)
}
