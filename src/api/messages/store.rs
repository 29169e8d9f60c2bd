//! Messages in Supabase. Row-level security sees to it that a user reaches only their own.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::model::{ActiveFilter, Message, MessageFilter, MessageOrder, NewMessage, UpdateMessage};
use super::{COLUMNS, parts};
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, delete_or_not_found, one_or_not_found};
use crate::http::extract::{Keyed, Page, SortOrder};
use crate::http::response::Created;
use crate::http::validate::Checks;
use crate::supabase::{Query, Supabase};

/// The messages of a chat by creation, embedded in it.
pub const LIST: Keyed =
    Keyed { row: "message", path: "messages.", column: "created_at", members: &["created_at"] };

/// A page of messages, embedded in their chat: no chat means that there is none of this user.
pub(super) struct Listed {
    body: Bytes,
    /// An ended answer that the user has not read yet: who reads all newest messages reads it now.
    pub(super) unread_answer: Option<Uuid>,
    /// There are more, which were not read.
    pub(super) is_cut: bool,
}

impl Listed {
    /// The messages one by one, each still text.
    pub(super) fn rows(&self) -> Result<Vec<&RawValue>, ApiError> {
        #[derive(Deserialize)]
        struct Chat<'a> {
            #[serde(borrow)]
            messages: Vec<&'a RawValue>,
        }
        let chat: Chat<'_> = serde_json::from_slice(&self.body)
            .map_err(|error| ApiError::unreadable("messages", error))?;
        Ok(chat.messages)
    }
}

pub(super) async fn list(
    supabase: &Supabase,
    user: &CurrentUser,
    chat_id: Uuid,
    filter: &MessageFilter,
    page: &Page,
) -> Result<Listed, ApiError> {
    let order = match filter.order.unwrap_or_default() {
        MessageOrder::Asc => SortOrder::Ascending,
        MessageOrder::Desc => SortOrder::Descending,
    };
    let mut query =
        supabase.rest(user.caller()).from("chats").eq("id", chat_id).select(&columns(filter));
    if filter.active.unwrap_or_default() == ActiveFilter::True {
        query = query.is("messages.is_active", true);
    }
    let query = LIST.page(query, order, page.after);
    let listed = query.one_with_page("messages", page.limit_with_next()).await;
    let listed = listed.map_err(|error| ApiError::from_one(error, "chat"))?;
    let unread_answer = unread_answer(&listed.body);
    Ok(Listed { body: listed.body, unread_answer, is_cut: listed.is_cut })
}

/// The unread answer comes first, because a page may be cut at its end.
fn columns(filter: &MessageFilter) -> String {
    let siblings = if filter.include.is_some() { ",sibling_ids" } else { "" };
    format!("unread_answer,messages({COLUMNS}{siblings})")
}

/// The unread answer of a chat that was read with the column of this name.
fn unread_answer(chat: &[u8]) -> Option<Uuid> {
    #[derive(Deserialize)]
    struct Chat {
        unread_answer: Option<Uuid>,
    }
    serde_json::from_slice::<Chat>(chat).ok()?.unread_answer
}

pub(super) async fn create(
    supabase: &Supabase,
    user: &CurrentUser,
    message: &NewMessage,
) -> Result<Created, ApiError> {
    let rest = supabase.rest(user.caller());
    let inserted = rest.from("messages").insert_new(message).select(COLUMNS).rows().await?;
    if let Some(row) = inserted.first()? {
        return Ok(Created::Now(row));
    }
    let stored = get(supabase, user, message.id).await.map_err(ApiError::or_conflict)?;
    let same =
        serde_json::from_slice::<Message>(&stored).is_ok_and(|stored| message.matches(&stored));
    if same { Ok(Created::Before(stored)) } else { Err(ApiError::id_conflict()) }
}

pub(super) async fn get(
    supabase: &Supabase,
    user: &CurrentUser,
    message_id: Uuid,
) -> Result<Bytes, ApiError> {
    one_or_not_found(by_id(supabase, user, message_id).select(COLUMNS), "message").await
}

/// What of a message is written.
#[derive(Serialize)]
struct Changes {
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
}

pub(super) async fn update(
    supabase: &Supabase,
    user: &CurrentUser,
    message_id: Uuid,
    update: UpdateMessage,
) -> Result<Bytes, ApiError> {
    let changes = changes(supabase, user, message_id, update).await?;
    if changes.parts.is_none() && changes.metadata.is_none() {
        return get(supabase, user, message_id).await;
    }
    let query = by_id(supabase, user, message_id)
        .parameter("current_status", "neq.streaming")
        .update(&changes)
        .select(COLUMNS);
    match query.rows().await?.first()? {
        Some(row) => Ok(row),
        // Either it is not there, or it is streaming.
        None => get(supabase, user, message_id).await.and(Err(streaming())),
    }
}

async fn changes(
    supabase: &Supabase,
    user: &CurrentUser,
    message_id: Uuid,
    update: UpdateMessage,
) -> Result<Changes, ApiError> {
    let mut checks = Checks::default();
    checks.metadata("/metadata", update.metadata.as_ref());
    let new_text = update.content.is_some();
    let mut parts = match (&update.content, &update.parts) {
        (None, None) => None,
        _ => Some(parts::normalize(update.content, update.parts, "", &mut checks)),
    };
    checks.finish()?;
    if let Some(text) = parts.as_deref().filter(|_| new_text).map(parts::text) {
        let stored = stored_parts(supabase, user, message_id).await?;
        parts = Some(parts::with_text(stored, &text));
    }
    let content = parts.as_deref().map(parts::text);
    Ok(Changes { content, parts, metadata: update.metadata })
}

async fn stored_parts(
    supabase: &Supabase,
    user: &CurrentUser,
    message_id: Uuid,
) -> Result<Vec<Value>, ApiError> {
    #[derive(Deserialize)]
    struct Row {
        parts: Vec<Value>,
    }
    let row = one_or_not_found(
        by_id(supabase, user, message_id).select("parts:current_parts"),
        "message",
    )
    .await?;
    let row: Row =
        serde_json::from_slice(&row).map_err(|error| ApiError::unreadable("message", error))?;
    Ok(row.parts)
}

fn streaming() -> ApiError {
    ApiError::new(
        axum::http::StatusCode::CONFLICT,
        "message_streaming",
        "This message is still being written. Stop it first, or wait for its end.",
    )
}

/// Deletes a message; the answers to it stay.
pub(super) async fn delete(
    supabase: &Supabase,
    user: &CurrentUser,
    message_id: Uuid,
) -> Result<(), ApiError> {
    delete_or_not_found(by_id(supabase, user, message_id), "message").await
}

fn by_id<'a>(supabase: &'a Supabase, user: &'a CurrentUser, message_id: Uuid) -> Query<'a> {
    supabase.rest(user.caller()).from("messages").eq("id", message_id)
}
