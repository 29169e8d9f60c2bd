//! The routes of `/api/chats`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LINK;
use axum::response::Response;
use uuid::Uuid;

use super::model::{
    Chat, ChatFilter, ChatInclude, ChatWithMessages, CreateChat, SetArchived, SetBookmarked,
    UpdateChat,
};
use super::store;
use crate::agent::Generations;
use crate::api::files::{Files, Owner};
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Json, OptionalJson, Page, PageQuery, Path, Query, next_link};
use crate::http::response;
use crate::http::validate::Checks;
use crate::supabase::Supabase;

/// List chats, by last activity, newest first
///
/// The activity is the newest message, or the chat's creation where there is none; renaming and
/// bookmarking move nothing. The next page is in the `Link` header.
#[utoipa::path(get, path = "/api/chats/", tag = "chats", operation_id = "list_chats",
    params(ChatFilter, PageQuery),
    responses((status = 200, description = "The chats", body = Vec<Chat>,
        headers(("Link" = String, description = "The next page, where there is one")))))]
pub async fn list(
    State(supabase): State<Supabase>,
    user: CurrentUser,
    page: Page,
    Query(filter): Query<ChatFilter>,
) -> Result<Response, ApiError> {
    if let Some(q) = &filter.q {
        let mut checks = Checks::default();
        checks.length("/q", q, 1, 200);
        checks.finish()?;
    }
    let rows = store::list(&supabase, &user, &filter, &page).await?;
    page.respond(rows, store::cursor)
}

/// Create a chat
///
/// With an `id` of the client's own the request can be repeated safely: the same content again
/// answers 200 with the stored chat, different content 409.
#[utoipa::path(post, path = "/api/chats/", tag = "chats", operation_id = "create_chat",
    request_body = CreateChat,
    responses((status = 201, description = "The new chat", body = Chat,
        headers(("Location" = String, description = "Where the chat is"))),
        (status = 200, description = "The chat, created by an earlier request", body = Chat),
        (status = 409, description = "The id is in use", body = Problem,
            content_type = "application/problem+json")))]
pub async fn create(
    State(supabase): State<Supabase>,
    user: CurrentUser,
    Json(chat): Json<CreateChat>,
) -> Result<Response, ApiError> {
    let created = store::create(&supabase, &user, &chat.checked()?).await?;
    Ok(created.respond("/api/chats/"))
}

/// Get a chat
///
/// With `include=messages` also its newest messages: 50, or fewer where those are longer than some
/// MiB. The `Link` header leads to the older ones, newest first.
#[utoipa::path(get, path = "/api/chats/{chat_id}", tag = "chats", operation_id = "get_chat",
    params(("chat_id" = Uuid, Path, description = "The chat"), ChatInclude),
    responses((status = 200, description = "The chat", body = ChatWithMessages,
        headers(("Link" = String, description = "Older messages, where there are some")))))]
pub async fn get(
    State(supabase): State<Supabase>,
    State(files): State<Files>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    Query(query): Query<ChatInclude>,
) -> Result<Response, ApiError> {
    if query.include.is_none() {
        return Ok(response::json(store::get(&supabase, &user, chat_id).await?));
    }
    let chat = store::get_with_messages(&supabase, &user, chat_id).await?;
    let body = files.shown(&Owner::from(&user), chat.body).await;
    let mut response = response::json(body);
    if let Some(oldest) = chat.oldest {
        let older = format!("/api/messages/chat/{chat_id}?order=desc&cursor={oldest}");
        response.headers_mut().insert(LINK, next_link(&older)?);
    }
    Ok(response)
}

/// Change a chat
///
/// Only the fields that are present change; null clears `model` and `system_prompt`.
#[utoipa::path(method(put, patch), path = "/api/chats/{chat_id}", tag = "chats",
    operation_id = "update_chat",
    params(("chat_id" = Uuid, Path, description = "The chat")),
    request_body = UpdateChat,
    responses((status = 200, description = "The changed chat", body = Chat)))]
pub async fn update(
    State(supabase): State<Supabase>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    Json(changes): Json<UpdateChat>,
) -> Result<Response, ApiError> {
    let chat = store::update(&supabase, &user, chat_id, &changes.checked()?).await?;
    Ok(response::json(chat))
}

/// Delete a chat and its messages
///
/// A running generation is stopped and still accounted; usage stays.
#[utoipa::path(delete, path = "/api/chats/{chat_id}", tag = "chats", operation_id = "delete_chat",
    params(("chat_id" = Uuid, Path, description = "The chat")),
    responses((status = 204, description = "The chat is gone")))]
pub async fn delete(
    State(supabase): State<Supabase>,
    State(generations): State<Generations>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    store::delete(&supabase, &user, chat_id).await?;
    if let Some(generation) = generations.in_chat(user.id, chat_id) {
        generation.stop();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Archive a chat, or take it out of the archive
///
/// A body sets which, and may be repeated; without a body the chat changes sides.
#[utoipa::path(post, path = "/api/chats/{chat_id}/archive", tag = "chats",
    operation_id = "archive_chat",
    params(("chat_id" = Uuid, Path, description = "The chat")),
    request_body = Option<SetArchived>,
    responses((status = 200, description = "The changed chat", body = Chat)))]
pub async fn archive(
    State(supabase): State<Supabase>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    OptionalJson(body): OptionalJson<SetArchived>,
) -> Result<Response, ApiError> {
    let set =
        body.map(|body| UpdateChat { is_archived: Some(body.archived), ..UpdateChat::default() });
    set_or_toggle(&supabase, &user, chat_id, set, "is_archived").await
}

/// Bookmark a chat, or take the bookmark away
///
/// A body sets which, and may be repeated; without a body the chat changes sides.
#[utoipa::path(post, path = "/api/chats/{chat_id}/bookmark", tag = "chats",
    operation_id = "bookmark_chat",
    params(("chat_id" = Uuid, Path, description = "The chat")),
    request_body = Option<SetBookmarked>,
    responses((status = 200, description = "The changed chat", body = Chat)))]
pub async fn bookmark(
    State(supabase): State<Supabase>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    OptionalJson(body): OptionalJson<SetBookmarked>,
) -> Result<Response, ApiError> {
    let set = body
        .map(|body| UpdateChat { is_bookmarked: Some(body.bookmarked), ..UpdateChat::default() });
    set_or_toggle(&supabase, &user, chat_id, set, "is_bookmarked").await
}

async fn set_or_toggle(
    supabase: &Supabase,
    user: &CurrentUser,
    chat_id: Uuid,
    set: Option<UpdateChat>,
    column: &str,
) -> Result<Response, ApiError> {
    let chat = match set {
        Some(changes) => store::update(supabase, user, chat_id, &changes).await?,
        None => store::toggle(supabase, user, chat_id, column).await?,
    };
    Ok(response::json(chat))
}
