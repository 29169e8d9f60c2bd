//! Building responses.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::headers::MediaType;

pub(super) const CONTENT_RANGE: HeaderName = axum::http::header::CONTENT_RANGE;
pub(super) const CONTENT_LOCATION: HeaderName = axum::http::header::CONTENT_LOCATION;
pub(super) const LOCATION: HeaderName = axum::http::header::LOCATION;
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Adds a header unless there is no value, or one that no header can carry.
pub(super) fn with_header(
    mut response: Response,
    name: HeaderName,
    value: Option<String>,
) -> Response {
    if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    response
}

/// A response with a body, or with its type alone for HEAD.
pub(super) fn full(status: StatusCode, media_type: MediaType, body: Option<String>) -> Response {
    let mut response = Response::new(body.map_or_else(Body::empty, Body::from));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(media_type.content_type());
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
