//! The routes of `/api/files`.

use std::time::{Duration, SystemTime};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LAST_MODIFIED, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::conditional::{ContentSelection, Validators};
use super::model::{ContentQuery, File, FileFilter, SignUrl, SignedUrl, UpdateFile, UploadForm};
use super::service::{Files, Owner};
use super::signed_urls::Signable;
use super::upload::{error, form};
use super::{media_type, name, store};
use crate::http::auth::CurrentUser;
use crate::http::error::{ApiError, Problem};
use crate::http::extract::{Json, OptionalJson, Page, PageQuery, Path, Query};
use crate::http::response::{self, Created};
use crate::http::validate::Checks;
use crate::memory::{Form, Held};

/// The most bytes that a form's fields and boundaries may add to those of its file.
const FORM_OVERHEAD: u64 = 1 << 20;
const DEFAULT_EXPIRY_S: u64 = 3600;

/// List files
///
/// Newest first. The `Link` header has the address of the next page.
#[utoipa::path(get, path = "/api/files/", tag = "files", operation_id = "list_files",
    params(FileFilter, PageQuery),
    responses((status = 200, description = "The files", body = Vec<File>,
        headers(("Link" = String, description = "The next page, if there is one")))))]
pub async fn list(
    State(files): State<Files>,
    user: CurrentUser,
    page: Page,
    Query(filter): Query<FileFilter>,
) -> Result<Response, ApiError> {
    if let Some(q) = &filter.q {
        let mut checks = Checks::default();
        checks.length("/q", q, 1, 200);
        checks.finish()?;
    }
    let owner = Owner::from(&user);
    let rows = files.page(&owner, &filter, &page).await?;
    let signed = files.with_urls(&owner, &rows.split()?).await?;
    let unreadable = |error| ApiError::unreadable("file", error);
    let signed: Result<Vec<&RawValue>, _> =
        signed.iter().map(|row| serde_json::from_slice(row)).collect();
    page.respond_with(&signed.map_err(unreadable)?, rows.is_cut, &store::LIST)
}

/// Upload a file
///
/// The media type is verified against the first bytes of the content. A request with an `id` is safe to
/// retry: repeating it with the same content returns the stored file with status 200; with different
/// content it fails with 409.
#[utoipa::path(post, path = "/api/files/", tag = "files", operation_id = "upload_file",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, description = "The new file", body = File,
        headers(("Location" = String, description = "Path of the file"))),
        (status = 200, description = "The file already uploaded by an earlier request", body = File),
        (status = 409, description = "The ID is already in use", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "The file is too large, or it would exceed the storage quota",
            body = Problem, content_type = "application/problem+json")))]
pub async fn upload(
    State(files): State<Files>,
    user: CurrentUser,
    Extension(held): Extension<Held>,
    request: Request,
) -> Result<Response, ApiError> {
    let owner = Owner::from(&user);
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let form = Form::from_body(header(CONTENT_TYPE), body, held.sibling());
    let mut form = form.ok_or_else(not_a_form)?;
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let received = if length.is_some_and(|length| length > files.max_bytes + FORM_OVERHEAD) {
        Err(error::too_large(files.max_bytes))
    } else {
        form::receive(&files, &owner, &mut form).await
    };
    if received.is_err() {
        form.drain().await;
    }
    let created = match received? {
        Created::Now(row) => Created::Now(files.with_url(&owner, &row).await?),
        Created::Before(row) => Created::Before(files.with_url(&owner, &row).await?),
    };
    Ok(created.respond("/api/files/"))
}

pub(in crate::api) fn not_a_form() -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "Send the file as a form, with Content-Type: multipart/form-data.",
    )
}

/// Get a file
///
/// Returns the description of the file, with a signed URL of its content that works without a token.
#[utoipa::path(get, path = "/api/files/{file_id}", tag = "files", operation_id = "get_file",
    params(("file_id" = Uuid, Path, description = "ID of the file")),
    responses((status = 200, description = "The file", body = File)))]
pub async fn get(
    State(files): State<Files>,
    user: CurrentUser,
    Path(file_id): Path<Uuid>,
) -> Result<Response, ApiError> {
    let owner = Owner::from(&user);
    let (row, _) = files.file(&owner, file_id).await?;
    Ok(response::json(files.with_url(&owner, &row).await?))
}

/// Update a file
///
/// Omitted fields are left unchanged; null clears `chat_id`. The content of a file cannot be changed.
#[utoipa::path(method(put, patch), path = "/api/files/{file_id}", tag = "files",
    operation_id = "update_file",
    params(("file_id" = Uuid, Path, description = "ID of the file")),
    request_body = UpdateFile,
    responses((status = 200, description = "The updated file", body = File)))]
pub async fn update(
    State(files): State<Files>,
    user: CurrentUser,
    Path(file_id): Path<Uuid>,
    Json(changes): Json<UpdateFile>,
) -> Result<Response, ApiError> {
    let owner = Owner::from(&user);
    let row = files.update(&owner, file_id, &changes.checked()?).await?;
    Ok(response::json(files.with_url(&owner, &row).await?))
}

/// Delete a file
///
/// Messages that the file is attached to are kept, and still name it.
#[utoipa::path(delete, path = "/api/files/{file_id}", tag = "files", operation_id = "delete_file",
    params(("file_id" = Uuid, Path, description = "ID of the file")),
    responses((status = 204, description = "The file was deleted")))]
pub async fn delete(
    State(files): State<Files>,
    user: CurrentUser,
    Path(file_id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    files.delete(&Owner::from(&user), file_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Download the content of a file
///
/// Supports `Range` (one range; several are answered with the whole content) and the conditional headers
/// `If-Match`, `If-Unmodified-Since`, `If-None-Match`, `If-Modified-Since` and `If-Range`. Files that could
/// run scripts in a browser (HTML, SVG) are always sent as attachments.
#[utoipa::path(get, path = "/api/files/{file_id}/content", tag = "files",
    operation_id = "get_file_content",
    params(("file_id" = Uuid, Path, description = "ID of the file"), ContentQuery),
    responses((status = 200, description = "The content", content_type = "*/*",
            body = String,
            headers(("ETag" = String, description = "Identifies the content"),
                ("Last-Modified" = String, description = "Time the content was uploaded"),
                ("Content-Disposition" = String, description = "Whether to display or save the file, and its name"))),
        (status = 206, description = "The requested range of the content"),
        (status = 304, description = "The content has not changed"),
        (status = 412, description = "The content is not the one that the request means",
            body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range begins after the end of the content", body = Problem,
            content_type = "application/problem+json")))]
pub async fn content(
    State(files): State<Files>,
    user: CurrentUser,
    Path(file_id): Path<Uuid>,
    Query(query): Query<ContentQuery>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let owner = Owner::from(&user);
    let file = files.get(&owner, file_id).await?;
    let etag = format!("\"{}\"", file.sha256);
    let last_modified = last_modified(&file);
    let validators = Validators { etag: &etag, last_modified, size: file.size };
    let (status, range) = match ContentSelection::new(&method, &headers, &validators) {
        ContentSelection::PreconditionFailed => return Err(precondition_failed()),
        ContentSelection::NotModified => {
            let response = content_headers(StatusCode::NOT_MODIFIED, &file, &query, &etag);
            return Ok(response);
        }
        ContentSelection::Unsatisfiable => return Err(range_not_satisfiable(file.size)),
        ContentSelection::Whole => (StatusCode::OK, None),
        ContentSelection::Range(first, last) => (StatusCode::PARTIAL_CONTENT, Some((first, last))),
    };
    let download = files.stream(&owner, file_id, range).await?;
    let mut response = content_headers(status, &file, &query, &etag);
    let sent = response.headers_mut();
    // Storage knows the actual length; the row can be written by its owner.
    if let Some(length) = download.length {
        sent.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Some(range) = &download.range {
        set(sent, CONTENT_RANGE, range);
    }
    *response.body_mut() = Body::from_stream(download.bytes);
    Ok(response)
}

/// A response with all headers and no body.
fn content_headers(status: StatusCode, file: &File, query: &ContentQuery, etag: &str) -> Response {
    let is_shown = media_type::is_inline(&file.media_type) && !query.download;
    let mut response = status.into_response();
    let headers = response.headers_mut();
    set(headers, CONTENT_TYPE, &file.media_type);
    set(headers, ETAG, etag);
    if let Some(date) = last_modified(file) {
        set(headers, LAST_MODIFIED, &httpdate::fmt_http_date(date));
    }
    let how = if is_shown { "inline" } else { "attachment" };
    set(headers, CONTENT_DISPOSITION, &name::disposition(how, &file.name));
    set(headers, ACCEPT_RANGES, "bytes");
    set(headers, CACHE_CONTROL, "private, no-cache");
    set(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";
    set(headers, CONTENT_SECURITY_POLICY, policy);
    response
}

/// The content never changes after it was uploaded.
fn last_modified(file: &File) -> Option<SystemTime> {
    let created_at: jiff::Timestamp = file.created_at.parse().ok()?;
    let seconds = u64::try_from(created_at.as_second()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

fn precondition_failed() -> ApiError {
    ApiError::new(
        StatusCode::PRECONDITION_FAILED,
        "precondition_failed",
        "The file's content is not the one that the request means. Read the file again.",
    )
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn range_not_satisfiable(size: u64) -> ApiError {
    let error = ApiError::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "range_not_satisfiable",
        format!("The file has only {size} bytes."),
    );
    match HeaderValue::from_str(&format!("bytes */{size}")) {
        Ok(value) => error.with_header(CONTENT_RANGE, value),
        Err(_) => error,
    }
}

/// Create a signed URL
///
/// For `<img>` elements and links, which cannot send an access token. Anyone who has the URL can read
/// the file until the URL expires.
#[utoipa::path(post, path = "/api/files/{file_id}/url", tag = "files",
    operation_id = "sign_file_url",
    params(("file_id" = Uuid, Path, description = "ID of the file")),
    request_body = Option<SignUrl>,
    responses((status = 200, description = "The signed URL", body = SignedUrl)))]
pub async fn sign(
    State(files): State<Files>,
    user: CurrentUser,
    Path(file_id): Path<Uuid>,
    OptionalJson(body): OptionalJson<SignUrl>,
) -> Result<axum::Json<SignedUrl>, ApiError> {
    let expires_in = body.and_then(|body| body.expires_in).unwrap_or(DEFAULT_EXPIRY_S);
    let mut checks = Checks::default();
    checks.range("/expires_in", Some(expires_in), 60, 604_800);
    checks.finish()?;
    let owner = Owner::from(&user);
    let File { id, name, media_type, .. } = files.get(&owner, file_id).await?;
    let lifetime = Duration::from_secs(expires_in);
    let file = Signable { id, name, media_type };
    let url = files.sign(&owner, &[file], lifetime).await?.pop().flatten();
    let url = url.ok_or_else(|| ApiError::not_found("file"))?;
    let expires_at = files.clock.unix_seconds() + expires_in.cast_signed();
    let expires_at = jiff::Timestamp::from_second(expires_at)
        .map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(axum::Json(SignedUrl { url, expires_at }))
}
