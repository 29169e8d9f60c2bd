//! A placeholder for `rest/v1`, which the merge with the REST work replaces.

use axum::http::{StatusCode, request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::db::Database;
use super::role::Role;

/// Answers one request; its path is relative to `/rest/v1`.
pub(super) async fn handle(_: &Database, _: Role, _: request::Parts, _: Bytes) -> Response {
    StatusCode::NOT_IMPLEMENTED.into_response()
}
