//! `save_checkpoints` and `follow_answer`.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value as Json, json};

use super::acting_user::require_caller;
use super::candidates::take_place;
use super::message_json::message_json;
use super::message_row::{LEASE_MICROS, Message, to_jsonb};
use super::reservations::{TokenCounts, over_limit, report, reserve_more};
use super::usage::run_id;
use crate::local_supabase::Role;
use crate::local_supabase::functions::value::jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// Saves what is new of answers that are being written and renews their leases, each by itself.
pub(super) fn save_checkpoints(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let checkpoints = match arguments.json("p_checkpoints") {
        Some(Json::Array(checkpoints)) => checkpoints,
        None | Some(Json::Null) => Vec::new(),
        Some(_) => return Err(RestError::sql("22023", "cannot extract elements from an object")),
    };
    let mut replies = Vec::new();
    for checkpoint in &checkpoints {
        connection.execute_batch("savepoint checkpoint")?;
        let reply = save_checkpoint(connection, session, checkpoint).unwrap_or_else(|error| {
            let reply = json!({ "error": error.message() });
            // Without it nothing of this checkpoint may stay.
            match connection.execute_batch("rollback to checkpoint") {
                Ok(()) => reply,
                Err(error) => json!({ "error": error.to_string() }),
            }
        });
        connection.execute_batch("release checkpoint")?;
        replies.push(reply);
    }
    to_jsonb(&replies)
}

/// `private.save_checkpoint`. Writes are one at a time here, so nothing is ever locked.
fn save_checkpoint(
    connection: &Connection,
    session: Session,
    checkpoint: &Json,
) -> Result<Json, RestError> {
    let text = |name: &str| checkpoint.get(name).and_then(jsonb::to_text);
    let counts = TokenCounts(checkpoint);
    let user = match session.role {
        Role::Service => text("user_id"),
        _ => session.uid().map(|uid| uid.to_string()),
    };
    let user = require_caller(session, user.as_deref())?;
    let run_id = text("run").as_deref().and_then(run_id);
    let number = counts.number("number")?;
    let run = "select checkpoint, log from \"private.token_reservations\" where run_id = ? and user_id = ?";
    let mut run = connection.prepare_cached(run)?;
    let run: Option<(i64, Option<String>)> =
        run.query_row((&run_id, user), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (saved, log) = run.unwrap_or_default();
    let log: Json = log.and_then(|log| serde_json::from_str(&log).ok()).unwrap_or_default();
    let id = log.get("message_id").and_then(jsonb::to_text);
    let by_run = "where id = ? and run_id = ? and user_id = ?";
    let message = Message::find(connection, by_run, (id, &run_id, user))?;
    let owned = message.as_ref().filter(|message| message.status == "streaming");
    // What was sent before the last one and came late brings nothing.
    let is_late = number.is_none_or(|number| number < saved);
    if let (Some(message), Some(run_id), false) = (owned, &run_id, is_late) {
        save_pieces(connection, run_id, checkpoint)?;
        if message.replaces().is_some() && has_content(connection, run_id)? {
            take_place(connection, session, message)?;
        }
    }
    let used = checkpoint.get("used").filter(|_| !is_late);
    let (used_tokens, log) = report(connection, (user, run_id.as_deref()), used)?;
    let renew = "update \"private.token_reservations\" set checkpoint = max(checkpoint, coalesce(?, 0)), \
                 used_tokens = max(used_tokens, ?), log = ?, \
                 lease_expires_at = clock_timestamp() + ? where run_id = ? and user_id = ?";
    let renewed = params![number, used_tokens, log, LEASE_MICROS, run_id, user];
    connection.prepare_cached(renew)?.execute(renewed)?;
    let mut reply = Map::from_iter([
        ("owned".to_owned(), json!(owned.is_some())),
        ("stop_requested".to_owned(), json!(is_stop_requested(connection, message.as_ref())?)),
    ]);
    if let Some(reserve) = checkpoint.get("reserve")
        && !reserve_more(connection, session, (user, run_id.as_deref()), reserve)?
    {
        reply.insert("over_limit".to_owned(), over_limit(connection, user, reserve)?);
    }
    Ok(Json::Object(reply))
}

fn save_pieces(connection: &Connection, run_id: &str, checkpoint: &Json) -> Result<(), RestError> {
    let counts = TokenCounts(checkpoint);
    let in_vain = "delete from \"private.answer_pieces\" where run_id = ? and checkpoint > ?";
    connection.prepare_cached(in_vain)?.execute((run_id, counts.number("after")?))?;
    let insert = "insert into \"private.answer_pieces\" \
                  (run_id, checkpoint, part_index, text_offset, text, part) \
                  values (?, ?, ?, ?, ?, ?)";
    for new in checkpoint.get("delta").and_then(Json::as_array).into_iter().flatten() {
        if new.get("part").is_some_and(|part| !part.is_null() && !part.is_object()) {
            let refused = "new row for relation \"answer_pieces\" violates check constraint \
                           \"answer_pieces_part_check\"";
            return Err(RestError::sql("23514", refused));
        }
        let text = new.get("text").and_then(jsonb::to_text).unwrap_or_default();
        let part = new.get("part").filter(|part| !part.is_null()).map(jsonb::print);
        let (index, at) = (TokenCounts(new).number("index")?, TokenCounts(new).number("at")?);
        let number = counts.number("number")?;
        let piece = params![run_id, number, index, at.unwrap_or(0), text, part];
        connection.prepare_cached(insert)?.execute(piece)?;
    }
    Ok(())
}

fn has_content(connection: &Connection, run_id: &str) -> rusqlite::Result<bool> {
    let select = "select exists (select 1 from \"private.answer_pieces\" \
                  where run_id = ? and part ->> '$.type' <> 'step-start')";
    connection.prepare_cached(select)?.query_row([run_id], |row| row.get(0))
}

fn is_stop_requested(connection: &Connection, message: Option<&Message>) -> rusqlite::Result<bool> {
    let Some(message) = message else { return Ok(false) };
    // An answer without its question is wanted by nobody.
    let select = "select stop_requested_at is not null or parent_id is null from messages \
                  where rowid = ?";
    connection.prepare_cached(select)?.query_row([message.rowid], |row| row.get(0))
}

/// What is new of an answer that is being written, for who has read it up to a checkpoint; the message when
/// it has ended or is not saved in pieces.
pub(super) fn follow_answer(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let user = session.uid().map(|uid| uid.to_string());
    let key = (arguments.text("p_message_id"), user.as_deref());
    let by_id = "where id = ? and user_id = ?";
    let Some(message) = Message::find(connection, by_id, key)? else {
        return Ok("null".to_owned());
    };
    match pieces_after(connection, &message, arguments.integer("p_after").unwrap_or(0))? {
        Some(pieces) => to_jsonb(&pieces),
        None => {
            let message = message_json(connection, session, Some(message.rowid))?;
            Ok(format!(r#"{{"message": {message}}}"#))
        }
    }
}

/// `private.pieces_after`
fn pieces_after(
    connection: &Connection,
    message: &Message,
    after: i64,
) -> Result<Option<Json>, RestError> {
    let select = "select r.run_id, r.checkpoint, r.log from messages m join \"private.token_reservations\" r \
                  on r.run_id = m.run_id and r.user_id = m.user_id \
                  and r.lease_expires_at >= clock_timestamp() \
                  where m.rowid = ? and m.status = 'streaming' and m.parts = '[]'";
    let mut statement = connection.prepare_cached(select)?;
    let run = statement.query_row([message.rowid], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<String>>(2)?))
    });
    let Some((run_id, checkpoint, log)) = run.optional()? else { return Ok(None) };
    let log: Json = log.and_then(|log| serde_json::from_str(&log).ok()).unwrap_or_default();
    let select = "select part_index, text_offset, text, part from \"private.answer_pieces\" \
                  where run_id = ? and checkpoint > ? order by checkpoint, part_index";
    let mut statement = connection.prepare_cached(select)?;
    let delta = statement.query_map((run_id, after), |row| {
        let part = row.get::<_, Option<String>>(3)?;
        let part: Json = part.and_then(|part| serde_json::from_str(&part).ok()).unwrap_or_default();
        Ok(json!({ "index": row.get::<_, i64>(0)?, "at": row.get::<_, i64>(1)?,
            "text": row.get::<_, String>(2)?, "part": part }))
    })?;
    let delta: Vec<Json> = delta.collect::<Result<_, _>>()?;
    let mut pieces = json!({ "checkpoint": checkpoint, "delta": delta });
    for name in ["model", "provider"] {
        if let Some(known) = log.get(name).filter(|known| !known.is_null()) {
            pieces[name] = known.clone();
        }
    }
    Ok(Some(pieces))
}
