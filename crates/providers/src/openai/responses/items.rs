//! The output items of an answer while it is streamed.

use serde::Serialize;
use serde_json::value::RawValue;

use super::search;
use super::wire::{Item, Part};
use crate::decoder::{Events, SizeBudget};
use crate::openai::name::NAME;
use crate::{Event, Opaque, ProviderError};

/// The items of one answer that have started and not ended.
#[derive(Debug, Default)]
pub(super) struct Items {
    open: Vec<(usize, Open)>,
    started: usize,
    calls: usize,
    size: SizeBudget,
    /// Whether any part of a message is a refusal.
    pub has_refused: bool,
    /// How often the web was searched.
    pub searches: u64,
}

/// Deltas are optional: what they left out is emitted when the item is complete.
#[derive(Debug)]
enum Open {
    Message {
        phase: Option<String>,
        annotations: Vec<Box<RawValue>>,
        emitted: Option<usize>,
    },
    Thought {
        emitted: Option<usize>,
    },
    Call {
        index: usize,
        arguments: String,
    },
    /// A call of the provider's search.
    Search {
        id: String,
    },
    Other,
}

impl Items {
    /// A server may send only the final response.
    pub fn any(&self) -> bool {
        self.started > 0
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
        self.size.add(SizeBudget::BLOCK, &NAME)?;
        self.started += 1;
        let item: Item<'_> = serde_json::from_str(item.get()).unwrap_or_default();
        let open = match (item.kind.as_ref(), item.call_id, item.name) {
            ("message", ..) => {
                Open::Message { phase: item.phase, annotations: Vec::new(), emitted: None }
            }
            ("reasoning", ..) => Open::Thought { emitted: None },
            ("function_call", Some(id), Some(name)) => {
                let index = self.calls;
                self.calls += 1;
                events.push_back(Event::ToolCallStart { index, id, name });
                Open::Call { index, arguments: String::new() }
            }
            ("web_search_call", ..) => {
                let id = item.id.unwrap_or_else(|| format!("search_{at}"));
                events.push_back(search::start(&id));
                Open::Search { id }
            }
            _ => Open::Other,
        };
        self.open.push((at, open));
        Ok(())
    }

    /// More content of a part of a message or of reasoning.
    pub fn text(&mut self, at: usize, part: usize, delta: Option<String>, events: &mut Events) {
        match self.find(at) {
            Some(Open::Message { emitted, .. }) => {
                *emitted = Some(part);
                emit(delta, Event::Text, events);
            }
            Some(Open::Thought { emitted }) => {
                think(emitted, part, delta, events);
            }
            _ => {}
        }
    }

    /// A part of a message or of reasoning is complete.
    pub fn text_done(
        &mut self,
        at: usize,
        part: usize,
        whole: Option<String>,
        events: &mut Events,
    ) {
        match self.find(at) {
            Some(Open::Message { phase, annotations, emitted }) => {
                if *emitted != Some(part) {
                    *emitted = Some(part);
                    emit(whole, Event::Text, events);
                }
                let annotations = std::mem::take(annotations);
                let sources: Vec<_> =
                    annotations.iter().filter_map(|one| search::cited(one)).collect();
                let opaque = opaque(&Message { phase: phase.as_deref(), annotations });
                events.push_back(Event::TextEnd { opaque });
                events.extend(sources);
            }
            Some(Open::Thought { emitted }) if *emitted != Some(part) => {
                think(emitted, part, whole, events);
            }
            _ => {}
        }
    }

    /// Something that the text of a message is based on.
    pub fn annotate(&mut self, at: usize, annotation: &RawValue) -> Result<(), ProviderError> {
        self.size.add(annotation.get().len(), &NAME)?;
        if let Some(Open::Message { annotations, .. }) = self.find(at) {
            annotations.push(annotation.to_owned());
        }
        Ok(())
    }

    /// More of a call's arguments.
    pub fn arguments(
        &mut self,
        at: usize,
        delta: Option<String>,
        events: &mut Events,
    ) -> Result<(), ProviderError> {
        self.size.add(delta.as_ref().map_or(0, String::len), &NAME)?;
        if let (Some(Open::Call { index, arguments }), Some(delta)) = (self.find(at), delta) {
            arguments.push_str(&delta);
            let index = *index;
            emit(Some(delta), |arguments| Event::ToolCallDelta { index, arguments }, events);
        }
        Ok(())
    }

    /// An item is complete. Its start may not have been sent.
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
        self.emit_parts(at, parts, events);
        match self.take(at) {
            Some(Open::Thought { .. }) => {
                let opaque = item.encrypted_content.map(|_| as_it_came(json));
                events.push_back(Event::ReasoningEnd { opaque });
            }
            Some(Open::Call { index, arguments }) => {
                end_call(index, arguments, item.arguments, Some(as_it_came(json)), events);
            }
            Some(Open::Search { id }) => {
                events.push_back(Event::ReasoningEnd { opaque: Some(as_it_came(json)) });
                let has_failed = item.status.as_deref() == Some("failed");
                self.searches += search::end(id, item.action, has_failed, events);
            }
            Some(Open::Other) => {
                events.push_back(Event::ReasoningEnd { opaque: Some(as_it_came(json)) });
            }
            Some(Open::Message { .. }) | None => {}
        }
        Ok(())
    }

    /// Emits the parts of a message or of reasoning that have not been emitted.
    fn emit_parts(&mut self, at: usize, parts: impl Iterator<Item = Part>, events: &mut Events) {
        let (Some(Open::Message { emitted: None, .. }) | Some(Open::Thought { emitted: None })) =
            self.find(at)
        else {
            return;
        };
        for (part, Part { text, refusal, annotations: cited }) in parts.enumerate() {
            self.has_refused |= refusal.is_some();
            if let Some(Open::Message { annotations, .. }) = self.find(at) {
                annotations.extend(cited.into_iter().flatten());
            }
            self.text_done(at, part, text.or(refusal), events);
        }
    }

    /// Ends the calls that have not ended.
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
fn think(emitted: &mut Option<usize>, part: usize, text: Option<String>, events: &mut Events) {
    let is_next = emitted.is_some_and(|emitted| emitted != part);
    *emitted = Some(part);
    let text = text.filter(|text| !text.is_empty());
    let text = text.map(|text| if is_next { format!("\n\n{text}") } else { text });
    emit(text, Event::Reasoning, events);
}

fn end_call(
    index: usize,
    emitted: String,
    whole: Option<String>,
    opaque: Option<Opaque>,
    events: &mut Events,
) {
    let whole = whole.filter(|whole| !whole.trim().is_empty());
    if emitted.is_empty() {
        emit(whole.clone(), |arguments| Event::ToolCallDelta { index, arguments }, events);
    }
    let emitted = Some(emitted).filter(|emitted| !emitted.trim().is_empty());
    let arguments = whole.or(emitted).unwrap_or_else(|| "{}".to_owned());
    events.push_back(Event::ToolCallEnd { index, arguments, opaque });
}

/// What is kept with a message's text: the phase is sent back.
#[derive(Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Box<RawValue>>,
}

fn opaque(message: &Message<'_>) -> Option<Opaque> {
    if message.phase.is_none() && message.annotations.is_empty() {
        return None;
    }
    let json = serde_json::to_string(message).ok()?;
    Some(Opaque { provider: NAME, json })
}

fn as_it_came(item: &RawValue) -> Opaque {
    Opaque { provider: NAME, json: item.get().to_owned() }
}

fn emit(text: Option<String>, event: impl FnOnce(String) -> Event, events: &mut Events) {
    events.extend(text.filter(|text| !text.is_empty()).map(event));
}
