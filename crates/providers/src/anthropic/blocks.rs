//! The content blocks of an answer while it is streamed.

use serde::Serialize;
use serde_json::value::RawValue;

use super::name::NAME;
use super::server_tool::{self, ServerCall};
use super::wire::{Block, Delta};
use crate::decoder::{Events, SizeBudget};
use crate::{Event, Opaque, ProviderError};

/// The blocks that have started but not ended.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: Vec<(usize, Open)>,
    calls: usize,
    size: SizeBudget,
}

#[derive(Debug)]
enum Open {
    Text {
        citations: Vec<Box<RawValue>>,
    },
    Thinking {
        thinking: String,
        signature: String,
    },
    Call {
        index: usize,
        arguments: String,
        input: Option<String>,
    },
    ServerCall(ServerCall),
    /// A block of an unknown type, unchanged.
    Other(String),
}

impl Blocks {
    pub fn any_calls(&self) -> bool {
        self.calls > 0
    }

    /// Whether every block that has started has ended.
    pub fn are_closed(&self) -> bool {
        self.open.is_empty()
    }

    pub fn start(
        &mut self,
        at: usize,
        json: &RawValue,
        events: &mut Events,
    ) -> Result<(), ProviderError> {
        self.size.add(json.get().len() + SizeBudget::BLOCK, &NAME)?;
        let open = Open::begin(json, self.calls, events);
        self.calls += usize::from(matches!(open, Open::Call { .. }));
        self.open.push((at, open));
        Ok(())
    }

    pub fn delta(
        &mut self,
        at: usize,
        delta: Delta,
        events: &mut Events,
    ) -> Result<(), ProviderError> {
        let kept = [&delta.thinking, &delta.signature, &delta.partial_json];
        let cited = delta.citation.as_ref().map_or(0, |citation| citation.get().len());
        self.size.add(cited + kept.into_iter().flatten().map(String::len).sum::<usize>(), &NAME)?;
        if let Some((_, open)) = self.open.iter_mut().rfind(|(index, _)| *index == at) {
            open.grow(delta, events);
        }
        Ok(())
    }

    pub fn stop(&mut self, at: usize, events: &mut Events) {
        if let Some(position) = self.open.iter().rposition(|(index, _)| *index == at) {
            self.open.remove(position).1.end(events);
        }
    }

    /// Ends the blocks that are still open.
    pub fn finish(&mut self, events: &mut Events) {
        for (_, open) in self.open.drain(..) {
            open.end(events);
        }
    }
}

impl Open {
    /// `index` is the position of the block if it is a tool call.
    fn begin(json: &RawValue, index: usize, events: &mut Events) -> Self {
        let block: Block<'_> = serde_json::from_str(json.get()).unwrap_or_default();
        match (block.kind.as_ref(), block.id, block.name) {
            ("text", ..) => {
                emit(block.text, Event::Text, events);
                Self::Text { citations: block.citations.unwrap_or_default() }
            }
            ("thinking", ..) => {
                let thinking = block.thinking.unwrap_or_default();
                emit(Some(thinking.clone()), Event::Reasoning, events);
                Self::Thinking { thinking, signature: block.signature.unwrap_or_default() }
            }
            ("tool_use", Some(id), Some(name)) => {
                events.push_back(Event::ToolCallStart { index, id, name });
                let input = block.input.map(|input| input.get().to_owned());
                Self::Call { index, arguments: String::new(), input }
            }
            ("server_tool_use", Some(id), Some(name)) => {
                Self::ServerCall(ServerCall::start(json, id, &name, block.input, events))
            }
            _ => Self::Other(json.get().to_owned()),
        }
    }

    /// A signature arrives whole; everything else arrives in pieces.
    fn grow(&mut self, delta: Delta, events: &mut Events) {
        match self {
            Self::Text { citations } => {
                citations.extend(delta.citation);
                emit(delta.text, Event::Text, events);
            }
            Self::Thinking { thinking, signature } => {
                if let Some(whole) = delta.signature {
                    *signature = whole;
                }
                thinking.push_str(delta.thinking.as_deref().unwrap_or_default());
                emit(delta.thinking, Event::Reasoning, events);
            }
            Self::Call { index, arguments, .. } => {
                let index = *index;
                arguments.push_str(delta.partial_json.as_deref().unwrap_or_default());
                let event = |arguments| Event::ToolCallDelta { index, arguments };
                emit(delta.partial_json, event, events);
            }
            Self::ServerCall(call) => call.grow(delta.partial_json.as_deref().unwrap_or_default()),
            Self::Other(_) => {}
        }
    }

    fn end(self, events: &mut Events) {
        match self {
            Self::Text { citations } => {
                let sources: Vec<_> =
                    citations.iter().filter_map(|one| server_tool::cited(one)).collect();
                let cited = (!citations.is_empty()).then_some(Citations { citations });
                events.push_back(Event::TextEnd { opaque: cited.as_ref().and_then(opaque) });
                events.extend(sources);
            }
            Self::Thinking { thinking, signature } => {
                let opaque = (!signature.is_empty())
                    .then(|| opaque(&RebuiltBlock::Thinking { thinking, signature }))
                    .flatten();
                events.push_back(Event::ReasoningEnd { opaque });
            }
            Self::Call { index, arguments, input } => end_call(index, arguments, input, events),
            Self::ServerCall(call) => call.end(events),
            Self::Other(json) => {
                let result = server_tool::result(&json);
                let opaque = Some(Opaque { provider: NAME, json });
                events.push_back(Event::ReasoningEnd { opaque });
                events.extend(result);
            }
        }
    }
}

/// A call whose input arrived with its start has no deltas.
fn end_call(index: usize, arguments: String, input: Option<String>, events: &mut Events) {
    let arguments = match input {
        Some(input) if arguments.is_empty() && input != "{}" => {
            let arguments = input.clone();
            events.push_back(Event::ToolCallDelta { index, arguments });
            input
        }
        _ => or_object(arguments),
    };
    events.push_back(Event::ToolCallEnd { index, arguments, opaque: None });
}

/// Assembles blocks that arrived in pieces, in the provider's own format.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum RebuiltBlock {
    Thinking { thinking: String, signature: String },
}

/// What must go back with a text.
#[derive(Serialize)]
struct Citations {
    citations: Vec<Box<RawValue>>,
}

fn opaque(block: &impl Serialize) -> Option<Opaque> {
    let json = serde_json::to_string(block).ok()?;
    Some(Opaque { provider: NAME, json })
}

fn or_object(json: String) -> String {
    if json.trim().is_empty() { "{}".to_owned() } else { json }
}

fn emit(text: Option<String>, event: impl FnOnce(String) -> Event, events: &mut Events) {
    events.extend(text.filter(|text| !text.is_empty()).map(event));
}
