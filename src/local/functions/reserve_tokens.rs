//! `reserve_tokens`, for answers that belong to no chat.

use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::acting_user::acting_user;
use super::message_row::to_jsonb;
use super::reservations::{TokenCounts, open_run, over_limit, reserve_for_answer};
use super::usage::run_id;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// Opens the run of an answer and reserves for it.
pub(super) fn reserve_tokens(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = acting_user(session, arguments);
    let run_id = arguments.text("p_run").and_then(run_id);
    let reserve = arguments.json("p_reserve").unwrap_or_default();
    let (run, counts) = ((user.as_deref(), run_id.as_deref()), TokenCounts(&reserve));
    let mut reserved = None;
    if counts.has_limit() {
        reserved = reserve_for_answer(connection, session, run, counts, 0)?;
        if reserved.is_none() {
            let refusal = over_limit(connection, run.0.unwrap_or_default(), &reserve)?;
            return to_jsonb(&json!({ "answer": "over_limit", "over_limit": refusal }));
        }
    }
    let input = counts.number("input_tokens")?.unwrap_or(0);
    let mut log = counts.run_log(input)?;
    log.insert("operation".to_owned(), json!("generate"));
    open_run(connection, session, run, &Json::Object(log), counts.server().as_deref())?;
    to_jsonb(&json!({ "answer": "started", "reserved": reserved }))
}
