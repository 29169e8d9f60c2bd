//! The HTTP client below the protocol's library: it bounds what a server may send, and finds what the library
//! would wait for in vain.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::{ClientJsonRpcMessage, RequestId, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
    StreamableHttpResponseLimits,
};
use sse_stream::Sse;

/// The longest JSON answer, and the longest event of a stream, decompressed.
pub(super) const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// The longest stream of one request.
const MAX_STREAM_BYTES: usize = 8 << 20;
/// The most events of one request: notifications, and the result.
const MAX_STREAM_EVENTS: usize = 1_000;

/// Why a request has no answer. The library's own errors are words for programmers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No connection was made: nothing has happened.
    NotSent,
    /// The server wants another sign-in; its challenge.
    Unauthorized(String),
    /// The server allows less than the request needs; its challenge.
    Forbidden(String),
    /// The server refused the request with this status.
    Status(u16),
    /// The server has forgotten the session, twice.
    SessionLost,
    /// The answer is too long, or has too many parts.
    TooLarge,
    /// There are too many connections.
    TooMany,
    /// The answer is none of the protocol's.
    Unreadable,
    /// The connection broke.
    Broken,
}

/// How many failures a connection keeps.
const MAX_FAILURES: usize = 64;

/// The failures of a connection's requests, until somebody asks.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<VecDeque<(RequestId, Failure)>>);

impl Failures {
    /// Takes the failure of a request.
    pub(super) fn take(&self, id: &RequestId) -> Option<Failure> {
        let mut failures = self.lock();
        let at = failures.iter().position(|(of, _)| of == id)?;
        failures.remove(at).map(|(_, failure)| failure)
    }

    /// Takes the last one.
    pub(super) fn take_last(&self) -> Option<Failure> {
        self.lock().pop_back().map(|(_, failure)| failure)
    }

    fn note(&self, id: Option<&RequestId>, failure: Failure) {
        let Some(id) = id else { return };
        let mut failures = self.lock();
        // The oldest ones are of requests that nobody waits for any more.
        if failures.len() == MAX_FAILURES {
            failures.pop_front();
        }
        failures.push_back((id.clone(), failure));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(RequestId, Failure)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bounded client of one connection.
#[derive(Clone, Debug)]
pub(super) struct BoundedClient {
    pub(super) http: reqwest::Client,
    pub(super) failures: Arc<Failures>,
}

type Headers = HashMap<HeaderName, HeaderValue>;
type Error = StreamableHttpError<reqwest::Error>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

impl StreamableHttpClient for BoundedClient {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Error> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(uri, message, session, token, headers, limits).await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: Headers,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, Error> {
        let id = match &message {
            ClientJsonRpcMessage::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        let has_session = session.is_some();
        let http = &self.http;
        let answer = http
            .post_message_with_response_limits(uri, message, session, token, headers, limits)
            .await;
        let answer = match (answer, &id) {
            (Ok(StreamableHttpPostResponse::Json(message, session)), Some(id)) => {
                correlated(message, id, has_session)
                    .map(|message| StreamableHttpPostResponse::Json(message, session))
            }
            (Ok(StreamableHttpPostResponse::Sse(events, session)), id) => {
                let events = self.bounded(events, id.clone());
                Ok(StreamableHttpPostResponse::Sse(events, session))
            }
            // What the server would say elsewhere is not listened to.
            (Ok(StreamableHttpPostResponse::Accepted), Some(_)) => {
                Err(StreamableHttpError::UnexpectedServerResponse("no answer".into()))
            }
            (answer, _) => answer,
        };
        answer.inspect_err(|error| self.failures.note(id.as_ref(), failure(error)))
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<(), Error> {
        // Nobody waits for it, and a server may have forgotten the session.
        let _ = self.http.delete_session(uri, session, token, headers).await;
        Ok(())
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event_id: Option<String>,
        token: Option<String>,
        headers: Headers,
    ) -> Result<Events, Error> {
        self.get_stream_with_max_sse_event_size(
            uri,
            session,
            last_event_id,
            token,
            headers,
            MAX_MESSAGE_BYTES,
        )
        .await
    }

    /// Only to go on with the stream of a request. What a server says unasked would cost a connection for
    /// each user.
    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last_event_id: Option<String>,
        token: Option<String>,
        headers: Headers,
        max: usize,
    ) -> Result<Events, Error> {
        if last_event_id.is_none() {
            return Err(StreamableHttpError::ServerDoesNotSupportSse);
        }
        let http = &self.http;
        let events = http
            .get_stream_with_max_sse_event_size(uri, session, last_event_id, token, headers, max)
            .await?;
        Ok(self.bounded(events, None))
    }
}

impl BoundedClient {
    /// The events until they are too many or too long.
    fn bounded(&self, events: Events, id: Option<RequestId>) -> Events {
        let failures = self.failures.clone();
        let (mut count, mut bytes) = (0, 0);
        let bounded = events.map(move |event| {
            let event = event.inspect_err(|error| {
                let failure = match error.to_string().contains("maximum size") {
                    true => Failure::TooLarge,
                    false => Failure::Broken,
                };
                failures.note(id.as_ref(), failure);
            })?;
            count += 1;
            bytes += event.data.as_ref().map_or(0, String::len);
            if count > MAX_STREAM_EVENTS || bytes > MAX_STREAM_BYTES {
                failures.note(id.as_ref(), Failure::TooLarge);
                return Err(SseError::Body("the stream is too long".into()));
            }
            Ok(event)
        });
        // Past an error there is nothing: a stream that is too long is not read further.
        let mut has_failed = false;
        let until_error = bounded.take_while(move |event| {
            let goes_on = !has_failed;
            has_failed = event.is_err();
            std::future::ready(goes_on)
        });
        until_error.boxed()
    }
}

/// The answer, if it is the one to this request. A refusal without an id, with which servers answer what they
/// cannot assign, is one: the library would wait for another. With a session it is taken for a lost one, as
/// after a restart of the server, and the request is made once more in a new session.
fn correlated(
    message: ServerJsonRpcMessage,
    id: &RequestId,
    has_session: bool,
) -> Result<ServerJsonRpcMessage, Error> {
    let is_same = |other: &RequestId| other == id || other.to_string() == id.to_string();
    match message {
        ServerJsonRpcMessage::Error(error) if error.id.is_none() && has_session => {
            Err(StreamableHttpError::SessionExpired)
        }
        ServerJsonRpcMessage::Error(error) if error.id.as_ref().is_none_or(is_same) => {
            Ok(ServerJsonRpcMessage::error(error.error, Some(id.clone())))
        }
        ServerJsonRpcMessage::Response(mut response) if is_same(&response.id) => {
            response.id = id.clone();
            Ok(ServerJsonRpcMessage::Response(response))
        }
        _ => Err(StreamableHttpError::UnexpectedServerResponse("not the answer to this".into())),
    }
}

fn failure(error: &Error) -> Failure {
    match error {
        StreamableHttpError::Client(error) if error.is_connect() || error.is_builder() => {
            Failure::NotSent
        }
        StreamableHttpError::AuthRequired(error) => {
            Failure::Unauthorized(error.www_authenticate_header.clone())
        }
        StreamableHttpError::InsufficientScope(error) => {
            Failure::Forbidden(error.www_authenticate_header.clone())
        }
        StreamableHttpError::HttpStatus(error) => Failure::Status(error.status),
        StreamableHttpError::SessionExpired => Failure::SessionLost,
        StreamableHttpError::ResponseBodyTooLarge { .. } => Failure::TooLarge,
        StreamableHttpError::UnexpectedServerResponse(text) => status_of(text),
        StreamableHttpError::UnexpectedContentType(_) | StreamableHttpError::Deserialize(_) => {
            Failure::Unreadable
        }
        _ => Failure::Broken,
    }
}

/// The library says `HTTP 400 Bad Request: …` for a refusal that is none of the protocol's.
fn status_of(text: &str) -> Failure {
    let status = text.strip_prefix("HTTP ").and_then(|text| text.get(..3)?.parse().ok());
    match status {
        Some(401) => Failure::Unauthorized(String::new()),
        Some(status) => Failure::Status(status),
        None => Failure::Unreadable,
    }
}
