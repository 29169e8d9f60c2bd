//! A stream as the response of an HTTP/1.1 connection: hyper sends its head, and then gives the connection up.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::Frame;
use hyper::header::CONNECTION;
use hyper::{HeaderMap, Method, Request, Response, Version};

use super::activity::Activity;
use super::response_body::{Exchange, ResponseBody};
use super::sender::Sender;
use crate::http::event_stream::{Live, LiveStream};

/// The stream that is the response to the request under way, if it is one.
#[derive(Clone, Default)]
pub struct PendingStream(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stream: Option<Stream>,
    /// Hyper asks for the body: it has written the head.
    has_head: bool,
}

/// A stream whose head is sent.
pub struct Stream {
    /// What writes it.
    pub live: Box<dyn Live>,
    /// Whether the next request may follow on the same connection.
    pub keeps_alive: bool,
    _exchange: Exchange,
}

/// A request whose response may be a stream.
pub struct MayStream {
    pending: PendingStream,
    activity: Arc<Activity>,
    keeps_alive: bool,
}

impl PendingStream {
    /// What a request needs whose response may be one: it must be in chunks.
    pub fn of<B>(&self, request: &Request<B>, activity: &Arc<Activity>) -> Option<MayStream> {
        let is_chunked = request.version() == Version::HTTP_11 && request.method() != Method::HEAD;
        is_chunked.then(|| MayStream {
            pending: self.clone(),
            activity: activity.clone(),
            keeps_alive: keeps_alive(request.headers()),
        })
    }

    /// The stream, once its head is sent.
    pub fn take(&self, sender: &Sender) -> Option<Stream> {
        let mut state = self.state();
        if state.has_head && sender.is_flushed() { state.stream.take() } else { None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MayStream {
    /// The response for hyper.
    pub fn respond(
        self,
        mut response: Response<Body>,
        exchange: Exchange,
    ) -> Response<ResponseBody> {
        let live = response.extensions_mut().remove::<LiveStream>();
        // Hyper reads the rest of the request, or closes the connection.
        let live = live.filter(|_| !self.activity.has_unread_body());
        let Some(live) = live.and_then(|live| live.take()) else {
            return response.map(|body| exchange.attach_to(body));
        };
        let keeps_alive = self.keeps_alive && keeps_alive(response.headers());
        let stream = Stream { live, keeps_alive, _exchange: exchange };
        *self.pending.state() = State { stream: Some(stream), has_head: false };
        response.map(|_| ResponseBody::detached(Body::new(Elsewhere(self.pending))))
    }
}

/// A body that is written elsewhere: hyper waits for it in vain.
struct Elsewhere(PendingStream);

impl HttpBody for Elsewhere {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.0.state().has_head = true;
        Poll::Pending
    }
}

/// Whether these headers of HTTP/1.1 allow another request on the connection.
fn keeps_alive(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONNECTION).iter();
    !values
        .any(|value| value.as_bytes().to_ascii_lowercase().windows(5).any(|word| word == b"close"))
}
