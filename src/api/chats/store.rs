//! Chats in Supabase. Row-level security sees to it that a user reaches only their own.

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::model::{Chat, ChatFilter, CreateChat, UpdateChat};
use crate::api::messages;
use crate::database::{self, SearchChats, ToggleChat};
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, delete_or_not_found, one_or_not_found};
use crate::http::extract::{Cursor, Keyed, Page, SortOrder};
use crate::http::response::Created;
use crate::supabase::{Query, Rows, Supabase};

/// The columns of [`Chat`].
pub(in crate::api) const COLUMNS: &str = "id,user_id,title,model,system_prompt,assistant,is_archived,is_bookmarked,\
                                  metadata,last_message_at,created_at,updated_at";
const INCLUDED_MESSAGES: usize = 50;

/// Chats by last activity, which the API does not show.
pub(super) const LIST: Keyed = Keyed {
    row: "chat",
    path: "",
    column: "last_activity_at",
    members: &["last_message_at", "created_at"],
};

pub(super) async fn list(
    supabase: &Supabase,
    user: &CurrentUser,
    filter: &ChatFilter,
    page: &Page,
) -> Result<Rows, ApiError> {
    let rest = supabase.rest(user.caller());
    let mut query = match &filter.q {
        // By POST, since PostgREST takes a word like "eq.1" in an address for a filter. The filter holds
        // for every chat: PostgREST orders a function's rows only by what `select` or a filter names,
        // and the API does not show this column.
        Some(q) => {
            let search = database::request(rest, &SearchChats { q });
            search.parameter("last_activity_at", "not.is.null")
        }
        None => rest.from("chats"),
    };
    if let Some(archived) = filter.archived {
        query = query.is("is_archived", archived);
    }
    if let Some(bookmarked) = filter.bookmarked {
        query = query.is("is_bookmarked", bookmarked);
    }
    let query = LIST.page(query.select(COLUMNS), SortOrder::Descending, page.after);
    Ok(query.page(page.limit_with_next()).await?)
}

pub(super) async fn create(
    supabase: &Supabase,
    user: &CurrentUser,
    chat: &CreateChat,
) -> Result<Created, ApiError> {
    let id = chat.id.unwrap_or_else(Uuid::now_v7);
    let mut row = json!(chat);
    row["id"] = json!(id);
    let rest = supabase.rest(user.caller());
    let inserted = rest.from("chats").insert_new(&row).select(COLUMNS).rows().await?;
    if let Some(row) = inserted.first()? {
        return Ok(Created::Now(row));
    }
    let stored = get(supabase, user, id).await.map_err(ApiError::or_conflict)?;
    let same = serde_json::from_slice::<Chat>(&stored).is_ok_and(|stored| chat.matches(&stored));
    if same { Ok(Created::Before(stored)) } else { Err(ApiError::id_conflict()) }
}

pub(super) async fn get(
    supabase: &Supabase,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<Bytes, ApiError> {
    let query = by_id(supabase, user, chat_id).select(COLUMNS);
    one_or_not_found(query, "chat").await
}

/// A chat with its newest messages.
pub(super) struct WithMessages {
    pub(super) body: Bytes,
    /// An answer among them that the user reads for the first time.
    pub(super) unread_answer: Option<Uuid>,
    /// The oldest message of those, where there are older ones.
    pub(super) oldest: Option<Cursor>,
}

/// The chat with its newest messages. PostgREST sends them newest first, which is what "the last
/// 50" needs; they are turned around as text.
pub(super) async fn get_with_messages(
    supabase: &Supabase,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<WithMessages, ApiError> {
    #[derive(Deserialize)]
    struct Chat<'a> {
        #[serde(borrow)]
        messages: Vec<&'a RawValue>,
        #[serde(borrow)]
        unread_answer: &'a RawValue,
    }
    let columns = format!("{COLUMNS},unread_answer,messages({})", messages::COLUMNS);
    let query = by_id(supabase, user, chat_id).select(&columns).is("messages.is_active", true);
    let query = messages::LIST.page(query, SortOrder::Descending, None);
    let chat = query.one_with_page("messages", INCLUDED_MESSAGES + 1).await;
    let Rows { body, is_cut, .. } = chat.map_err(|error| ApiError::from_one(error, "chat"))?;
    let unreadable = |error| ApiError::unreadable("chat", error);
    let chat: Chat<'_> = serde_json::from_slice(&body).map_err(unreadable)?;
    let offset = |row: &RawValue| row.get().as_ptr().addr() - body.as_ptr().addr();
    // What the API shows of the chat goes up to there.
    let head = body[..offset(chat.unread_answer)].trim_ascii_end();
    let head = head.strip_suffix(b"\"unread_answer\":").unwrap_or(head);
    let unread_answer = serde_json::from_str(chat.unread_answer.get()).map_err(unreadable)?;
    let rest = offset(chat.unread_answer) + chat.unread_answer.get().len();
    let rest = rest + body[rest..].iter().take_while(|byte| b", ".contains(byte)).count();
    let Some((first, last)) = chat.messages.first().zip(chat.messages.last()) else {
        let body = [head, &body[rest..]].concat().into();
        return Ok(WithMessages { body, unread_answer, oldest: None });
    };
    let newest = &chat.messages[..chat.messages.len().min(INCLUDED_MESSAGES)];
    let has_older = is_cut || newest.len() < chat.messages.len();
    let oldest = newest
        .last()
        .filter(|_| has_older)
        .map(|row| messages::LIST.cursor(row.get().as_bytes()))
        .transpose()?;
    let mut turned = BytesMut::with_capacity(body.len());
    turned.extend_from_slice(head);
    turned.extend_from_slice(&body[rest..offset(first)]);
    for (index, message) in newest.iter().rev().enumerate() {
        turned.extend_from_slice(if index > 0 { b"," } else { b"" });
        turned.extend_from_slice(message.get().as_bytes());
    }
    turned.extend_from_slice(&body[offset(last) + last.get().len()..]);
    Ok(WithMessages { body: turned.freeze(), unread_answer, oldest })
}

pub(super) async fn update(
    supabase: &Supabase,
    user: &CurrentUser,
    chat_id: Uuid,
    changes: &UpdateChat,
) -> Result<Bytes, ApiError> {
    if changes.is_empty() {
        return get(supabase, user, chat_id).await;
    }
    let query = by_id(supabase, user, chat_id).update(changes).select(COLUMNS);
    one_or_not_found(query, "chat").await
}

pub(super) async fn toggle(
    supabase: &Supabase,
    user: &CurrentUser,
    chat_id: Uuid,
    column: &str,
) -> Result<Bytes, ApiError> {
    let toggle = ToggleChat { p_chat_id: chat_id, p_column: column };
    let query = database::request(supabase.rest(user.caller()), &toggle).select(COLUMNS);
    one_or_not_found(query, "chat").await
}

pub(super) async fn delete(
    supabase: &Supabase,
    user: &CurrentUser,
    chat_id: Uuid,
) -> Result<(), ApiError> {
    delete_or_not_found(by_id(supabase, user, chat_id), "chat").await
}

fn by_id<'a>(supabase: &'a Supabase, user: &'a CurrentUser, chat_id: Uuid) -> Query<'a> {
    supabase.rest(user.caller()).from("chats").eq("id", chat_id)
}
