//! The routes of `/api/messages`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::model::{CreateMessage, Message, MessageFilter, MessageOrder, UpdateMessage};
use super::{ReadMarks, store};
use crate::agent::{Generations, Refusal};
use crate::api::files::{Files, Owner, PartsContext};
use crate::database::{self, SelectMessage, SelectReply};
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Json, Page, PageQuery, Path, Query};
use crate::http::response::{self, Created};
use crate::supabase::Supabase;

/// List the messages of a chat
///
/// The `Link` header has the address of the next page.
#[utoipa::path(get, path = "/api/messages/chat/{chat_id}", tag = "messages",
    operation_id = "list_messages",
    params(("chat_id" = Uuid, Path, description = "ID of the chat"), MessageFilter, PageQuery),
    responses((status = 200, description = "The messages", body = Vec<Message>,
        headers(("Link" = String, description = "The next page, if there is one")))))]
pub async fn list(
    State(supabase): State<Supabase>,
    State(files): State<Files>,
    State(read_marks): State<ReadMarks>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    page: Page,
    Query(filter): Query<MessageFilter>,
) -> Result<Response, ApiError> {
    let listed = store::list(&supabase, &user, chat_id, &filter, &page).await?;
    let rows = listed.rows()?;
    let has_newest = match filter.order.unwrap_or_default() {
        MessageOrder::Asc => !listed.is_cut && rows.len() <= page.limit,
        MessageOrder::Desc => page.after.is_none(),
    };
    if let Some(answer) = listed.unread_answer.filter(|_| has_newest) {
        read_marks.mark(&user, answer);
    }
    match files.rows_with_signed_urls(&Owner::from(&user), &rows).await {
        Some(shown) => {
            let shown: Vec<_> = shown.iter().map(|row| &**row).collect();
            page.respond_with(&shown, listed.is_cut, &store::LIST)
        }
        None => page.respond_with(&rows, listed.is_cut, &store::LIST),
    }
}

/// Create a message
///
/// The message is only stored; to generate an answer, use the `ai` routes. A request with an `id` is
/// safe to retry.
#[utoipa::path(post, path = "/api/messages/chat/{chat_id}", tag = "messages",
    operation_id = "create_message",
    params(("chat_id" = Uuid, Path, description = "ID of the chat")),
    request_body = CreateMessage,
    responses((status = 201, description = "The new message", body = Message,
        headers(("Location" = String, description = "Path of the message"))),
        (status = 200, description = "The message already created by an earlier request", body = Message),
        (status = 409, description = "The ID is already in use", body = Problem,
            content_type = "application/problem+json")))]
pub async fn create(
    State(supabase): State<Supabase>,
    State(files): State<Files>,
    user: CurrentUser,
    Path(chat_id): Path<Uuid>,
    Json(message): Json<CreateMessage>,
) -> Result<Response, ApiError> {
    let mut message = message.checked(chat_id)?;
    let owner = Owner::from(&user);
    let context =
        PartsContext { pointer: "/parts", message_id: message.id, chat_id: Some(chat_id) };
    files.resolve(&owner, &mut message.parts, context).await?;
    let created = store::create(&supabase, &user, &message).await?;
    let created = match created {
        Created::Now(row) => Created::Now(files.with_signed_urls(&owner, row).await),
        Created::Before(row) => Created::Before(files.with_signed_urls(&owner, row).await),
    };
    Ok(created.respond("/api/messages/"))
}

/// Get a message
///
/// An answer that is being written is returned as far as it is saved.
#[utoipa::path(get, path = "/api/messages/{message_id}", tag = "messages",
    operation_id = "get_message",
    params(("message_id" = Uuid, Path, description = "ID of the message")),
    responses((status = 200, description = "The message", body = Message)))]
pub async fn get(
    State(supabase): State<Supabase>,
    State(files): State<Files>,
    user: CurrentUser,
    Path(message_id): Path<Uuid>,
) -> Result<Response, ApiError> {
    let row = store::get(&supabase, &user, message_id).await?;
    Ok(response::json(files.with_signed_urls(&Owner::from(&user), row).await))
}

/// Update a message
///
/// Omitted fields are left unchanged; `content` replaces the text parts and keeps the others. Updating
/// a message never starts a generation.
#[utoipa::path(method(put, patch), path = "/api/messages/{message_id}", tag = "messages",
    operation_id = "update_message",
    params(("message_id" = Uuid, Path, description = "ID of the message")),
    request_body = UpdateMessage,
    responses((status = 200, description = "The updated message", body = Message),
        (status = 409, description = "The message is being generated", body = Problem,
            content_type = "application/problem+json")))]
pub async fn update(
    State(supabase): State<Supabase>,
    State(files): State<Files>,
    user: CurrentUser,
    Path(message_id): Path<Uuid>,
    Json(mut changes): Json<UpdateMessage>,
) -> Result<Response, ApiError> {
    let owner = Owner::from(&user);
    if let Some(parts) = &mut changes.parts {
        let context = PartsContext { pointer: "/parts", message_id, chat_id: None };
        files.resolve(&owner, parts, context).await?;
    }
    let row = store::update(&supabase, &user, message_id, changes).await?;
    Ok(response::json(files.with_signed_urls(&owner, row).await))
}

/// Delete a message
///
/// If the message is being generated, the generation is stopped first.
#[utoipa::path(delete, path = "/api/messages/{message_id}", tag = "messages",
    operation_id = "delete_message",
    params(("message_id" = Uuid, Path, description = "ID of the message")),
    responses((status = 204, description = "The message was deleted")))]
pub async fn delete(
    State(supabase): State<Supabase>,
    State(generations): State<Generations>,
    user: CurrentUser,
    Path(message_id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    if let Some(generation) = generations.find_by_message(user.id, message_id) {
        generation.stop_and_wait().await;
    }
    let counted = database::count_lapsed_usage(supabase.rest(user.caller()));
    tokio::join!(store::delete(&supabase, &user, message_id), counted).0?;
    Ok(StatusCode::NO_CONTENT)
}

/// Select a version of a message
///
/// Makes this version and its newest continuation the active path of the chat, in the place of other
/// versions and what follows them. Nothing is deleted: `sibling_ids` has the versions. Fails while an
/// answer is being written in the chat.
#[utoipa::path(post, path = "/api/messages/{message_id}/select", tag = "messages",
    operation_id = "select_message",
    params(("message_id" = Uuid, Path, description = "ID of the message")),
    responses((status = 200, description = "The message, now active", body = Message),
        (status = 409, description = "An answer is being written in this chat", body = Problem,
            content_type = "application/problem+json")))]
pub async fn select(
    State(supabase): State<Supabase>,
    State(files): State<Files>,
    user: CurrentUser,
    Path(message_id): Path<Uuid>,
) -> Result<Response, ApiError> {
    let select = SelectMessage { p_message_id: message_id };
    match database::call(supabase.rest(user.caller()), &select).await? {
        SelectReply::Selected(message) => {
            let message = message.get().to_owned().into();
            Ok(response::json(files.with_signed_urls(&Owner::from(&user), message).await))
        }
        SelectReply::Busy { message_id } => Err(Refusal::Busy { message_id }.into()),
        SelectReply::NotFound => Err(ApiError::not_found("message")),
    }
}
