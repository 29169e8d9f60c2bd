//! The stored messages of a chat, for clients that show its history.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::agent::{Part, Rows};
use crate::api::ai::Ai;
use crate::api::files::Owner;
use crate::api::messages;
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::http::extract::{Cursor, SortOrder};
use crate::memory::Held;

/// A stored message.
#[derive(Deserialize)]
pub(super) struct MessageRow {
    pub(super) id: Uuid,
    pub(super) role: String,
    pub(super) parts: Vec<Part>,
    pub(super) status: String,
    pub(super) created_at: String,
}

/// The newest messages of a chat, oldest first.
#[derive(Default)]
pub(super) struct History {
    pub(super) rows: Vec<MessageRow>,
    /// Where the page before them begins, if there is one.
    pub(super) before: Option<Cursor>,
}

/// Reads what is stored of a chat; nothing of one that does not exist yet.
pub(super) async fn history(
    ai: &Ai,
    user: &CurrentUser,
    held: &Held,
    chat_id: Uuid,
    limit: usize,
    before: Option<Cursor>,
) -> Result<History, ApiError> {
    let query = ai.supabase.rest(user.caller()).from("chats").eq("id", chat_id);
    let query =
        query.select(&format!("messages({})", messages::COLUMNS)).is("messages.is_active", true);
    let query = messages::LIST.page(query, SortOrder::Descending, before);
    let page = match query.one_with_page("messages", limit + 1).await {
        Ok(page) => page,
        Err(error) => {
            let error = ApiError::from_one(error, "chat");
            let is_missing = error.status() == StatusCode::NOT_FOUND;
            return if is_missing { Ok(History::default()) } else { Err(error) };
        }
    };
    // As it came, as rows, and as what is sent.
    held.grow(3 * page.body.len())?;
    let body = ai.files.with_signed_urls(&Owner::from(user), page.body).await;
    read(&body, limit, page.is_cut)
}

#[derive(Deserialize)]
struct Chat<'a> {
    #[serde(borrow)]
    messages: Vec<&'a RawValue>,
}

fn read(body: &[u8], limit: usize, is_cut: bool) -> Result<History, ApiError> {
    let unreadable = |error| ApiError::unreadable("messages", error);
    let chat: Chat<'_> = serde_json::from_slice(body).map_err(unreadable)?;
    let is_cut = is_cut || chat.messages.len() > limit;
    let page = &chat.messages[..chat.messages.len().min(limit)];
    let last = page.last().filter(|_| is_cut);
    let before = last.map(|row| messages::LIST.cursor(row.get().as_bytes())).transpose()?;
    // A row that its user has nested too deeply is left out.
    let rows = page.iter().rev().filter_map(|row| serde_json::from_str(row.get()).ok());
    Ok(History { rows: rows.collect(), before })
}

/// The answer that has one of these ids, and its chat.
pub(super) async fn answer(
    ai: &Ai,
    user: &CurrentUser,
    ids: &[Uuid],
) -> Result<Option<(Uuid, Rows)>, ApiError> {
    #[derive(Deserialize)]
    struct Row {
        id: Uuid,
        chat_id: Uuid,
    }
    let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
    let query = ai.supabase.rest(user.caller()).from("messages").select(messages::COLUMNS);
    let query = query.parameter("id", format_args!("in.({})", ids.join(",")));
    let found = query.eq("role", "assistant").rows().await?;
    let Some(row) = found.first()? else { return Ok(None) };
    let unreadable = |error| ApiError::unreadable("message", error);
    let Row { id, chat_id } = serde_json::from_slice(&row).map_err(unreadable)?;
    let message = serde_json::from_slice(&row).map_err(unreadable)?;
    Ok(Some((chat_id, Rows { message_id: id, message: Some(message), user_message: None })))
}
