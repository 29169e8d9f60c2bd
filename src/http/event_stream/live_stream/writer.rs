//! Writes an answer to a connection, for the answer's task and for the connection's.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Instant;

use crate::agent::{Answer, Subscriber, TURN};
use crate::http::event_stream::body_writer::BodyWriter;
use crate::http::event_stream::encoder::Encoder;
use crate::http::event_stream::ping::{PING, PING_INTERVAL};

/// What the two tasks share. Everything is encoded and written by whoever holds it, so the pieces keep their order.
pub(super) struct Writer<E>(Mutex<State<E>>);

struct State<E> {
    encoder: E,
    body: Arc<dyn BodyWriter>,
    /// The system has not taken all of it: the connection's task sends the rest before anything else is written.
    is_full: bool,
    /// The connection's task, which waits for something to do.
    waker: Option<Waker>,
    is_woken: bool,
    /// The answer's task calls it with each change.
    is_subscribed: bool,
    written_at: Instant,
}

/// What the connection's task has written.
pub(super) enum Written {
    /// A piece, and there may be more.
    Piece,
    /// Nothing, until the answer changes or the task is woken.
    Nothing { is_subscribed: bool },
    /// Everything.
    End,
}

impl<E> Writer<E> {
    pub(super) fn new(encoder: E, body: Arc<dyn BodyWriter>) -> Self {
        Self(Mutex::new(State {
            encoder,
            body,
            is_full: false,
            waker: None,
            is_woken: false,
            is_subscribed: false,
            written_at: Instant::now(),
        }))
    }

    /// Completes when there is something for the connection's task to do.
    pub(super) async fn woken(&self) {
        poll_fn(|cx| self.poll_woken(cx)).await;
    }

    fn poll_woken(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if std::mem::take(&mut state.is_woken) {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Says something if nothing was written for long. When something was written last.
    pub(super) fn ping(&self) -> Instant {
        let mut state = self.state();
        if state.written_at.elapsed() >= PING_INTERVAL && !state.is_full {
            state.put(PING);
        }
        state.written_at
    }

    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Encoder> Writer<E> {
    /// Writes what is next, for the connection's task, after everything before was sent. If that is nothing, the
    /// answer's task may write from now on, where it can still be subscribed to.
    pub(super) fn write_next(&self, answer: &Answer, subscribe: impl FnOnce() -> bool) -> Written {
        let mut state = self.state();
        state.is_full = false;
        if state.encoder.is_at_end() {
            return Written::End;
        }
        let mut piece = Vec::new();
        state.encoder.encode(answer, &mut piece);
        if !piece.is_empty() {
            state.put(&piece);
            return Written::Piece;
        }
        state.is_subscribed = state.is_subscribed || subscribe();
        Written::Nothing { is_subscribed: state.is_subscribed }
    }
}

impl<E> State<E> {
    /// Whether all of a piece was sent.
    fn put(&mut self, piece: &[u8]) -> bool {
        self.written_at = Instant::now();
        self.is_full = !self.body.write(piece);
        !self.is_full
    }

    fn wake(&mut self) {
        self.is_woken = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl<E: Encoder> State<E> {
    /// Whether all that is new could be written.
    fn write(&mut self, answer: &Answer, scratch: &mut Vec<u8>) -> bool {
        while !self.is_full {
            scratch.clear();
            self.encoder.encode(answer, scratch);
            if scratch.is_empty() || self.put(scratch) && scratch.len() < TURN {
                return true;
            }
        }
        false
    }
}

impl<E: Encoder> Subscriber<Answer> for Writer<E> {
    fn changed(&self, answer: &Answer, scratch: &mut Vec<u8>) {
        let mut state = self.state();
        // The end of the response is not for us to write.
        if answer.end.is_some() || !state.write(answer, scratch) {
            state.wake();
        }
    }

    fn released(&self) {
        let mut state = self.state();
        state.is_subscribed = false;
        state.wake();
    }
}
