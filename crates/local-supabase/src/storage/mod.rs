//! `storage/v1`: Supabase Storage's API, the bytes as files in the data folder.
//!
//! A request flows one way: its path selects an operation (`route`), its headers the role (`access`),
//! and one function handles it. Files are streamed and written before the row that names them; files
//! that a crash leaves behind are removed after the next start (`crate::blobs`).

mod access;
mod body;
mod buckets;
mod move_copy;
mod download;
mod error;
mod list;
mod objects;
mod room;
mod route;
mod sign;
#[cfg(test)]
mod tests;
mod upload;
mod upsert;

use std::collections::HashSet;

use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use self::body::Params;
pub(super) use self::buckets::create_buckets;
use self::error::{StorageError, json_response};
use self::route::Route;
use super::context::Context;

/// The versions of all objects, which name their files.
pub(super) fn versions(connection: &rusqlite::Connection) -> rusqlite::Result<HashSet<String>> {
    let mut statement = connection.prepare("select version from storage_objects")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Answers a request whose path is relative to `/storage/v1`.
pub(super) async fn handle(context: &Context, request: Request) -> Response {
    match Route::parse(request.method(), request.uri().path()) {
        Some(route) => {
            answer(context, route, request).await.unwrap_or_else(IntoResponse::into_response)
        }
        None => not_found(request.method().as_str(), request.uri()),
    }
}

async fn answer(
    context: &Context,
    route: Route,
    request: Request,
) -> Result<Response, StorageError> {
    // Downloads and uploads by URL may need no access token.
    match route {
        Route::Status => return Ok(StatusCode::OK.into_response()),
        Route::Download(path, by) => {
            return download::download(context, path, by, &request.into_parts().0).await;
        }
        Route::Info(path, by) => {
            return download::info(context, path, by, &request.into_parts().0).await;
        }
        Route::UploadSigned(path) => return upload::upload_signed(context, path, request).await,
        _ => {}
    }
    let role = access::role(context, request.headers()).await?;
    match route {
        Route::Upload(path) => return upload::upload(context, role, path, request).await,
        Route::ListBuckets => return buckets::list(context, role).await,
        Route::GetBucket(id) => return buckets::get(context, role, id).await,
        Route::DeleteBucket(id) => return buckets::delete(context, role, id).await,
        Route::EmptyBucket(id) => return buckets::empty(context, role, id).await,
        Route::Remove(path) => return move_copy::remove(context, role, path).await,
        Route::SignUpload(path) => {
            return sign::sign_upload(context, role, path, request.headers()).await;
        }
        _ => {}
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let headers = request.headers().clone();
    let params = &Params::read(context, role, request).await?;
    match route {
        Route::CreateBucket => buckets::create(context, role, params).await,
        Route::UpdateBucket(id) => buckets::update(context, role, id, params).await,
        Route::RemoveMany(bucket) => move_copy::remove_many(context, role, bucket, params).await,
        Route::List(bucket) => list::list(context, role, bucket, params).await,
        Route::ListV2(bucket) => list::list_v2(context, role, bucket, params).await,
        Route::Sign(path) => sign::sign(context, role, path, params).await,
        Route::SignMany(bucket) => sign::sign_many(context, role, bucket, params).await,
        Route::Move => move_copy::r#move(context, role, params).await,
        Route::Copy => move_copy::copy(context, role, params, &headers).await,
        _ => Ok(not_found(method.as_str(), &uri)),
    }
}

fn not_found(method: &str, uri: &Uri) -> Response {
    let message = format!("Route {method}:{} not found", uri.path());
    let body = json!({ "message": message, "error": "Not Found", "statusCode": 404 });
    json_response(StatusCode::NOT_FOUND, &body)
}
