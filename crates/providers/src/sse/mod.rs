//! Parses server-sent events: from the bytes of a body to the text of each event's data.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use clock::IdleTimer;
use futures_util::{Stream, StreamExt};
use memchr::memchr2;
use sse_core::{SseDecoder, SseEvent};
use tokio::time::{Sleep, sleep};

/// Maximum size of an event: the last event of a Responses stream repeats the whole answer.
pub(super) const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// How long the rest of a body is waited for.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(100);

/// The data of one event.
#[derive(Debug, PartialEq)]
pub(super) enum Frame<'a> {
    /// A complete event.
    Whole(Cow<'a, str>),
    /// Data at the end of the body without the blank line that ends an event. Some small servers omit
    /// it, and broken connections look the same.
    Unterminated(Cow<'a, str>),
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
    /// The decoder has nothing of the next event yet.
    is_between_events: bool,
    chunk: Bytes,
    /// How much of the chunk is the event that was handed out last.
    handed_out: usize,
    ended: bool,
    drained: Option<Pin<Box<Sleep>>>,
}

impl<S, E> Frames<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    pub fn new(body: S, idle_timeout: Duration) -> Self {
        let limit = NonZeroUsize::new(MAX_EVENT_BYTES).unwrap_or(NonZeroUsize::MIN);
        let decoder = SseDecoder::with_limit(limit);
        let idle = IdleTimer::new(idle_timeout);
        Self {
            body,
            idle,
            decoder,
            is_between_events: false,
            chunk: Bytes::new(),
            handed_out: 0,
            ended: false,
            drained: None,
        }
    }

    /// The next event of what has arrived.
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, ReadError<E>> {
        let frame = if self.ended { Frame::Unterminated } else { Frame::Whole };
        self.chunk.advance(std::mem::take(&mut self.handed_out));
        if self.is_between_events
            && let Some((data, end)) = plain_event(&self.chunk)
        {
            self.handed_out = end;
            let data = &self.chunk[data];
            // The lossy reading goes character by character.
            let data =
                str::from_utf8(data).map_or_else(|_| String::from_utf8_lossy(data), Cow::Borrowed);
            return Ok(Some(frame(data)));
        }
        if !self.chunk.is_empty() {
            self.is_between_events = false;
        }
        while let Some(event) = self.decoder.next(&mut self.chunk) {
            if let SseEvent::Message(message) = event.map_err(|_| ReadError::TooLarge)? {
                self.is_between_events = true;
                return Ok(Some(frame(Cow::Owned(message.data))));
            }
        }
        // Even an empty piece keeps the buffer that it was cut from.
        self.chunk = Bytes::new();
        Ok(None)
    }

    /// Waits for more of the body; false if that has ended.
    pub fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, ReadError<E>>> {
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        let Poll::Ready(chunk) = self.body.poll_next_unpin(cx) else {
            return self.idle.poll_expired(cx).map(|()| Err(ReadError::Idle));
        };
        self.idle.restart();
        match chunk {
            Some(chunk) => self.chunk = chunk.map_err(ReadError::Transport)?,
            None => self.end(),
        }
        Poll::Ready(Ok(true))
    }

    /// Reads the rest of the body for a short time: a connection can be reused only if its body was
    /// read to its end.
    pub fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(chunk) = self.body.poll_next_unpin(cx) {
            if !matches!(chunk, Some(Ok(_))) {
                return Poll::Ready(());
            }
        }
        self.drained.get_or_insert_with(|| Box::pin(sleep(DRAIN_TIMEOUT))).as_mut().poll(cx)
    }

    /// Two line ends dispatch whatever is pending.
    fn end(&mut self) {
        self.ended = true;
        self.chunk = Bytes::from_static(b"\n\n");
    }
}

/// Where the data of the event is that these bytes begin with, and where the event ends; none unless it is whole
/// and has one line of data, after its name at most, as nearly all have.
fn plain_event(bytes: &[u8]) -> Option<(Range<usize>, usize)> {
    let line_end = |start: usize| Some(start + memchr2(b'\n', b'\r', &bytes[start..])?);
    let name_end = if bytes.starts_with(b"event: ") { line_end(0)? + 1 } else { 0 };
    let start = name_end + bytes[name_end..].strip_prefix(b"data: ").map(|_| b"data: ".len())?;
    let end = line_end(start)?;
    let is_plain = end > start && (name_end == 0 || bytes[name_end - 1] == b'\n');
    (is_plain && bytes[end..].starts_with(b"\n\n")).then_some((start..end, end + 2))
}

#[cfg(test)]
mod tests;
