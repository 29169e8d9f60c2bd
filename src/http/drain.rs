//! Request bodies that were not read to their end. An HTTP/1 connection can be reused only after the
//! body, so the rest of a small one is read and discarded; otherwise the connection is closed, and the
//! response says so (`Connection: close`).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, Request, Response, Version};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tower::ServiceExt;

/// The most that is discarded to keep a connection usable, in bytes.
const MAX_BYTES: u64 = 256 << 10;
/// How long discarding may take.
const MAX_TIME: Duration = Duration::from_secs(5);

/// A body that arrives over a connection.
pub trait Incoming: HttpBody<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static {}

impl<B: HttpBody<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static> Incoming for B {}

/// Answers a request that arrived over a connection.
pub async fn answer<B: Incoming>(router: Router, request: Request<B>) -> Response<Body> {
    if request.body().is_end_stream() {
        return routed(router, request.map(|_| Body::empty())).await;
    }
    if request.version() > Version::HTTP_11 {
        return routed(router, request.map(Body::new)).await;
    }
    let closes = Arc::new(AtomicBool::new(false));
    // A client that waits for `100 Continue` has not sent the body, and after a response never will.
    let is_sent = !request.headers().contains_key(EXPECT);
    let drained = |body| Body::new(Drained { body: Some(body), is_sent, closes: closes.clone() });
    let mut response = routed(router, request.map(drained)).await;
    if closes.load(Ordering::Relaxed) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn routed(router: Router, request: Request<Body>) -> Response<Body> {
    match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// A request body that is drained when it is dropped before its end.
struct Drained<B: Incoming> {
    body: Option<B>,
    is_sent: bool,
    /// Set when the rest may be too much to discard.
    closes: Arc<AtomicBool>,
}

impl<B: Incoming> HttpBody for Drained<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl<B: Incoming> Drop for Drained<B> {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        let is_small = body.size_hint().upper().is_some_and(|rest| rest <= MAX_BYTES);
        if !self.is_sent || !is_small {
            self.closes.store(true, Ordering::Relaxed);
        }
        if self.is_sent {
            // A large body is read for a while as well: a client that is still sending when the
            // connection closes may never see the answer.
            tokio::spawn(tokio::time::timeout(MAX_TIME, drain(body)));
        }
    }
}

async fn drain(mut body: impl Incoming) {
    let mut bytes = 0;
    while bytes <= MAX_BYTES {
        match std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => return,
        }
    }
}
