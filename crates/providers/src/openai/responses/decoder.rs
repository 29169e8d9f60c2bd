//! Decodes the frames of a response of the Responses API into events.

use serde_json::value::RawValue;

use super::items::Items;
use super::wire::{Frame, Response};
use crate::chat_completions::usage;
use crate::decoder::{self, Events, Flow};
use crate::openai::name::NAME;
use crate::{ErrorKind, FinishReason, ProviderError, ProviderName, Usage, lenient};

/// The state of decoding one answer.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    items: Items,
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
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
        match frame.kind.as_ref() {
            "response.completed" | "response.incomplete" | "response.failed" => {
                frame.response.map_or(Ok(()), |response| self.end(response, events))?;
                Ok(Flow::Done)
            }
            "" if frame.object.as_deref() == Some("response") => {
                serde_json::from_str(json).map_or(Ok(()), |response| self.end(response, events))?;
                Ok(Flow::Done)
            }
            _ => self.grow(frame, events).map(|()| Flow::Continue),
        }
    }

    fn usage(&mut self) -> Option<Usage> {
        self.usage.take()
    }

    fn finish(&mut self, _marked: bool, events: &mut Events) -> Option<FinishReason> {
        let reason = self.finish_reason.take()?;
        self.items.finish(events);
        Some(match reason {
            FinishReason::Stop if self.items.has_refused => FinishReason::Refusal,
            reason => reason.given_calls(self.items.any_calls()),
        })
    }
}

impl Decoder {
    fn grow(&mut self, frame: Frame<'_>, events: &mut Events) -> Result<(), ProviderError> {
        let at = frame.output_index.unwrap_or(0);
        let part = frame.summary_index.or(frame.content_index).unwrap_or(0);
        let kind = frame.kind.strip_prefix("response.").unwrap_or(&frame.kind);
        self.items.has_refused |= kind.starts_with("refusal.");
        match (kind, frame.item) {
            ("output_item.added", Some(item)) => self.items.begin(at, item, events)?,
            ("output_item.done", Some(item)) => self.items.end(at, item, events)?,
            ("output_text.annotation.added", _) => {
                frame
                    .annotation
                    .map_or(Ok(()), |annotation| self.items.annotate(at, annotation))?;
            }
            ("function_call_arguments.delta", _) => {
                self.items.arguments(at, frame.delta, events)?;
            }
            (kind, _) if TEXTS.iter().any(|text| kind.strip_prefix(text) == Some(".delta")) => {
                self.items.text(at, part, frame.delta, events);
            }
            (kind, _) if TEXTS.iter().any(|text| kind.strip_prefix(text) == Some(".done")) => {
                self.items.text_done(at, part, frame.text.or(frame.refusal), events);
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, response: Response<'_>, events: &mut Events) -> Result<(), ProviderError> {
        if !self.items.any() {
            for (at, item) in response.output.into_iter().flatten().enumerate() {
                self.items.end(at, item, events)?;
            }
        }
        // Searches are not in its usage.
        let usage = response.usage.and_then(|usage| usage::read(usage.get()));
        self.usage = usage.map(|usage| Usage { searches: self.items.searches, ..usage }.clamped());
        let detail = response.incomplete_details.and_then(|details| details.reason);
        let reason = match (response.status.as_deref(), detail.as_deref()) {
            (Some("failed"), _) => return Err(failure(response.error)),
            (Some("incomplete"), Some("content_filter")) => FinishReason::ContentFilter,
            (Some("incomplete"), Some("max_output_tokens") | None) => FinishReason::Length,
            (Some("incomplete"), Some(other)) => FinishReason::other(other),
            (Some("completed") | None, _) => FinishReason::Stop,
            (Some(other), _) => FinishReason::other(other),
        };
        self.finish_reason = Some(reason);
        Ok(())
    }
}

/// The names of the events with text, without `.delta` or `.done`.
const TEXTS: [&str; 4] = ["output_text", "refusal", "reasoning_summary_text", "reasoning_text"];

fn failure(error: Option<&RawValue>) -> ProviderError {
    match error {
        Some(error) => ProviderError::reported(NAME, error.get()),
        None => ProviderError::new(NAME, ErrorKind::Server, "the response failed"),
    }
}
