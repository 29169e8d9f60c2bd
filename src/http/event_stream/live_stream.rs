//! A listener to an answer. As long as it keeps up, what is new is written to its connection by the task that
//! writes the answer; else the connection's own task is woken and sends what is missing.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::direct::DirectWrite;
use super::encoder::Encoder;
use super::open_stream::OpenStream;
use crate::agent::{Answer, Subscriber};
use crate::clock::IdleTimer;

/// A silent stream says something this often, so that proxies keep it open.
pub const PING_INTERVAL: Duration = Duration::from_secs(15);
/// What it says.
pub const PING: &[u8] = b": ping\n\n";

/// The stream in a response, an extension of it: whoever serves the connection can offer it for direct writing.
#[derive(Clone)]
pub struct LiveStream(Arc<dyn Attach>);

impl LiveStream {
    /// The body is sent over this connection, in chunks of HTTP/1.1 and unchanged.
    pub fn attach(&self, connection: Arc<dyn DirectWrite>) {
        self.0.attach(connection);
    }
}

trait Attach: Send + Sync {
    fn attach(&self, connection: Arc<dyn DirectWrite>);
}

/// A new listener: the stream for its connection, and its pieces for whoever serves that.
pub(super) fn open<E: Encoder>(
    answer: watch::Receiver<Answer>,
    encoder: E,
) -> (LiveStream, impl Stream<Item = Chunk> + Send + 'static) {
    let state = State {
        encoder,
        connection: None,
        waker: None,
        is_woken: false,
        is_subscribed: false,
        written_at: Instant::now(),
    };
    let shared = Arc::new(Shared(Mutex::new(state)));
    let live = LiveStream(shared.clone());
    let silence = IdleTimer::new(PING_INTERVAL);
    // Boxed, because it moves with each piece.
    let listener = Box::new(Listener { answer, shared, silence, _open: OpenStream::new() });
    let chunks = stream::unfold(Some(listener), |listener| async move { listener?.next().await });
    (live, chunks)
}

/// What the tasks of the answer and of the connection share.
struct Shared<E>(Mutex<State<E>>);

struct State<E> {
    encoder: E,
    /// Where it can be written directly, if it can.
    connection: Option<Arc<dyn DirectWrite>>,
    /// The connection's task, which waits for something that is not written directly.
    waker: Option<Waker>,
    is_woken: bool,
    /// The answer's task calls it with each change.
    is_subscribed: bool,
    /// When something was written directly.
    written_at: Instant,
}

impl<E> Shared<E> {
    fn state(&self) -> MutexGuard<'_, State<E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes when there is something for the connection's task to do.
    fn poll_woken(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if std::mem::take(&mut state.is_woken) {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<E> State<E> {
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
        let Some(connection) = self.connection.as_ref().filter(|other| other.is_open()) else {
            return false;
        };
        loop {
            scratch.clear();
            self.encoder.encode(answer, scratch);
            if scratch.is_empty() {
                return true;
            }
            self.written_at = Instant::now();
            if !connection.write(scratch) {
                return false;
            }
        }
    }
}

impl<E: Encoder> Subscriber<Answer> for Shared<E> {
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

impl<E: Send> Attach for Shared<E> {
    fn attach(&self, connection: Arc<dyn DirectWrite>) {
        self.state().connection = Some(connection);
    }
}

struct Listener<E> {
    answer: watch::Receiver<Answer>,
    shared: Arc<Shared<E>>,
    silence: IdleTimer,
    _open: OpenStream,
}

type Chunk = io::Result<Bytes>;

impl<E: Encoder> Listener<E> {
    /// The next bytes and, unless they are the last, the listener.
    async fn next(mut self: Box<Self>) -> Option<(Chunk, Option<Box<Self>>)> {
        loop {
            match self.take_news() {
                News::End => return None,
                News::Bytes(bytes) => {
                    self.silence.restart();
                    return Some((Ok(bytes.into()), Some(self)));
                }
                News::None { is_subscribed } => {
                    let Self { answer, shared, silence, .. } = &mut *self;
                    tokio::select! {
                        biased;
                        changed = answer.changed(), if !is_subscribed => if changed.is_err() {
                            let broken = io::Error::other("the generation is gone without an end");
                            return Some((Err(broken), None));
                        },
                        () = poll_fn(|cx| shared.poll_woken(cx)), if is_subscribed => {}
                        () = silence.expired() => if self.is_silent() {
                            return Some((Ok(Bytes::from_static(PING)), Some(self)));
                        }
                    }
                }
            }
        }
    }

    /// What is to be sent by the connection's task, which takes the connection back for that.
    fn take_news(&mut self) -> News {
        let answer = self.answer.borrow_and_update();
        let mut state = self.shared.state();
        if let Some(connection) = &state.connection {
            connection.close();
        }
        if state.encoder.is_at_end() {
            return News::End;
        }
        let mut bytes = Vec::new();
        state.encoder.encode(&answer, &mut bytes);
        if !bytes.is_empty() {
            return News::Bytes(bytes);
        }
        if !state.is_subscribed && state.connection.is_some() {
            let subscriber: Weak<Shared<E>> = Arc::downgrade(&self.shared);
            state.is_subscribed = answer.subscribe(subscriber);
        }
        if let Some(connection) = state.connection.as_ref().filter(|_| state.is_subscribed) {
            connection.arm();
        }
        News::None { is_subscribed: state.is_subscribed }
    }

    /// Whether nothing was written for long, directly either.
    fn is_silent(&mut self) -> bool {
        let state = self.shared.state();
        let is_silent = state.written_at.elapsed() >= PING_INTERVAL;
        if is_silent {
            if let Some(connection) = &state.connection {
                connection.close();
            }
            self.silence.restart();
        } else {
            self.silence.restart_at(state.written_at);
        }
        is_silent
    }
}

enum News {
    Bytes(Vec<u8>),
    /// Nothing, until the answer changes or the listener is woken.
    None {
        is_subscribed: bool,
    },
    End,
}

#[cfg(test)]
mod tests;
