//! The body of a response: its connection is in use until it is sent. An HTTP/2 stream that the peer does
//! not read is reset here, because the socket does not show it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Version;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, sleep, sleep_until};

use super::activity::Activity;

/// The largest frame on HTTP/2, in bytes: a whole one is buffered even for a window of one byte.
const MAX_FRAME_BYTES: usize = 16 << 10;

/// A request and its response, during which the connection is in use.
pub struct Exchange(Arc<Activity>);

impl Exchange {
    /// Begins when the head of a request was received.
    pub fn begin(activity: Arc<Activity>, version: Version) -> Self {
        activity.request_started(version);
        Self(activity)
    }

    /// The response body, with which the exchange ends.
    pub fn attach_to(self, body: Body) -> ResponseBody {
        let reader = READER.try_with(Arc::clone).ok();
        if let Some(reader) = &reader {
            reader.has(true);
        }
        ResponseBody { body, rest: Bytes::new(), reader, _exchange: Some(self) }
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
    /// The rest of a large frame.
    rest: Bytes,
    /// The reader of the stream, on HTTP/2.
    reader: Option<Arc<Reader>>,
    /// None where it ends with something else.
    _exchange: Option<Exchange>,
}

impl ResponseBody {
    /// A body that is no exchange of its own.
    pub fn detached(body: Body) -> Self {
        Self { body, rest: Bytes::new(), reader: None, _exchange: None }
    }
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
        let length = self.rest.len().min(MAX_FRAME_BYTES);
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

/// The peer of an HTTP/2 stream. Hyper polls for more only when the window allows it.
#[derive(Default)]
struct Reader {
    /// Since when data has been waiting for it.
    since: Mutex<Option<Instant>>,
}

impl Reader {
    fn has(&self, something: bool) {
        let since = something.then(Instant::now);
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Completes when no data was accepted for this long.
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
    /// How long the peer may accept no data of a stream.
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
