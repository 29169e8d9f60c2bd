//! Decodes a provider's response into the events of its answer, independent of the protocol.

use std::collections::VecDeque;

use serde::Deserialize;

use super::sse::Frame;
use super::surrogates::Surrogates;
use super::{ErrorKind, Event, FinishReason, ProviderError, ProviderName, Usage};

/// The events that a decoder has produced.
pub(super) type Events = VecDeque<Event>;

/// A decoder for one protocol. It does no I/O.
pub(super) trait Decoder: Send + Unpin + 'static {
    /// The type of a frame. A complete JSON response is a frame, too.
    type Frame<'a>: Deserialize<'a>;

    /// The provider that sent the response.
    fn provider(&self) -> ProviderName;

    /// Decodes a frame that holds nothing but a piece of text, as nearly all do, in one pass; false if it
    /// holds more.
    fn accept_text(&mut self, _json: &str, _events: &mut Events) -> bool {
        false
    }

    /// Decodes one frame. `json` is its text.
    fn accept(
        &mut self,
        frame: Self::Frame<'_>,
        json: &str,
        events: &mut Events,
    ) -> Result<Flow, ProviderError>;

    /// The usage so far, unless it has been emitted.
    fn usage(&mut self) -> Option<Usage>;

    /// Called at the end of the response; `marked` is whether the provider marked the end. Emits what
    /// is pending and returns why the model stopped, or `None` if the answer is incomplete.
    fn finish(&mut self, marked: bool, events: &mut Events) -> Option<FinishReason>;
}

/// Whether more of the answer follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// More frames follow.
    Continue,
    /// The end marker of the protocol was received.
    Done,
}

/// Limits the bytes that are buffered for one answer: a provider that never stops must not fill the
/// memory.
#[derive(Debug, Default)]
pub(super) struct SizeBudget(usize);

impl SizeBudget {
    const MAX: usize = 16 * 1024 * 1024;

    /// The overhead of a call or block besides its content. It limits an answer to about a thousand of
    /// them.
    pub const BLOCK: usize = Self::MAX / 1000;

    /// Counts bytes that are buffered.
    pub fn add(&mut self, bytes: usize, provider: &ProviderName) -> Result<(), ProviderError> {
        self.0 += bytes;
        if self.0 <= Self::MAX {
            return Ok(());
        }
        Err(ProviderError::new(provider.clone(), ErrorKind::Protocol, "the answer is too large"))
    }
}

/// An answer while it is read: pending events, and how it ended.
pub(super) struct Answer<D> {
    decoder: D,
    surrogates: Surrogates,
    events: Events,
    error: Option<ProviderError>,
    ended: bool,
}

impl<D: Decoder> Answer<D> {
    pub fn new(decoder: D) -> Self {
        let surrogates = Surrogates::default();
        // Nearly all frames have one, and the room for four is the larger part of the reader.
        let events = Events::with_capacity(1);
        Self { decoder, surrogates, events, error: None, ended: false }
    }

    /// The next event.
    pub fn pop(&mut self) -> Option<Result<Event, ProviderError>> {
        self.events.pop_front().map(Ok).or_else(|| self.error.take().map(Err))
    }

    /// The provider that sent the answer.
    pub fn provider(&self) -> ProviderName {
        self.decoder.provider()
    }

    /// Whether the answer has been read to its end.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    pub fn push(&mut self, frame: &Frame<'_>) {
        let (Frame::Whole(data) | Frame::Unterminated(data)) = frame;
        if data.starts_with("[DONE]") {
            return self.finish(true, None);
        }
        match self.read(data) {
            Ok(Ok(Flow::Continue)) => {}
            Ok(Ok(Flow::Done)) => self.finish(true, None),
            Ok(Err(reported)) => self.fail(reported),
            Err(unreadable) if matches!(frame, Frame::Whole(_)) => {
                // The parser's message may quote the frame, which may contain the model's output.
                let (what, column) = (unreadable.classify(), unreadable.column());
                let message = format!("unreadable frame: {what:?} at column {column}");
                self.fail(ProviderError::new(
                    self.decoder.provider(),
                    ErrorKind::Protocol,
                    &message,
                ));
            }
            Err(_) => {}
        }
    }

    /// The body has ended, normally or by `cause`. An answer that was complete by then remains
    /// complete.
    pub fn finish(&mut self, marked: bool, cause: Option<ProviderError>) {
        if self.ended {
            return;
        }
        match self.decoder.finish(marked, &mut self.events) {
            Some(finish_reason) => self.end(finish_reason, cause),
            None => {
                self.emit_usage();
                self.error = Some(cause.unwrap_or_else(|| {
                    let message = "the stream ended before the answer did";
                    ProviderError::new(self.decoder.provider(), ErrorKind::Truncated, message)
                }));
                self.ended = true;
            }
        }
    }

    fn fail(&mut self, error: ProviderError) {
        self.finish(false, Some(error));
    }

    fn end(&mut self, finish_reason: FinishReason, failed_after: Option<ProviderError>) {
        self.emit_usage();
        let late = failed_after.map(|error| Event::FailedAfterEnd(error.to_string()));
        self.events.extend(late);
        self.events.push_back(Event::End { finish_reason });
        self.ended = true;
    }

    fn emit_usage(&mut self) {
        self.events.extend(self.decoder.usage().map(Event::Usage));
    }

    /// The outer error is JSON that cannot be parsed, the inner one what the provider reports.
    fn read(&mut self, data: &str) -> serde_json::Result<Result<Flow, ProviderError>> {
        if self.decoder.accept_text(data, &mut self.events) {
            return Ok(Ok(Flow::Continue));
        }
        if let Ok(frame) = serde_json::from_str(data) {
            return Ok(self.decoder.accept(frame, data, &mut self.events));
        }
        let repaired = self.surrogates.repair(data);
        let frame = serde_json::from_str(&repaired)?;
        Ok(self.decoder.accept(frame, &repaired, &mut self.events))
    }
}
