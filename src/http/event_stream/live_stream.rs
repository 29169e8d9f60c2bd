//! A listener to an answer. As long as it keeps up, what is new is written to its connection by the task that
//! writes the answer; else the connection's own task is woken and writes what is missing.

mod writer;

use std::io;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;

use self::writer::{Writer, Written};
use super::body_writer::BodyWriter;
use super::encoder::Encoder;
use super::open_stream::OpenStream;
use super::ping::{PING, PING_INTERVAL};
use crate::agent::Answer;
use crate::clock::IdleTimer;

/// The stream in a response, an extension of it: whoever serves the connection can take it out of the body and
/// write it to the connection.
#[derive(Clone)]
pub struct LiveStream(Arc<dyn Take>);

impl LiveStream {
    /// The stream, unless it is being read from the body, which is empty from now on.
    pub fn take(&self) -> Option<Box<dyn Live>> {
        self.0.take()
    }
}

/// A stream that is not being read yet.
pub trait Live: Send {
    /// Writes all of it.
    fn write_to(self: Box<Self>, body: Arc<dyn BodyWriter>) -> BoxFuture<'static, io::Result<()>>;
}

trait Take: Send + Sync {
    fn take(&self) -> Option<Box<dyn Live>>;
}

/// A new listener: the stream for its connection, and the same in pieces for a body.
pub(super) fn open<E: Encoder>(
    answer: watch::Receiver<Answer>,
    encoder: E,
) -> (LiveStream, impl Stream<Item = Chunk> + Send + 'static) {
    let silence = IdleTimer::new(PING_INTERVAL);
    // Boxed, because it moves with each piece.
    let listener = Box::new(Listener { answer, encoder, silence, _open: OpenStream::new() });
    let unread = Arc::new(Unread(Mutex::new(Some(listener))));
    let live = LiveStream(unread.clone());
    let chunks = stream::unfold(None, move |listener: Option<Box<Listener<E>>>| {
        let listener = listener.or_else(|| unread.take_listener());
        async move { listener?.next().await }
    });
    (live, chunks)
}

struct Unread<E>(Mutex<Option<Box<Listener<E>>>>);

impl<E> Unread<E> {
    fn take_listener(&self) -> Option<Box<Listener<E>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<E: Encoder> Take for Unread<E> {
    fn take(&self) -> Option<Box<dyn Live>> {
        Some(self.take_listener()?)
    }
}

struct Listener<E> {
    answer: watch::Receiver<Answer>,
    encoder: E,
    silence: IdleTimer,
    _open: OpenStream,
}

type Chunk = io::Result<Bytes>;

impl<E: Encoder> Listener<E> {
    /// The next bytes and the listener; none after the end.
    async fn next(mut self: Box<Self>) -> Option<(Chunk, Option<Box<Self>>)> {
        loop {
            if self.encoder.is_at_end() {
                return None;
            }
            let mut bytes = Vec::new();
            self.encoder.encode(&self.answer.borrow_and_update(), &mut bytes);
            if !bytes.is_empty() {
                self.silence.restart();
                return Some((Ok(bytes.into()), Some(self)));
            }
            tokio::select! {
                biased;
                changed = self.answer.changed() => if changed.is_err() {
                    return Some((Err(broken()), None));
                },
                () = self.silence.expired() => {
                    self.silence.restart();
                    return Some((Ok(Bytes::from_static(PING)), Some(self)));
                }
            }
        }
    }
}

impl<E: Encoder> Live for Listener<E> {
    fn write_to(self: Box<Self>, body: Arc<dyn BodyWriter>) -> BoxFuture<'static, io::Result<()>> {
        let Self { mut answer, encoder, mut silence, _open: open } = *self;
        async move {
            let _open = open;
            // Dropped before `answer`, which counts it as a listener.
            let writer = Arc::new(Writer::new(encoder, body.clone()));
            loop {
                std::future::poll_fn(|cx| body.poll_sent(cx)).await?;
                let written = {
                    let answer = answer.borrow_and_update();
                    let subscriber: Weak<Writer<E>> = Arc::downgrade(&writer);
                    writer.write_next(&answer, || answer.subscribe(subscriber))
                };
                match written {
                    // A long answer takes several turns.
                    Written::Piece => tokio::task::coop::consume_budget().await,
                    Written::End => return Ok(()),
                    Written::Nothing { is_subscribed } => tokio::select! {
                        biased;
                        changed = answer.changed(), if !is_subscribed => {
                            changed.map_err(|_| broken())?;
                        }
                        () = writer.woken(), if is_subscribed => {}
                        () = silence.expired() => silence.restart_at(writer.ping()),
                    },
                }
            }
        }
        .boxed()
    }
}

fn broken() -> io::Error {
    io::Error::other("the generation is gone without an end")
}

#[cfg(test)]
mod tests;
