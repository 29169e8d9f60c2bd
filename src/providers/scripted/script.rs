//! A whole answer, and how it becomes events.

use std::time::Duration;

use uuid::Uuid;

use crate::providers::{Content, Event, FinishReason, ProviderError, Request, Usage};

/// One event of an answer and the wait before it.
pub(super) type Step = (Duration, Result<Event, ProviderError>);

/// What will be answered.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub reasoning: String,
    pub text: String,
    pub calls: Vec<Call>,
    pub ending: Option<Ending>,
    /// How much slower than usual.
    pub slowness: u32,
}

#[derive(Debug)]
pub(super) struct Call {
    pub name: String,
    pub arguments: String,
}

/// An ending other than the usual one.
#[derive(Debug)]
pub(super) enum Ending {
    Finish(FinishReason),
    Fail(ProviderError),
}

impl Script {
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    pub fn ending_with(self, ending: Ending) -> Self {
        Self { ending: Some(ending), ..self }
    }

    /// The answer, event by event, within the limits of the request.
    pub fn steps(mut self, request: &Request, pace: Duration) -> Vec<Step> {
        let limit = self.limit(request);
        let usage = self.usage(request);
        let pace = pace * self.slowness.max(1);
        let mut steps: Vec<Step> = Vec::new();
        let mut tell = |wait, event| steps.push((wait, Ok(event)));
        for word in self.reasoning.split_inclusive(' ') {
            tell(pace, Event::Reasoning(word.to_owned()));
        }
        if !self.reasoning.is_empty() {
            tell(Duration::ZERO, Event::ReasoningEnd { opaque: None });
        }
        for word in self.text.split_inclusive(' ') {
            tell(pace, Event::Text(word.to_owned()));
        }
        for (index, call) in self.calls.iter().enumerate() {
            call.tell(index, id(request, index), pace, &mut tell);
        }
        tell(Duration::ZERO, Event::Usage(usage));
        match (limit, self.ending) {
            (Some(finish_reason), _) | (None, Some(Ending::Finish(finish_reason))) => {
                tell(Duration::ZERO, Event::End { finish_reason });
            }
            (None, Some(Ending::Fail(error))) => steps.push((pace, Err(error))),
            (None, None) => {
                let finish_reason = FinishReason::Stop.given_calls(!self.calls.is_empty());
                tell(Duration::ZERO, Event::End { finish_reason });
            }
        }
        steps
    }

    /// Cuts the text where the request wants it to stop. What is cut off takes the calls with it.
    fn limit(&mut self, request: &Request) -> Option<FinishReason> {
        let stops = request.stop.iter().filter(|stop| !stop.is_empty());
        let stop = stops.filter_map(|stop| self.text.find(stop)).min();
        let room = request.max_output_tokens.map_or(usize::MAX, |tokens| tokens as usize * 4);
        let room = room.saturating_sub(self.reasoning.chars().count());
        let end = self.text.char_indices().nth(room).map(|(end, _)| end);
        let (end, reason) = match (stop, end) {
            (Some(stop), end) if end.is_none_or(|end| stop <= end) => {
                (stop, FinishReason::StopSequence)
            }
            (_, Some(end)) => (end, FinishReason::Length),
            (_, None) => return None,
        };
        self.text.truncate(end);
        self.calls.clear();
        Some(reason)
    }

    /// A token for every four characters, begun ones included.
    fn usage(&self, request: &Request) -> Usage {
        let messages = request.messages.iter().flat_map(|message| &message.content);
        let input: usize = messages.map(length).sum();
        let system = request.system.as_ref().map_or(0, |text| text.chars().count());
        let calls = self.calls.iter().map(|call| call.arguments.chars().count());
        let reasoning = tokens(self.reasoning.chars().count());
        let text = tokens(self.text.chars().count() + calls.sum::<usize>());
        Usage {
            input_tokens: tokens(input + system),
            output_tokens: text + reasoning,
            reasoning_tokens: reasoning,
            ..Usage::default()
        }
    }
}

impl Call {
    fn tell(
        &self,
        index: usize,
        id: String,
        pace: Duration,
        tell: &mut impl FnMut(Duration, Event),
    ) {
        tell(pace, Event::ToolCallStart { index, id, name: self.name.clone() });
        for piece in self.arguments.split_inclusive(',') {
            tell(pace, Event::ToolCallDelta { index, arguments: piece.to_owned() });
        }
        let arguments = self.arguments.clone();
        tell(Duration::ZERO, Event::ToolCallEnd { index, arguments, opaque: None });
    }
}

/// The same in the same conversation, another in any other.
fn id(request: &Request, index: usize) -> String {
    let conversation = format!("{index} {:?}", request.messages);
    let uuid = Uuid::new_v5(&Uuid::NAMESPACE_OID, conversation.as_bytes());
    format!("call_{}", uuid.simple())
}

fn tokens(characters: usize) -> u64 {
    characters.div_ceil(4) as u64
}

fn length(piece: &Content) -> usize {
    match piece {
        Content::Text { text, .. } | Content::Reasoning { text, .. } => text.chars().count(),
        Content::ToolCall { arguments, .. } => arguments.chars().count(),
        Content::ToolResult { output, .. } => output.chars().count(),
        Content::Image { .. } | Content::Document { .. } => 1000,
    }
}
