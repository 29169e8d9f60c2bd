//! `reserve_tokens` and `save_usage`, for answers that belong to no chat.

use rusqlite::Connection;
use serde_json::{Value as Json, json};

use super::Arguments;
use super::message::to_jsonb;
use super::reservations::{over_limit, renew_reservation, reserve_for_answer, settle_reservation};
use super::usage::{Usage, record_usage, run_id};
use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::session::Session;

/// Reserves for an answer.
pub(super) fn reserve_tokens(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = arguments.acting_user(session);
    let run_id = arguments.text("p_run").and_then(run_id);
    let reserve = arguments.json("p_reserve").unwrap_or_default();
    let run = (user.as_deref(), run_id.as_deref());
    match reserve_for_answer(connection, session, run, &reserve, 0)? {
        Some(reserved) => to_jsonb(&json!({ "answer": "started", "reserved": reserved })),
        None => {
            let refusal = over_limit(connection, run.0.unwrap_or_default(), &reserve)?;
            to_jsonb(&json!({ "answer": "over_limit", "over_limit": refusal }))
        }
    }
}

/// Saves what an answer has used.
pub(super) fn save_usage(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = arguments.acting_user(session);
    let run_id = arguments.text("p_run").and_then(run_id);
    let run = (user.as_deref(), run_id.as_deref());
    if let Some(end) = arguments.json("p_end") {
        if let Some(Json::Object(log)) = end.get("usage_log") {
            let usage = Usage { user: run.0, run_id: run.1, chat: None, message: None, log };
            record_usage(connection, session, &usage)?;
        }
        settle_reservation(connection, session, run)?;
        return to_jsonb(&json!({}));
    }
    let (used, reserve) = (arguments.json("p_usage"), arguments.json("p_reserve"));
    if renew_reservation(connection, session, run, used.as_ref(), reserve.as_ref())? {
        return to_jsonb(&json!({}));
    }
    let user = run.0.unwrap_or_default();
    let refusal = over_limit(connection, user, &reserve.unwrap_or_default())?;
    to_jsonb(&json!({ "over_limit": refusal }))
}
