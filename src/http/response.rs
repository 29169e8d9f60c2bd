//! Responses shared by several features.

use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use uuid::Uuid;

/// A response with JSON that is passed through unchanged.
pub fn json(body: impl Into<Bytes>) -> Response {
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (content_type, body.into()).into_response()
}

/// The result of an idempotent creation: 201 with a `Location`, or 200 if the row already existed.
pub enum Created {
    /// This request created it.
    Now(Bytes),
    /// An earlier request with the same ID and content created it.
    Before(Bytes),
}

impl Created {
    /// The response; `collection` is the path to which the row's ID is appended.
    pub fn respond(self, collection: &str) -> Response {
        match self {
            Self::Before(row) => json(row),
            Self::Now(row) => {
                let location = id(&row).map(|id| format!("{collection}{id}"));
                let mut response = (StatusCode::CREATED, json(row)).into_response();
                if let Some(Ok(location)) = location.map(HeaderValue::try_from) {
                    response.headers_mut().insert(LOCATION, location);
                }
                response
            }
        }
    }
}

fn id(row: &[u8]) -> Option<Uuid> {
    #[derive(serde::Deserialize)]
    struct Row {
        id: Uuid,
    }
    serde_json::from_slice::<Row>(row).ok().map(|row| row.id)
}
