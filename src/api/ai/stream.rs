//! Streams an answer to one listener, as Server-Sent Events.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures_util::future::ready;
use futures_util::stream::{self, StreamExt};
use tokio::sync::watch;
use tokio::time::timeout;

use super::event_ids::EventIds;
use crate::agent::{Answer, Cursor, End, StreamError};
use crate::http::error::{ApiError, for_end};
use crate::http::event_stream::{self, Encoder, PING, PING_INTERVAL};

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
    with_headers(event_stream::respond(answer, UiEncoder { cursor, request_id }))
}

/// The same for a client that has read up to an event, with ids for the next time.
pub(super) fn respond_after(
    answer: watch::Receiver<Answer>,
    cursor: Cursor,
    request_id: String,
    last_event_id: &str,
) -> Response {
    let mut ids = EventIds::after(last_event_id);
    let numbered = event_stream::chunks(answer, UiEncoder { cursor, request_id })
        .map(move |chunk| chunk.map(|events| Bytes::from(ids.number(&events))))
        .filter(|chunk| ready(chunk.as_ref().map_or(true, |events| !events.is_empty())));
    with_headers(event_stream::response(Body::from_stream(numbered)))
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
            let encoder = UiEncoder { cursor, request_id: request_id.clone() };
            event_stream::chunks(answer, encoder).boxed().right_stream()
        }
        Some(Err(error)) => {
            error.log(&request_id);
            let problem = error_frames(&error, &request_id);
            stream::once(async { Ok(problem) }).boxed().right_stream()
        }
    });
    with_headers(event_stream::response(Body::from_stream(body)))
}

/// A stream that says only what went wrong.
fn error_frames(error: &ApiError, request_id: &str) -> Bytes {
    let problem = error.to_json(request_id);
    let text = serde_json::json!({ "type": "error", "errorText": error.detail() });
    let data = format!(r#"{{"type":"data-error","data":{problem},"transient":true}}"#);
    format!("data: {data}\n\ndata: {text}\n\ndata: [DONE]\n\n").into()
}

fn with_headers(mut response: Response) -> Response {
    let name = HeaderName::from_static("x-vercel-ai-ui-message-stream");
    response.headers_mut().insert(name, HeaderValue::from_static("v1"));
    response
}

/// Writes the AI SDK's protocol.
struct UiEncoder {
    cursor: Cursor,
    request_id: String,
}

impl Encoder for UiEncoder {
    fn encode(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        let describe = |end: &End| describe(end, &self.request_id);
        self.cursor.advance(answer, out, describe);
    }

    fn is_at_end(&self) -> bool {
        self.cursor.is_at_end()
    }
}

fn describe(end: &End, request_id: &str) -> StreamError {
    let error: ApiError = for_end(end);
    error.log(request_id);
    StreamError { error_text: error.detail().to_owned(), problem: error.to_json(request_id) }
}
