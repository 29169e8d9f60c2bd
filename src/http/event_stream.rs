//! Streams an answer to one listener as Server-Sent Events, in the protocol of an encoder.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::agent::Answer;

/// A silent stream says something this often, so that proxies keep it open.
const PING_INTERVAL: Duration = Duration::from_secs(15);

static OPEN: AtomicU64 = AtomicU64::new(0);

/// Counts a stream as open until it is dropped.
pub struct OpenStream(());

impl OpenStream {
    /// One more open stream.
    pub fn new() -> Self {
        OPEN.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// How many streams this process has open.
    pub fn count() -> u64 {
        OPEN.load(Ordering::Relaxed)
    }
}

impl Default for OpenStream {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Writes an answer in a protocol, from where it has stopped.
pub trait Encoder: Send + 'static {
    /// Appends what is new; nothing if there is no more.
    fn encode(&mut self, answer: &Answer, out: &mut Vec<u8>);

    /// Whether nothing follows.
    fn is_at_end(&self) -> bool;
}

/// The stream of an answer from its start, then live. A slow reader gets what it missed at once; a
/// generation that ends without an end resets the stream, because a clean end would look whole.
pub fn respond(answer: watch::Receiver<Answer>, encoder: impl Encoder) -> Response {
    let listener = Listener { answer, encoder, _open: OpenStream::new() };
    response(Body::from_stream(stream::unfold(Some(listener), |listener| async move {
        listener?.next().await
    })))
}

/// A stream that is known as a whole.
pub fn whole(events: Vec<u8>) -> Response {
    response(Body::from(events))
}

fn response(body: Body) -> Response {
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

struct Listener<E> {
    answer: watch::Receiver<Answer>,
    encoder: E,
    _open: OpenStream,
}

type Chunk = io::Result<Bytes>;

impl<E: Encoder> Listener<E> {
    /// The next bytes and, unless they are the last, the listener.
    async fn next(mut self) -> Option<(Chunk, Option<Self>)> {
        if self.encoder.is_at_end() {
            return None;
        }
        loop {
            let mut bytes = Vec::new();
            self.encoder.encode(&self.answer.borrow_and_update(), &mut bytes);
            if !bytes.is_empty() {
                return Some((Ok(bytes.into()), Some(self)));
            }
            match timeout(PING_INTERVAL, self.answer.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => {
                    let broken = io::Error::other("the generation is gone without an end");
                    return Some((Err(broken), None));
                }
                Err(_) => return Some((Ok(Bytes::from_static(b": ping\n\n")), Some(self))),
            }
        }
    }
}
