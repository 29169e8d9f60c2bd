//! Decodes the frames of a Messages response into events.

use super::blocks::Blocks;
use super::name::NAME;
use super::usage::UsageTotals;
use super::wire::Frame;
use crate::decoder::{self, Events, Flow};
use crate::{Event, FinishReason, ProviderError, ProviderName, Usage, lenient};

/// The state of decoding one answer.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    blocks: Blocks,
    totals: UsageTotals,
    has_started: bool,
    stop_reason: Option<String>,
}

impl decoder::Decoder for Decoder {
    fn provider(&self) -> ProviderName {
        NAME
    }

    type Frame<'a> = Frame<'a>;

    fn accept(
        &mut self,
        frame: Frame<'_>,
        json: &str,
        events: &mut Events,
    ) -> Result<Flow, ProviderError> {
        if frame.kind == "error" || frame.error.is_some_and(lenient::is_something) {
            return Err(ProviderError::reported(NAME, json));
        }
        let at = frame.index.unwrap_or(0);
        match (frame.kind.as_ref(), frame.content_block) {
            ("message_start", _) => self.begin(frame, events),
            ("content_block_start", Some(block)) => self.blocks.start(at, block, events)?,
            ("content_block_delta", _) => {
                frame.delta.map_or(Ok(()), |delta| self.blocks.delta(at, delta, events))?;
            }
            ("content_block_stop", _) => self.blocks.stop(at, events),
            ("message_delta", _) => self.message_delta(frame),
            ("message_stop", _) => return Ok(Flow::Done),
            ("message", _) => {
                self.message(frame, events)?;
                return Ok(Flow::Done);
            }
            _ => {}
        }
        Ok(Flow::Continue)
    }

    fn usage(&mut self) -> Option<Usage> {
        self.totals.take()
    }

    /// `message_stop` ends an answer. Without it, an answer is still complete if a stop reason arrived
    /// after the last block.
    fn finish(&mut self, marked: bool, events: &mut Events) -> Option<FinishReason> {
        let is_whole = self.stop_reason.is_some() && self.blocks.are_closed();
        if !self.has_started || !(marked || is_whole) {
            return None;
        }
        self.blocks.finish(events);
        let reason = self.stop_reason.take();
        let reason = reason.as_deref().map_or(FinishReason::Stop, finish_reason);
        Some(reason.given_calls(self.blocks.any_calls()))
    }
}

impl Decoder {
    /// The usage is emitted as soon as it is known, in case the answer is cut off.
    fn begin(&mut self, frame: Frame<'_>, events: &mut Events) {
        self.has_started = true;
        if let Some(usage) = frame.message.and_then(|message| message.usage) {
            self.totals.merge(usage.get());
            events.extend(self.totals.take().map(Event::Usage));
        }
    }

    fn message_delta(&mut self, frame: Frame<'_>) {
        if let Some(usage) = frame.usage {
            self.totals.merge(usage.get());
        }
        if let Some(reason) = frame.delta.and_then(|delta| delta.stop_reason) {
            self.stop_reason = Some(reason);
        }
    }

    /// A complete message, as in a response that is not streamed.
    fn message(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), ProviderError> {
        self.has_started = true;
        for (at, block) in frame.content.into_iter().flatten().enumerate() {
            self.blocks.start(at, block, events)?;
            self.blocks.stop(at, events);
        }
        if let Some(usage) = frame.usage {
            self.totals.merge(usage.get());
        }
        self.stop_reason = frame.stop_reason;
        Ok(())
    }
}

fn finish_reason(word: &str) -> FinishReason {
    match word {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence,
        "tool_use" => FinishReason::ToolCalls,
        "max_tokens" => FinishReason::Length,
        "model_context_window_exceeded" => FinishReason::ContextWindow,
        "refusal" => FinishReason::Refusal,
        "pause_turn" => FinishReason::Paused,
        _ => FinishReason::other(word),
    }
}
