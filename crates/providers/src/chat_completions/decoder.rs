//! Decodes the chunks of a Chat Completions response into events.

use super::calls::{self, Calls};
use super::text_chunk::{self, Piece};
use super::usage;
use super::wire::{Choice, Chunk, Delta};
use crate::decoder::{self, Events, Flow};
use crate::{ErrorKind, Event, FinishReason, ProviderError, ProviderName, Usage, lenient};

/// The state of decoding one answer.
#[derive(Debug)]
pub(crate) struct Decoder {
    provider: ProviderName,
    text_chunks: text_chunk::Reader,
    calls: Calls,
    has_started: bool,
    finish_reason: Option<String>,
    has_refused: bool,
    /// The latest usage that could be parsed. Some servers send running totals with every chunk.
    usage: Option<Usage>,
}

impl decoder::Decoder for Decoder {
    fn provider(&self) -> ProviderName {
        self.provider.clone()
    }

    type Frame<'a> = Chunk<'a>;

    fn accept_text(&mut self, json: &str, events: &mut Events) -> bool {
        let Some(pieces) = self.text_chunks.read(json) else { return false };
        self.has_started = true;
        let owned = |piece: Piece<'_>| piece.0.into_owned();
        emit(pieces.reasoning_content.map(owned), Event::Reasoning, events);
        emit(pieces.content.map(owned), Event::Text, events);
        true
    }

    fn accept(
        &mut self,
        chunk: Chunk<'_>,
        json: &str,
        events: &mut Events,
    ) -> Result<Flow, ProviderError> {
        let is_bare_error = chunk.choices.is_none() && chunk.message.is_some();
        if is_bare_error || chunk.error.is_some_and(lenient::is_something) {
            return Err(ProviderError::reported(self.provider.clone(), json));
        }
        let usages = [chunk.usage, chunk.x_groq.and_then(|groq| groq.usage)].into_iter().flatten();
        let usage = usages.filter_map(|usage| usage::read(usage.get())).next();
        self.usage = usage.or(self.usage.take());
        for choice in chunk.choices.into_iter().flatten() {
            if choice.index.unwrap_or(0) == 0 {
                self.choice(choice, json, events)?;
            }
        }
        Ok(Flow::Continue)
    }

    fn usage(&mut self) -> Option<Usage> {
        self.usage.take()
    }

    fn finish(&mut self, marked: bool, events: &mut Events) -> Option<FinishReason> {
        let reason = match self.finish_reason.take() {
            Some(word) => finish_reason(&word),
            None if marked && self.has_started => FinishReason::Stop,
            None => return None,
        };
        self.calls.finish(events);
        Some(match reason {
            FinishReason::Stop if self.has_refused => FinishReason::Refusal,
            reason => reason.given_calls(self.calls.any()),
        })
    }
}

impl Decoder {
    /// The decoder of an answer of this provider.
    pub fn new(provider: ProviderName) -> Self {
        Self {
            calls: Calls::new(provider.clone()),
            provider,
            text_chunks: text_chunk::Reader::default(),
            has_started: false,
            finish_reason: None,
            has_refused: false,
            usage: None,
        }
    }

    fn choice(
        &mut self,
        choice: Choice<'_>,
        json: &str,
        events: &mut Events,
    ) -> Result<(), ProviderError> {
        self.has_started = true;
        let delta = choice.delta.or(choice.message);
        self.delta(delta.unwrap_or_default(), events)?;
        match choice.finish_reason.as_deref() {
            None | Some("") => Ok(()),
            Some("error") => Err(ProviderError::reported(self.provider.clone(), json)),
            Some("insufficient_system_resource") => {
                let word = "insufficient_system_resource";
                Err(ProviderError::new(self.provider.clone(), ErrorKind::Overloaded, word))
            }
            Some(_) => {
                self.finish_reason = choice.finish_reason;
                Ok(())
            }
        }
    }

    fn delta(&mut self, delta: Delta<'_>, events: &mut Events) -> Result<(), ProviderError> {
        let reasoning = [delta.reasoning_content, delta.reasoning, Some(delta.content.thinking)];
        emit(
            reasoning.into_iter().flatten().find(|text| !text.is_empty()),
            Event::Reasoning,
            events,
        );
        emit(Some(delta.content.text), Event::Text, events);
        self.has_refused |= delta.refusal.as_ref().is_some_and(|text| !text.is_empty());
        emit(delta.refusal, Event::Text, events);
        let legacy = delta.function_call.map(calls::legacy);
        for call in delta.tool_calls.into_iter().flatten().chain(legacy) {
            self.calls.accept(call, events)?;
        }
        Ok(())
    }
}

fn emit(text: Option<String>, event: fn(String) -> Event, events: &mut Events) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        events.push_back(event(text));
    }
}

/// Compatible servers have names of their own.
fn finish_reason(word: &str) -> FinishReason {
    match word {
        "stop" | "end_turn" | "eos_token" | "eos" => FinishReason::Stop,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "length" | "max_tokens" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        _ => FinishReason::other(word),
    }
}
