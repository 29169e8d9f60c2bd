//! Responses shared by several features.

use std::array;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use uuid::Uuid;

/// A response with JSON that is passed through unchanged.
pub fn json(body: impl Into<Bytes>) -> Response {
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (content_type, body.into()).into_response()
}

/// The same for JSON in two pieces, which are not put together for it.
pub fn json_pieces(pieces: [Bytes; 2]) -> Response {
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (content_type, Body::new(Pieces(pieces.into_iter()))).into_response()
}

struct Pieces(array::IntoIter<Bytes, 2>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_slice().iter().map(|piece| piece.len() as u64).sum())
    }
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
