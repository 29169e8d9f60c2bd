//! Responses that several features give.

use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use uuid::Uuid;

/// JSON that is passed on as it came.
pub fn json(body: impl Into<Bytes>) -> Response {
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (content_type, body.into()).into_response()
}

/// A row that was created now, or was there already: 201 with its address, or 200.
pub enum Created {
    /// This request created it.
    Now(Bytes),
    /// An earlier one with the same id and content did.
    Before(Bytes),
}

impl Created {
    /// The response; `collection` is the path under which the row is found by its id.
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
