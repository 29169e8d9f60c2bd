//! An answer on its way: it keeps its connection busy until it has been handed over, and a stream of
//! HTTP/2 that nobody reads is reset. Such streams are not seen at the socket, which the others use.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Version;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, sleep, sleep_until};

use super::activity::Activity;

/// The most that is handed over at once on HTTP/2, in bytes: it is kept for a peer that gives leave
/// for a single byte.
const PIECE: usize = 16 << 10;

/// Keeps a connection busy.
pub struct Exchange(Arc<Activity>);

impl Exchange {
    /// Begins with a request's head.
    pub fn begin(activity: Arc<Activity>, version: Version) -> Self {
        activity.request_started(version);
        Self(activity)
    }

    /// The answer's body, with which it ends.
    pub fn attach_to(self, body: Body) -> ResponseBody {
        let reader = READER.try_with(Arc::clone).ok();
        if let Some(reader) = &reader {
            reader.has(true);
        }
        ResponseBody { body, rest: Bytes::new(), reader, _exchange: self }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.0.response_finished();
    }
}

/// A body that is being sent.
pub struct ResponseBody {
    body: Body,
    /// What is left of a large frame.
    rest: Bytes,
    /// On HTTP/2, who reads the stream.
    reader: Option<Arc<Reader>>,
    _exchange: Exchange,
}

impl hyper::body::Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(reader) = self.reader.clone() else {
            return Pin::new(&mut self.body).poll_frame(cx);
        };
        reader.has(false);
        if self.rest.is_empty() {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        reader.has(true);
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

tokio::task_local! {
    static READER: Arc<Reader>;
}

/// Whoever reads a stream. Hyper asks for more only when it has leave to send.
#[derive(Default)]
struct Reader {
    /// Since when it has something to take.
    since: Mutex<Option<Instant>>,
}

impl Reader {
    fn has(&self, something: bool) {
        let since = something.then(Instant::now);
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Completes when nothing has been taken for so long.
    async fn stopped(&self, limit: Duration) {
        loop {
            let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
            match since.map(|since| since + limit) {
                None => sleep(limit).await,
                Some(due) if due > Instant::now() => sleep_until(due).await,
                Some(_) => return,
            }
        }
    }
}

/// Runs the streams of an HTTP/2 connection.
#[derive(Clone)]
pub struct Streams {
    /// How long the peer may take nothing of a stream.
    pub limit: Duration,
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let limit = self.limit;
        let reader = Arc::new(Reader::default());
        tokio::spawn(READER.scope(reader.clone(), async move {
            // Dropped before its end, a stream is reset.
            tokio::select! {
                _ = stream => {}
                () = reader.stopped(limit) => tracing::debug!("nobody reads a stream: reset"),
            }
        }));
    }
}
