//! Script runs in Supabase. Row-level security sees to it that a user reaches only their own.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::{RunFilter, ScriptRun};
use crate::auth::CurrentUser;
use crate::error::ApiError;
use crate::extract::{Cursor, Page};
use crate::files::Owner;
use crate::sandbox::Script;
use crate::supabase::{Caller, Rows, Supabase, SupabaseErrorKind};

/// The columns of a summary: a page of whole runs would be too large.
const SUMMARY: &str =
    "id,chat_id,language,status,truncated,error,files,duration_ms,limits,created_at";
const COLUMNS: &str = "id,chat_id,language,status,stdout,stderr,truncated,result,error,files,\
                       duration_ms,limits,created_at,code,input";

/// 404 unless the chat is the owner's.
pub(super) async fn require_chat(
    supabase: &Supabase,
    owner: &Owner,
    chat_id: Uuid,
) -> Result<(), ApiError> {
    let rest = supabase.rest(Caller::User(&owner.token));
    let chats = rest.from("chats").eq("id", chat_id).select("id").rows().await?;
    if chats.is_empty() { Err(ApiError::not_found("chat")) } else { Ok(()) }
}

/// Records a run; the answer is its time.
pub(super) async fn record(
    supabase: &Supabase,
    owner: &Owner,
    script: &Script,
    run: &ScriptRun,
) -> Result<String, ApiError> {
    #[derive(Deserialize)]
    struct Row {
        created_at: String,
    }
    let mut row = json!(run);
    row["user_id"] = json!(owner.id);
    row["code"] = json!(script.code);
    row["input"] = json!(script.input);
    if let Some(row) = row.as_object_mut() {
        row.remove("created_at");
    }
    for file in row["files"].as_array_mut().into_iter().flatten() {
        // It ends, and the row stays.
        file["url"] = Value::Null;
    }
    let rest = supabase.rest(Caller::User(&owner.token));
    let stored = rest.from("script_runs").insert(&row).select("created_at").one().await?;
    let row: Row = serde_json::from_slice(&stored)
        .map_err(|error| ApiError::unreadable("script run", error))?;
    Ok(row.created_at)
}

pub(super) async fn list(
    supabase: &Supabase,
    user: &CurrentUser,
    filter: &RunFilter,
    page: &Page,
) -> Result<Rows, ApiError> {
    let mut query = supabase.rest(user.caller()).from("script_runs");
    if let Some(chat_id) = filter.chat_id {
        query = query.eq("chat_id", chat_id);
    }
    if let Some(Cursor { at, id }) = page.after {
        let older = format!("(created_at.lt.{at},and(created_at.eq.{at},id.lt.{id}))");
        query = query.parameter("created_at", format_args!("lte.{at}")).parameter("or", older);
    }
    let query = query.select(SUMMARY).order("created_at.desc,id.desc");
    Ok(query.limit(page.limit_with_next()).rows().await?)
}

/// Where the page after this row begins.
pub(super) fn cursor(row: &RawValue) -> Result<Cursor, ApiError> {
    #[derive(Deserialize)]
    struct Key {
        id: Uuid,
        created_at: jiff::Timestamp,
    }
    let key: Key = serde_json::from_str(row.get())
        .map_err(|error| ApiError::unreadable("script run", error))?;
    Ok(Cursor { at: key.created_at, id: key.id })
}

pub(super) async fn get(
    supabase: &Supabase,
    user: &CurrentUser,
    run_id: Uuid,
) -> Result<Bytes, ApiError> {
    let query = supabase.rest(user.caller()).from("script_runs").eq("id", run_id).select(COLUMNS);
    query.one().await.map_err(|error| match error.kind {
        SupabaseErrorKind::NotOneRow => ApiError::not_found("script run"),
        _ => error.into(),
    })
}
