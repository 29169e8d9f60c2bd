//! The routes of `/api/account`.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::deletion::Deletion;
use super::import::Import;
use super::model::{AccountDeletion, ImportForm, ImportReport};
use super::service::Accounts;
use crate::api::files::{not_a_form, unreadable_form};
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::memory::{Field, Form, Held};

/// How many fields of a form are read before its file.
const MAX_FIELDS: usize = 10;

/// Export the account
///
/// Everything of the user in one ZIP archive: chats as JSON and as Markdown, files with their content,
/// usage, events and script runs; `README.txt` inside says what is where. The archive is sent while it is
/// read. The content of a file that cannot be read is named in `errors.txt`; if anything else fails midway,
/// the connection is reset, and the archive has no end. A user can have one export or import at a time.
#[utoipa::path(get, path = "/api/account/export", tag = "account", operation_id = "export_account",
    responses((status = 200, description = "The archive", content_type = "application/zip", body = String,
        headers(("Content-Disposition" = String, description = "The name of the archive")))))]
pub async fn export(
    State(accounts): State<Accounts>,
    user: CurrentUser,
) -> Result<Response, ApiError> {
    accounts.export(&user).await
}

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

/// Import chats
///
/// Imports the chats of a ChatGPT export: `conversations.json`, or the ZIP archive that it comes in.
/// Branches, times and models are kept; pictures, files and calls of tools are not, which the report says.
/// Conversations are stored as they arrive. The request is safe to retry: a conversation that was imported
/// before is not imported again, only what is new in it.
#[utoipa::path(post, path = "/api/account/import", tag = "account", operation_id = "import_chats",
    request_body(content = ImportForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "What was imported", body = ImportReport),
        (status = 413, description = "The export is too large", body = Problem,
            content_type = "application/problem+json")))]
pub async fn import(
    State(accounts): State<Accounts>,
    user: CurrentUser,
    Extension(held): Extension<Held>,
    request: Request,
) -> Result<axum::Json<ImportReport>, ApiError> {
    let (parts, body) = request.into_parts();
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut form = Form::from_body(content_type, body, held.sibling()).ok_or_else(not_a_form)?;
    let report = receive(&accounts, &user, &held, &mut form).await;
    if report.is_err() {
        form.drain().await;
    }
    report.map(axum::Json)
}

async fn receive(
    accounts: &Accounts,
    user: &CurrentUser,
    held: &Held,
    form: &mut Form,
) -> Result<ImportReport, ApiError> {
    let _turn = accounts.transfers.take(user.id).await?;
    for _ in 0..MAX_FIELDS {
        let Some(mut field) = form.next().await.map_err(|error| unreadable_form(&error, ""))?
        else {
            break;
        };
        if field.name() == "file" {
            let mut import = Import::new(accounts, user, held.sibling())?;
            while let Some(bytes) = chunk(&mut field).await? {
                import = import.push(bytes).await?;
            }
            return import.finish();
        }
    }
    Err(ApiError::invalid("/file", "is missing"))
}

async fn chunk(field: &mut Field) -> Result<Option<bytes::Bytes>, ApiError> {
    field.chunk().await.map_err(|error| unreadable_form(&error, "/file"))
}
