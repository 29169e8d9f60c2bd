//! `reserve_tokens`, for answers that belong to no chat.

use rusqlite::Connection;
use serde_json::json;

use super::acting_user::acting_user;
use super::message_row::to_jsonb;
use super::reservations::{over_limit, reserve_for_answer};
use super::usage::run_id;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// Reserves for an answer.
pub(super) fn reserve_tokens(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = acting_user(session, arguments);
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
