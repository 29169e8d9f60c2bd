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
use crate::api::ai::Ai;
use crate::api::files::{Files, Owner};
use crate::api::messages::ReadMarks;
use crate::database;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Json, OptionalJson, Page, PageQuery, Path, Query, next_link};
use crate::http::response;
use crate::http::validate::Checks;
use crate::supabase::Supabase;

/// List chats
///
/// Chats are sorted by last activity, newest first: the time of the newest message or, for a chat
/// without messages, of its creation. Renaming or bookmarking a chat does not change its position.
/// The `Link` header has the address of the next page.
#[utoipa::path(get, path = "/api/chats/", tag = "chats", operation_id = "list_chats",
    params(ChatFilter, PageQuery),
    responses((status = 200, description = "The chats", body = Vec<Chat>,
        headers(("Link" = String, description = "The next page, if there is one")))))]
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
    page.respond(rows, &store::LIST)
}

/// Create a chat
///
/// A request with an `id` is safe to retry: repeating it with the same content returns the stored
/// chat with status 200; with different content it fails with 409.
#[utoipa::path(post, path = "/api/chats/", tag = "chats", operation_id = "create_chat",
    request_body = CreateChat,
    responses((status = 201, description = "The new chat", body = Chat,
        headers(("Location" = String, description = "Path of the chat"))),
        (status = 200, description = "The chat already created by an earlier request", body = Chat),
        (status = 409, description = "The ID is already in use", body = Problem,
            content_type = "application/problem+json")))]
pub async fn create(
    State(supabase): State<Supabase>,
    State(ai): State<Ai>,
    user: CurrentUser,
    Json(chat): Json<CreateChat>,
) -> Result<Response, ApiError> {
    let chat = chat.checked()?;
    if let Some(assistant) = &chat.assistant {
        ai.assistant(&user, assistant)?;
    }
    let created = store::create(&supabase, &user, &chat).await?;
    Ok(created.respond("/api/chats/"))
}

/// Get a chat
///
/// `include=messages` adds the newest messages: 50, or fewer if they exceed a few MiB. The `Link`
/// header has the address of the older ones, newest first.
#[utoipa::path(get, path = "/api/chats/{chat_id}", tag = "chats", operation_id = "get_chat",
    params(("chat_id" = Uuid, Path, description = "ID of the chat"), ChatInclude),
    responses((status = 200, description = "The chat", body = ChatWithMessages,
        headers(("Link" = String, description = "Older messages, if there are any")))))]
pub async fn get(
    State(supabase): State<Supabase>,
    State(files): State<Files>,
    State(read_marks): State<ReadMarks>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    Query(query): Query<ChatInclude>,
) -> Result<Response, ApiError> {
    if query.include.is_none() {
        return Ok(response::json(store::get(&supabase, &user, chat_id).await?));
    }
    let chat = store::get_with_messages(&supabase, &user, chat_id).await?;
    if let Some(answer) = chat.unread_answer {
        read_marks.mark(&user, answer);
    }
    let body = files.with_signed_urls(&Owner::from(&user), chat.body).await;
    let mut response = response::json(body);
    if let Some(oldest) = chat.oldest {
        let older = format!("/api/messages/chat/{chat_id}?order=desc&cursor={oldest}");
        response.headers_mut().insert(LINK, next_link(&older)?);
    }
    Ok(response)
}

/// Update a chat
///
/// Omitted fields are left unchanged; null clears `model`, `system_prompt` and `assistant`.
#[utoipa::path(method(put, patch), path = "/api/chats/{chat_id}", tag = "chats",
    operation_id = "update_chat",
    params(("chat_id" = Uuid, Path, description = "ID of the chat")),
    request_body = UpdateChat,
    responses((status = 200, description = "The updated chat", body = Chat)))]
pub async fn update(
    State(supabase): State<Supabase>,
    State(ai): State<Ai>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    Json(changes): Json<UpdateChat>,
) -> Result<Response, ApiError> {
    let changes = changes.checked()?;
    if let Some(Some(assistant)) = &changes.assistant {
        ai.assistant(&user, assistant)?;
    }
    let chat = store::update(&supabase, &user, chat_id, &changes).await?;
    Ok(response::json(chat))
}

/// Delete a chat and its messages
///
/// A running generation is stopped, and the tokens it has used are still recorded. Usage records are
/// kept.
#[utoipa::path(delete, path = "/api/chats/{chat_id}", tag = "chats", operation_id = "delete_chat",
    params(("chat_id" = Uuid, Path, description = "ID of the chat")),
    responses((status = 204, description = "The chat was deleted")))]
pub async fn delete(
    State(supabase): State<Supabase>,
    State(generations): State<Generations>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let counted = database::count_lapsed_usage(supabase.rest(user.caller()));
    tokio::join!(store::delete(&supabase, &user, chat_id), counted).0?;
    if let Some(generation) = generations.in_chat(user.id, chat_id) {
        generation.stop();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Archive or unarchive a chat
///
/// With a body, sets whether the chat is archived; the request is then safe to retry. Without a
/// body, toggles it.
#[utoipa::path(post, path = "/api/chats/{chat_id}/archive", tag = "chats",
    operation_id = "archive_chat",
    params(("chat_id" = Uuid, Path, description = "ID of the chat")),
    request_body = Option<SetArchived>,
    responses((status = 200, description = "The updated chat", body = Chat)))]
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

/// Bookmark a chat or remove its bookmark
///
/// With a body, sets whether the chat is bookmarked; the request is then safe to retry. Without a
/// body, toggles the bookmark.
#[utoipa::path(post, path = "/api/chats/{chat_id}/bookmark", tag = "chats",
    operation_id = "bookmark_chat",
    params(("chat_id" = Uuid, Path, description = "ID of the chat")),
    request_body = Option<SetBookmarked>,
    responses((status = 200, description = "The updated chat", body = Chat)))]
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
