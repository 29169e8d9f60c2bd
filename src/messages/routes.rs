//! The routes of `/api/messages`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::model::{CreateMessage, Message, MessageFilter, UpdateMessage};
use super::store;
use crate::agent::Generations;
use crate::auth::CurrentUser;
use crate::error::{ApiError, Problem};
use crate::extract::{Json, Page, PageQuery, Path, Query};
use crate::response;
use crate::supabase::Supabase;

/// List the messages of a chat
///
/// The next page is in the `Link` header.
#[utoipa::path(get, path = "/api/messages/chat/{chat_id}", tag = "messages",
    operation_id = "list_messages",
    params(("chat_id" = Uuid, Path, description = "The chat"), MessageFilter, PageQuery),
    responses((status = 200, description = "The messages", body = Vec<Message>,
        headers(("Link" = String, description = "The next page, where there is one")))))]
pub async fn list(
    State(supabase): State<Supabase>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    page: Page,
    Query(filter): Query<MessageFilter>,
) -> Result<Response, ApiError> {
    let listed = store::list(&supabase, &user, chat_id, &filter, &page).await?;
    page.respond_with(&listed.rows()?, store::cursor)
}

/// Add a message to a chat
///
/// It is stored as it is; to get an answer, use the routes of `ai`. With an `id` of the client's own
/// the request can be repeated safely.
#[utoipa::path(post, path = "/api/messages/chat/{chat_id}", tag = "messages",
    operation_id = "create_message",
    params(("chat_id" = Uuid, Path, description = "The chat")),
    request_body = CreateMessage,
    responses((status = 201, description = "The new message", body = Message,
        headers(("Location" = String, description = "Where the message is"))),
        (status = 200, description = "The message, created by an earlier request", body = Message),
        (status = 409, description = "The id is in use", body = Problem,
            content_type = "application/problem+json")))]
pub async fn create(
    State(supabase): State<Supabase>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    Json(message): Json<CreateMessage>,
) -> Result<Response, ApiError> {
    let created = store::create(&supabase, &user, &message.checked(chat_id)?).await?;
    Ok(created.respond("/api/messages/"))
}

/// Get a message
#[utoipa::path(get, path = "/api/messages/{message_id}", tag = "messages",
    operation_id = "get_message",
    params(("message_id" = Uuid, Path, description = "The message")),
    responses((status = 200, description = "The message", body = Message)))]
pub async fn get(
    State(supabase): State<Supabase>,
    user: CurrentUser,
    Path(message_id): Path<Uuid>,
) -> Result<Response, ApiError> {
    Ok(response::json(store::get(&supabase, &user, message_id).await?))
}

/// Change a message
///
/// Only the fields that are present change; `content` replaces the text parts and leaves the
/// others. It never starts a generation.
#[utoipa::path(method(put, patch), path = "/api/messages/{message_id}", tag = "messages",
    operation_id = "update_message",
    params(("message_id" = Uuid, Path, description = "The message")),
    request_body = UpdateMessage,
    responses((status = 200, description = "The changed message", body = Message),
        (status = 409, description = "The message is being written", body = Problem,
            content_type = "application/problem+json")))]
pub async fn update(
    State(supabase): State<Supabase>,
    user: CurrentUser,
    Path(message_id): Path<Uuid>,
    Json(changes): Json<UpdateMessage>,
) -> Result<Response, ApiError> {
    Ok(response::json(store::update(&supabase, &user, message_id, changes).await?))
}

/// Delete a message
///
/// A running generation is stopped first.
#[utoipa::path(delete, path = "/api/messages/{message_id}", tag = "messages",
    operation_id = "delete_message",
    params(("message_id" = Uuid, Path, description = "The message")),
    responses((status = 204, description = "The message is gone")))]
pub async fn delete(
    State(supabase): State<Supabase>,
    State(generations): State<Generations>,
    user: CurrentUser,
    Path(message_id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    if let Some(generation) = generations.of_message(user.id, message_id) {
        generation.stop_and_wait().await;
    }
    store::delete(&supabase, &user, message_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
