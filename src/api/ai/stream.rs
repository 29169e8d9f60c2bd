//! Streams an answer to one listener, as Server-Sent Events.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::future::ready;
use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::event_ids::EventIds;
use crate::agent::{Answer, Cursor, End, StreamError};
use crate::clock::IdleTimer;
use crate::http::error::{ApiError, for_end};
use crate::http::event_stream::OpenStream;

/// A silent stream says something this often, so that proxies keep it open.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING: &[u8] = b": ping\n\n";

/// The stream of an answer from its start, then live. A slow reader gets what it missed at once; a
/// generation that ends without an end resets the stream, because a clean end would look whole.
pub(super) fn respond(answer: watch::Receiver<Answer>, request_id: String) -> Response {
    respond_from(answer, Cursor::default(), request_id)
}

/// The same, for a listener that has read up to there.
pub(super) fn respond_from(
    answer: watch::Receiver<Answer>,
    cursor: Cursor,
    request_id: String,
) -> Response {
    response(Body::from_stream(chunks(answer, cursor, request_id)))
}

/// The same for a client that has read up to an event, with ids for the next time.
pub(super) fn respond_after(
    answer: watch::Receiver<Answer>,
    cursor: Cursor,
    request_id: String,
    last_event_id: &str,
) -> Response {
    let mut ids = EventIds::after(last_event_id);
    let numbered = chunks(answer, cursor, request_id)
        .map(move |chunk| chunk.map(|events| Bytes::from(ids.number(&events))))
        .filter(|chunk| ready(chunk.as_ref().map_or(true, |events| !events.is_empty())));
    response(Body::from_stream(numbered))
}

/// The same for an answer that is still to begin.
pub(super) fn respond_later(
    answer: impl Future<Output = Result<watch::Receiver<Answer>, ApiError>> + Send + 'static,
    cursor: Cursor,
    request_id: String,
) -> Response {
    let waiting = stream::unfold(Some(Box::pin(answer)), |waiting| async move {
        let mut answer = waiting?;
        match timeout(PING_INTERVAL, answer.as_mut()).await {
            Ok(started) => Some((Some(started), None)),
            Err(_) => Some((None, Some(answer))),
        }
    });
    let mut cursor = Some(cursor);
    let body = waiting.flat_map(move |started| match started {
        None => stream::once(async { Ok(Bytes::from_static(PING)) }).left_stream(),
        Some(Ok(answer)) => {
            let cursor = cursor.take().unwrap_or_default();
            chunks(answer, cursor, request_id.clone()).boxed().right_stream()
        }
        Some(Err(error)) => {
            error.log(&request_id);
            let problem = error_frames(&error, &request_id);
            stream::once(async { Ok(problem) }).boxed().right_stream()
        }
    });
    response(Body::from_stream(body))
}

/// A stream that says only what went wrong.
fn error_frames(error: &ApiError, request_id: &str) -> Bytes {
    let problem = error.to_json(request_id);
    let text = serde_json::json!({ "type": "error", "errorText": error.detail() });
    let data = format!(r#"{{"type":"data-error","data":{problem},"transient":true}}"#);
    format!("data: {data}\n\ndata: {text}\n\ndata: [DONE]\n\n").into()
}

fn chunks(
    answer: watch::Receiver<Answer>,
    cursor: Cursor,
    request_id: String,
) -> impl Stream<Item = Chunk> + Send + 'static {
    let silence = IdleTimer::new(PING_INTERVAL);
    // Boxed, because it moves with each piece.
    let listener =
        Box::new(Listener { answer, cursor, silence, request_id, _open: OpenStream::new() });
    stream::unfold(Some(listener), |listener| async move { listener?.next().await })
}

fn response(body: Body) -> Response {
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
    _open: OpenStream,
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
                    return Some((Ok(Bytes::from_static(PING)), Some(self)));
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
