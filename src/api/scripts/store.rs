//! Runs of scripts in Supabase. Row-level security confines users to their own.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::model::{RunFilter, ScriptRun};
use super::shorten;
use crate::api::files::Owner;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, delete_or_not_found, one_or_not_found};
use crate::http::extract::{Keyed, Page, SortOrder};
use crate::sandbox::Script;
use crate::supabase::{Caller, Rows, Supabase};

/// The columns of a summary: a page of whole runs would be too large.
const SUMMARY: &str =
    "id,chat_id,language,status,truncated,error,files,duration_ms,limits,created_at";
pub(in crate::api) const COLUMNS: &str = "id,chat_id,language,status,stdout,stderr,truncated,result,error,files,\
                       duration_ms,limits,created_at,code,input";

/// Runs by creation.
pub(in crate::api) const LIST: Keyed = Keyed::by("script run", &["created_at"]);

/// The most bytes that are stored of each output, of the result and of the input.
const MAX_STORED_BYTES: usize = 64 << 10;

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

/// Records a run, long texts without their middle; returns when it was recorded.
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
    row["input"] =
        json!(script.input.as_ref().map(|input| shorten::value(input, MAX_STORED_BYTES)));
    row["result"] = shorten::value(&run.result, MAX_STORED_BYTES);
    for (name, output) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        row[name] = json!(shorten::text(output, MAX_STORED_BYTES));
        if output.len() > MAX_STORED_BYTES {
            row["truncated"] = json!(true);
        }
    }
    if let Some(row) = row.as_object_mut() {
        row.remove("created_at");
    }
    for file in row["files"].as_array_mut().into_iter().flatten() {
        // A signed address expires, the row stays.
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
    let query = LIST.page(query.select(SUMMARY), SortOrder::Descending, page.after);
    Ok(query.page(page.limit_with_next()).await?)
}

/// Whether the owner has a run of this id.
pub(super) async fn exists(
    supabase: &Supabase,
    owner: &Owner,
    run_id: Uuid,
) -> Result<bool, ApiError> {
    let rest = supabase.rest(Caller::User(&owner.token));
    let runs = rest.from("script_runs").eq("id", run_id).select("id").rows().await?;
    Ok(!runs.is_empty())
}

/// Deletes a run; 404 if there is none.
pub(super) async fn delete(
    supabase: &Supabase,
    owner: &Owner,
    run_id: Uuid,
) -> Result<(), ApiError> {
    let rest = supabase.rest(Caller::User(&owner.token));
    delete_or_not_found(rest.from("script_runs").eq("id", run_id), "script run").await
}

pub(super) async fn get(
    supabase: &Supabase,
    user: &CurrentUser,
    run_id: Uuid,
) -> Result<Bytes, ApiError> {
    let query = supabase.rest(user.caller()).from("script_runs").eq("id", run_id).select(COLUMNS);
    one_or_not_found(query, "script run").await
}
