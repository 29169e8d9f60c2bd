//! Streams an answer to one listener, as Server-Sent Events.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;

use crate::agent::{Answer, Cursor, End, StreamError};
use crate::clock::IdleTimer;
use crate::http::error::{ApiError, for_end};

/// A silent stream says something this often, so that proxies keep it open.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// The stream of an answer from its start, then live. A slow reader gets what it missed at once; a
/// generation that ends without an end resets the stream, because a clean end would look whole.
pub(super) fn respond(answer: watch::Receiver<Answer>, request_id: String) -> Response {
    let silence = IdleTimer::new(PING_INTERVAL);
    // Boxed, because it moves with each piece.
    let listener = Box::new(Listener { answer, cursor: Cursor::default(), silence, request_id });
    let body = Body::from_stream(stream::unfold(Some(listener), |listener| async move {
        listener?.next().await
    }));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let ours = [("x-vercel-ai-ui-message-stream", "v1"), ("x-accel-buffering", "no")];
    for (name, value) in ours {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

struct Listener {
    answer: watch::Receiver<Answer>,
    cursor: Cursor,
    silence: IdleTimer,
    request_id: String,
}

type Chunk = io::Result<Bytes>;

impl Listener {
    /// The next bytes and, unless they are the last, the listener.
    async fn next(mut self: Box<Self>) -> Option<(Chunk, Option<Box<Self>>)> {
        if self.cursor.is_at_end() {
            return None;
        }
        loop {
            let mut bytes = Vec::new();
            {
                let answer = self.answer.borrow_and_update();
                let describe = |end: &End| describe(end, &self.request_id);
                self.cursor.advance(&answer, &mut bytes, describe);
            }
            if !bytes.is_empty() {
                self.silence.restart();
                return Some((Ok(bytes.into()), Some(self)));
            }
            tokio::select! {
                biased;
                changed = self.answer.changed() => if changed.is_err() {
                    let broken = io::Error::other("the generation is gone without an end");
                    return Some((Err(broken), None));
                },
                () = self.silence.expired() => {
                    self.silence.restart();
                    return Some((Ok(Bytes::from_static(b": ping\n\n")), Some(self)));
                }
            }
        }
    }
}

fn describe(end: &End, request_id: &str) -> StreamError {
    let error: ApiError = for_end(end);
    error.log(request_id);
    StreamError { error_text: error.detail().to_owned(), problem: error.to_json(request_id) }
}
