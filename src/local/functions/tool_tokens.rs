//! Sign-ins at servers of tools: `tool_token`, `save_tool_token` and `claim_tool_refresh`.

use rusqlite::{Connection, OptionalExtension};
use serde_json::json;

use super::message_row::to_jsonb;
use crate::local_supabase::functions::{Arguments, RestError, Session};

/// How many sources one user may be signed in at.
const MAX_SOURCES: i64 = 64;

fn user(session: Session) -> Option<String> {
    session.uid().map(|uid| uid.to_string())
}

/// The caller's sign-in at a source.
pub(super) fn tool_token(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let select =
        "select sealed, version from \"private.tool_tokens\" where user_id = ? and source = ?";
    let found = connection
        .prepare_cached(select)?
        .query_row((user(session), arguments.text("p_source")), |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    let found = found.map(|(sealed, version)| json!({ "sealed": sealed, "version": version }));
    to_jsonb(&found)
}

/// Stores a sign-in, or removes it.
pub(super) fn save_tool_token(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let (user, source) = (user(session), arguments.text("p_source"));
    let (sealed, run) = (arguments.text("p_sealed"), arguments.text("p_run"));
    let changed = match (sealed, run) {
        (None, run) => {
            let delete = "delete from \"private.tool_tokens\" \
                          where user_id = ? and source = ? and (?3 is null or run_id = ?3)";
            connection.prepare_cached(delete)?.execute((&user, source, run))?
        }
        (Some(sealed), Some(run)) => {
            let update = "update \"private.tool_tokens\" \
                          set sealed = ?, version = version + 1, leased_until = null, attempts = 0, \
                            updated_at = clock_timestamp() \
                          where user_id = ? and source = ? and run_id = ?";
            connection.prepare_cached(update)?.execute((sealed, &user, source, run))?
        }
        (Some(sealed), None) => {
            let count = "select count(*) from \"private.tool_tokens\" \
                         where user_id = ? and source <> ?";
            let count: i64 =
                connection.prepare_cached(count)?.query_row((&user, source), |row| row.get(0))?;
            if count >= MAX_SOURCES {
                return to_jsonb(&false);
            }
            let insert = "insert into \"private.tool_tokens\" (user_id, source, sealed) \
                          values (?, ?, ?) on conflict (user_id, source) do update \
                          set sealed = excluded.sealed, version = version + 1, run_id = null, \
                            leased_until = null, attempts = 0, updated_at = clock_timestamp()";
            connection.prepare_cached(insert)?.execute((&user, source, sealed))?
        }
    };
    to_jsonb(&(changed > 0))
}

/// Claims the refresh of the tokens of a version.
pub(super) fn claim_tool_refresh(
    connection: &Connection,
    session: Session,
    arguments: &Arguments,
) -> Result<String, RestError> {
    let (user, source) = (user(session), arguments.text("p_source"));
    let run = arguments.text("p_run");
    let version: Option<i64> = arguments.integer("p_version");
    let select = "select version, run_id, leased_until > clock_timestamp(), attempts \
                  from \"private.tool_tokens\" where user_id = ? and source = ?";
    let found = connection
        .prepare_cached(select)?
        .query_row((&user, source), |row| {
            let is_leased: Option<bool> = row.get(2)?;
            let run: Option<String> = row.get(1)?;
            Ok((row.get::<_, i64>(0)?, run, is_leased == Some(true), row.get::<_, i64>(3)?))
        })
        .optional()?;
    let answer = match found {
        None => "missing",
        Some((stored, ..)) if version != Some(stored) => "changed",
        Some((_, by, true, _)) if by.as_deref() == run => "claimed",
        Some((_, _, true, _)) => "busy",
        Some((_, _, false, attempts)) if attempts >= 2 => "lost",
        Some((_, _, false, attempts)) => {
            let update = "update \"private.tool_tokens\" \
                          set run_id = ?, leased_until = clock_timestamp() + 20000000, attempts = ? \
                          where user_id = ? and source = ?";
            connection.prepare_cached(update)?.execute((run, attempts + 1, &user, source))?;
            "claimed"
        }
    };
    to_jsonb(&answer)
}
