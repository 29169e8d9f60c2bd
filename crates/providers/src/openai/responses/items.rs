//! The items of an answer as they grow.

use serde::Serialize;
use serde_json::value::RawValue;

use super::wire::{Item, Part};
use crate::decoder::{Events, Kept};
use crate::openai::NAME;
use crate::{Event, Opaque, ProviderError};

/// The items of one answer that have begun and not ended.
#[derive(Debug, Default)]
pub(super) struct Items {
    open: Vec<(usize, Open)>,
    begun: usize,
    calls: usize,
    kept: Kept,
    /// Whether any part of a message declines.
    pub has_refused: bool,
}

/// Deltas are optional everywhere: what they did not tell is told when it is whole.
#[derive(Debug)]
enum Open {
    Message { phase: Option<String>, told: Option<usize> },
    Thought { told: Option<usize> },
    Call { index: usize, arguments: String },
    Other,
}

impl Items {
    /// A server may send nothing but the final response.
    pub fn any(&self) -> bool {
        self.begun > 0
    }

    pub fn any_calls(&self) -> bool {
        self.calls > 0
    }

    pub fn begin(
        &mut self,
        at: usize,
        item: &RawValue,
        events: &mut Events,
    ) -> Result<(), ProviderError> {
        self.kept.add(Kept::BLOCK, &NAME)?;
        self.begun += 1;
        let item: Item<'_> = serde_json::from_str(item.get()).unwrap_or_default();
        let open = match (item.kind.as_ref(), item.call_id, item.name) {
            ("message", ..) => Open::Message { phase: item.phase, told: None },
            ("reasoning", ..) => Open::Thought { told: None },
            ("function_call", Some(id), Some(name)) => {
                let index = self.calls;
                self.calls += 1;
                events.push_back(Event::ToolCallStart { index, id, name });
                Open::Call { index, arguments: String::new() }
            }
            _ => Open::Other,
        };
        self.open.push((at, open));
        Ok(())
    }

    /// More of a part of a message or thought.
    pub fn text(&mut self, at: usize, part: usize, delta: Option<String>, events: &mut Events) {
        match self.find(at) {
            Some(Open::Message { told, .. }) => {
                *told = Some(part);
                tell(delta, Event::Text, events);
            }
            Some(Open::Thought { told }) => {
                think(told, part, delta, events);
            }
            _ => {}
        }
    }

    /// A part of a message or thought is whole.
    pub fn text_done(
        &mut self,
        at: usize,
        part: usize,
        whole: Option<String>,
        events: &mut Events,
    ) {
        match self.find(at) {
            Some(Open::Message { phase, told }) => {
                if *told != Some(part) {
                    *told = Some(part);
                    tell(whole, Event::Text, events);
                }
                let opaque = phase.as_deref().and_then(|phase| opaque(&Message { phase }));
                events.push_back(Event::TextEnd { opaque });
            }
            Some(Open::Thought { told }) if *told != Some(part) => think(told, part, whole, events),
            _ => {}
        }
    }

    /// More of a call's arguments.
    pub fn arguments(
        &mut self,
        at: usize,
        delta: Option<String>,
        events: &mut Events,
    ) -> Result<(), ProviderError> {
        self.kept.add(delta.as_ref().map_or(0, String::len), &NAME)?;
        if let (Some(Open::Call { index, arguments }), Some(delta)) = (self.find(at), delta) {
            arguments.push_str(&delta);
            let index = *index;
            tell(Some(delta), |arguments| Event::ToolCallDelta { index, arguments }, events);
        }
        Ok(())
    }

    /// An item is whole. Its beginning need not have been told.
    pub fn end(
        &mut self,
        at: usize,
        json: &RawValue,
        events: &mut Events,
    ) -> Result<(), ProviderError> {
        if self.find(at).is_none() {
            self.begin(at, json, events)?;
        }
        let item: Item<'_> = serde_json::from_str(json.get()).unwrap_or_default();
        let parts = item.summary.into_iter().chain(item.content).flatten();
        self.tell_parts(at, parts, events);
        match self.take(at) {
            Some(Open::Thought { .. }) => {
                let opaque = item.encrypted_content.map(|_| as_it_came(json));
                events.push_back(Event::ReasoningEnd { opaque });
            }
            Some(Open::Call { index, arguments }) => {
                end_call(index, arguments, item.arguments, Some(as_it_came(json)), events);
            }
            Some(Open::Other) => {
                events.push_back(Event::ReasoningEnd { opaque: Some(as_it_came(json)) });
            }
            Some(Open::Message { .. }) | None => {}
        }
        Ok(())
    }

    /// Tells the parts of a message or thought of which nothing has been told.
    fn tell_parts(&mut self, at: usize, parts: impl Iterator<Item = Part>, events: &mut Events) {
        let (Some(Open::Message { told: None, .. }) | Some(Open::Thought { told: None })) =
            self.find(at)
        else {
            return;
        };
        for (part, Part { text, refusal }) in parts.enumerate() {
            self.has_refused |= refusal.is_some();
            self.text_done(at, part, text.or(refusal), events);
        }
    }

    /// Ends the calls that have not been ended.
    pub fn finish(&mut self, events: &mut Events) {
        for (_, open) in self.open.drain(..) {
            if let Open::Call { index, arguments } = open {
                end_call(index, arguments, None, None, events);
            }
        }
    }

    fn find(&mut self, at: usize) -> Option<&mut Open> {
        self.open.iter_mut().rfind(|(index, _)| *index == at).map(|(_, open)| open)
    }

    fn take(&mut self, at: usize) -> Option<Open> {
        let position = self.open.iter().rposition(|(index, _)| *index == at)?;
        Some(self.open.remove(position).1)
    }
}

/// The parts of a summary are paragraphs.
fn think(told: &mut Option<usize>, part: usize, text: Option<String>, events: &mut Events) {
    let is_next = told.is_some_and(|told| told != part);
    *told = Some(part);
    let text = text.filter(|text| !text.is_empty());
    let text = text.map(|text| if is_next { format!("\n\n{text}") } else { text });
    tell(text, Event::Reasoning, events);
}

fn end_call(
    index: usize,
    told: String,
    whole: Option<String>,
    opaque: Option<Opaque>,
    events: &mut Events,
) {
    let whole = whole.filter(|whole| !whole.trim().is_empty());
    if told.is_empty() {
        tell(whole.clone(), |arguments| Event::ToolCallDelta { index, arguments }, events);
    }
    let told = Some(told).filter(|told| !told.trim().is_empty());
    let arguments = whole.or(told).unwrap_or_else(|| "{}".to_owned());
    events.push_back(Event::ToolCallEnd { index, arguments, opaque });
}

/// What a message's text must take back with it.
#[derive(Serialize)]
struct Message<'a> {
    phase: &'a str,
}

fn opaque(message: &Message<'_>) -> Option<Opaque> {
    let json = serde_json::to_string(message).ok()?;
    Some(Opaque { provider: NAME, json })
}

fn as_it_came(item: &RawValue) -> Opaque {
    Opaque { provider: NAME, json: item.get().to_owned() }
}

fn tell(text: Option<String>, event: impl FnOnce(String) -> Event, events: &mut Events) {
    events.extend(text.filter(|text| !text.is_empty()).map(event));
}
