//! The routes of `/api/account`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::deletion::Deletion;
use super::model::AccountDeletion;
use super::service::Accounts;
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};

/// Delete the account
///
/// Deletes everything of the user: chats, messages, files with their content, events, usage and script
/// runs, and then the user. Running answers are stopped. From the moment of the request on, the access
/// tokens of the user get 401 `user_not_found` from every route that reads or writes data, until they
/// expire. The request is safe to retry. This cannot be undone; export the data first.
#[utoipa::path(delete, path = "/api/account", tag = "account", operation_id = "delete_account",
    responses((status = 204, description = "Everything was deleted"),
        (status = 202, description = "The account cannot be used any more; the server deletes the rest \
            as soon as it can", body = AccountDeletion),
        (status = 503, description = "The server has no service key, or the database cannot be reached",
            body = Problem, content_type = "application/problem+json")))]
pub async fn delete(
    State(accounts): State<Accounts>,
    user: CurrentUser,
) -> Result<Response, ApiError> {
    Ok(match accounts.delete(user.id).await? {
        Deletion::Done => StatusCode::NO_CONTENT.into_response(),
        Deletion::Marked => {
            let deleting = AccountDeletion { status: "deleting" };
            (StatusCode::ACCEPTED, axum::Json(deleting)).into_response()
        }
    })
}
