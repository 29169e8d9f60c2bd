//! The body of a request, which records whether the connection waits for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::activity::Activity;

/// The body of a request.
pub struct RequestBody {
    body: Incoming,
    activity: Arc<Activity>,
    is_waiting: bool,
    is_unread: bool,
}

impl RequestBody {
    /// The body of a request on this connection.
    pub fn new(body: Incoming, activity: Arc<Activity>) -> Self {
        let mut body = Self { body, activity, is_waiting: false, is_unread: false };
        let is_unread = !body.is_end_stream();
        body.unread(is_unread);
        body
    }

    fn unread(&mut self, is_unread: bool) {
        if is_unread != self.is_unread {
            self.is_unread = is_unread;
            self.activity.set_unread_body(is_unread);
        }
    }

    fn waits(&mut self, is_waiting: bool) {
        if is_waiting != self.is_waiting {
            self.is_waiting = is_waiting;
            self.activity.set_waiting_for_body(is_waiting);
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.waits(frame.is_pending());
        let is_read = matches!(frame, Poll::Ready(None)) || self.is_end_stream();
        self.unread(!is_read);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.waits(false);
    }
}
