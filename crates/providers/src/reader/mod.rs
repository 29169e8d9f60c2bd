//! Reads a provider's response as a stream of events.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use secrecy::SecretString;

use super::clients::Place;
use super::decoder::{Answer, Decoder};
use super::error::request_id;
use super::http::{Http, error_chain, read_body};
use super::sse::{Frame, Frames, ReadError};
use super::{ErrorKind, Event, EventStream, ProviderError, ProviderName};

/// The events of a response that has started.
pub(super) async fn read<D: Decoder>(
    http: &Http,
    mut response: Response,
    decoder: D,
) -> Result<EventStream, ProviderError> {
    let context = ErrorContext::new(http, &response);
    if content_type(&response).contains("text/html") {
        let message = "a web page came instead of an answer: is the base URL right?";
        return Err(context.apply_to(ProviderError::new(
            http.provider.clone(),
            ErrorKind::Protocol,
            message,
        )));
    }
    if content_type(&response).contains("json") {
        let idle_timeout = http.connection.idle_timeout;
        return match read_body(response, idle_timeout).await {
            Ok(body) => from_json_body(decoder, body, &context),
            Err(broken) => Err(context.apply_to(error(http.provider.clone(), broken))),
        };
    }
    // Taken until the last byte has been read.
    let place = response.extensions_mut().remove::<Place>();
    let body = response.bytes_stream().inspect(move |_| _ = &place);
    Ok(from_stream(body, http.connection.idle_timeout, decoder, context))
}

/// The events of a body of server-sent events.
pub(super) fn from_stream<D, S>(
    body: S,
    idle_timeout: Duration,
    decoder: D,
    context: ErrorContext,
) -> EventStream
where
    D: Decoder,
    S: Stream<Item = reqwest::Result<Bytes>> + Send + Unpin + 'static,
{
    let frames = Frames::new(body, idle_timeout);
    Reader { frames, answer: Answer::new(decoder), context }.fuse().boxed()
}

/// Servers that do not stream respond with one JSON object, which may be just an error.
fn from_json_body<D: Decoder>(
    decoder: D,
    body: String,
    context: &ErrorContext,
) -> Result<EventStream, ProviderError> {
    let mut answer = Answer::new(decoder);
    answer.push(&Frame::Whole(body.into()));
    answer.finish(true, None);
    let mut events: Vec<_> = std::iter::from_fn(|| answer.pop()).collect();
    match events.pop() {
        Some(Err(error)) if events.is_empty() => Err(context.apply_to(error)),
        last => {
            let last = last.map(|event| event.map_err(|error| context.apply_to(error)));
            Ok(stream::iter(events.into_iter().chain(last)).boxed())
        }
    }
}

struct Reader<D, S> {
    frames: Frames<S>,
    answer: Answer<D>,
    context: ErrorContext,
}

impl<D, S> Stream for Reader<D, S>
where
    D: Decoder,
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    type Item = Result<Event, ProviderError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { frames, answer, context } = &mut *self;
        loop {
            if let Some(event) = answer.pop() {
                return Poll::Ready(Some(event.map_err(|error| context.apply_to(error))));
            }
            if answer.has_ended() {
                return frames.poll_drained(cx).map(|()| None);
            }
            let more = match frames.next() {
                Ok(Some(frame)) => {
                    answer.push(&frame);
                    continue;
                }
                Ok(None) => ready!(frames.poll_more(cx)),
                Err(broken) => Err(broken),
            };
            match more {
                Ok(true) => {}
                Ok(false) => answer.finish(false, None),
                Err(broken) => {
                    let error = error(answer.provider(), broken);
                    answer.finish(false, Some(error));
                }
            }
        }
    }
}

fn error(provider: ProviderName, broken: ReadError<reqwest::Error>) -> ProviderError {
    let (kind, message) = match broken {
        ReadError::Transport(cause) => (ErrorKind::Truncated, error_chain(cause)),
        ReadError::Idle => (ErrorKind::Timeout, "nothing came for too long".to_owned()),
        ReadError::TooLarge => (ErrorKind::Protocol, "an event is too large".to_owned()),
    };
    ProviderError::new(provider, kind, &message)
}

/// What an error inside a response needs besides the content of its frame.
#[derive(Default)]
pub(super) struct ErrorContext {
    request_id: Option<Box<str>>,
    api_key: Option<SecretString>,
}

impl ErrorContext {
    fn new(http: &Http, response: &Response) -> Self {
        let request_id = request_id(response.headers());
        Self { request_id, api_key: http.connection.api_key.clone() }
    }

    fn apply_to(&self, mut error: ProviderError) -> ProviderError {
        error.request_id = error.request_id.or_else(|| self.request_id.clone());
        error.without_key(self.api_key.as_ref())
    }
}

fn content_type(response: &Response) -> String {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
