//! Reads a provider's response as a stream of events.

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
    // Boxed, because it moves with each event.
    let reader = Box::new(Reader { frames, answer: Answer::new(decoder), context });
    let events = stream::unfold(reader, |mut reader| async move {
        reader.next().await.map(|event| (event, reader))
    });
    events.fuse().boxed()
}

/// Servers that do not stream respond with one JSON object, which may be just an error.
fn from_json_body<D: Decoder>(
    decoder: D,
    body: String,
    context: &ErrorContext,
) -> Result<EventStream, ProviderError> {
    let mut answer = Answer::new(decoder);
    answer.push(&Frame::Whole(body));
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

impl<D, S> Reader<D, S>
where
    D: Decoder,
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    async fn next(&mut self) -> Option<Result<Event, ProviderError>> {
        loop {
            if let Some(event) = self.answer.pop() {
                return Some(event.map_err(|error| self.context.apply_to(error)));
            }
            if self.answer.has_ended() {
                self.frames.drain().await;
                return None;
            }
            match self.frames.next().await {
                Ok(Some(frame)) => self.answer.push(&frame),
                Ok(None) => self.answer.finish(false, None),
                Err(broken) => {
                    let error = error(self.answer.provider(), broken);
                    self.answer.finish(false, Some(error));
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
