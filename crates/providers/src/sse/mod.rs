//! Parses server-sent events: from the bytes of a body to the text of each event's data.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use clock::IdleTimer;
use futures_util::{Stream, StreamExt};
use sse_core::{SseDecoder, SseEvent};
use tokio::time::timeout;

/// Maximum size of an event: the last event of a Responses stream repeats the whole answer.
pub(super) const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// The data of one event.
#[derive(Debug, PartialEq)]
pub(super) enum Frame {
    /// A complete event.
    Whole(String),
    /// Data at the end of the body without the blank line that ends an event. Some small servers omit
    /// it, and broken connections look the same.
    Unterminated(String),
}

/// Why there are no more events although the body has not ended.
#[derive(Debug)]
pub(super) enum ReadError<E> {
    /// The connection failed.
    Transport(E),
    /// Nothing was received for too long.
    Idle,
    /// An event is larger than [`MAX_EVENT_BYTES`].
    TooLarge,
}

/// The events of one body. Any byte, including those of comments, resets the timeout.
pub(super) struct Frames<S> {
    body: S,
    idle: IdleTimer,
    decoder: SseDecoder,
    chunk: Bytes,
    ended: bool,
}

impl<S, E> Frames<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    pub fn new(body: S, idle_timeout: Duration) -> Self {
        let limit = NonZeroUsize::new(MAX_EVENT_BYTES).unwrap_or(NonZeroUsize::MIN);
        let decoder = SseDecoder::with_limit(limit);
        let idle = IdleTimer::new(idle_timeout);
        Self { body, idle, decoder, chunk: Bytes::new(), ended: false }
    }

    /// The next event, or `None` at the end of the body.
    pub async fn next(&mut self) -> Result<Option<Frame>, ReadError<E>> {
        loop {
            if let Some(data) = self.decoded()? {
                let frame = if self.ended { Frame::Unterminated } else { Frame::Whole };
                return Ok(Some(frame(data)));
            }
            if self.ended {
                return Ok(None);
            }
            let chunk = tokio::select! {
                biased;
                chunk = self.body.next() => chunk,
                () = self.idle.expired() => return Err(ReadError::Idle),
            };
            self.idle.restart();
            match chunk {
                Some(chunk) => self.chunk = chunk.map_err(ReadError::Transport)?,
                None => self.end(),
            }
        }
    }

    /// Reads the rest of the body for a short time: a connection can be reused only if its body was
    /// read to its end.
    pub async fn drain(&mut self) {
        let rest = async { while let Some(Ok(_)) = self.body.next().await {} };
        let _ = timeout(Duration::from_millis(100), rest).await;
    }

    fn decoded(&mut self) -> Result<Option<String>, ReadError<E>> {
        while let Some(event) = self.decoder.next(&mut self.chunk) {
            if let SseEvent::Message(message) = event.map_err(|_| ReadError::TooLarge)? {
                return Ok(Some(message.data));
            }
        }
        // Even an empty piece keeps the buffer that it was cut from.
        self.chunk = Bytes::new();
        Ok(None)
    }

    /// Two line ends dispatch whatever is pending.
    fn end(&mut self) {
        self.ended = true;
        self.chunk = Bytes::from_static(b"\n\n");
    }
}

#[cfg(test)]
mod tests;
