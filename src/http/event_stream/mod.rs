//! Streams an answer to one listener as Server-Sent Events, in the protocol of an encoder.

mod body_writer;
mod encoder;
mod live_stream;
mod open_stream;
mod ping;

use std::io;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::Stream;
use tokio::sync::watch;

pub use body_writer::BodyWriter;
pub use encoder::Encoder;
pub use live_stream::{Live, LiveStream};
pub use open_stream::OpenStream;
pub use ping::{PING, PING_INTERVAL};

use crate::agent::Answer;

/// The stream of an answer from its start, then live. A slow reader gets what it missed at once; a
/// generation that ends without an end resets the stream, because a clean end would look whole.
pub fn respond(answer: watch::Receiver<Answer>, encoder: impl Encoder) -> Response {
    let (live, chunks) = live_stream::open(answer, encoder);
    let mut response = response(Body::from_stream(chunks));
    response.extensions_mut().insert(live);
    response
}

/// The stream piece by piece, for one that is changed on its way.
pub fn chunks(
    answer: watch::Receiver<Answer>,
    encoder: impl Encoder,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    live_stream::open(answer, encoder).1
}

/// A stream that is known as a whole.
pub fn whole(events: Vec<u8>) -> Response {
    response(Body::from(events))
}

/// A response with server-sent events.
pub fn response(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let no_buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(no_buffering, HeaderValue::from_static("no"));
    response
}

/// Appends an event with a name.
pub fn put_named(out: &mut Vec<u8>, name: &str, event: &impl serde::Serialize) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.push(b'\n');
    put(out, event);
}

/// Appends an event with this JSON.
pub fn put(out: &mut Vec<u8>, event: &impl serde::Serialize) {
    out.extend_from_slice(b"data: ");
    // Events hold nothing that JSON cannot, and writing to a Vec does not fail.
    let _ = serde_json::to_writer(&mut *out, event);
    out.extend_from_slice(b"\n\n");
}
