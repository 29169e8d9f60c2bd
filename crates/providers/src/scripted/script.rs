//! A scripted answer, and its conversion to events.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::{Content, Event, FinishReason, HostedKind, ProviderError, Request, Usage};

/// One event of an answer and the delay before it.
pub(super) type Step = (Duration, Result<Event, ProviderError>);

/// A scripted answer.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub reasoning: String,
    pub text: String,
    pub calls: Vec<Call>,
    /// What the web is searched for, before the text.
    pub search: Option<String>,
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
        let limit = self.limit(request).map(Ending::Finish);
        let usage = self.usage(request);
        let pace = pace * self.slowness.max(1);
        let mut steps = Vec::new();
        words(&self.reasoning, pace, Event::Reasoning, &mut steps);
        if !self.reasoning.is_empty() {
            steps.push(at_once(Event::ReasoningEnd { opaque: None }));
        }
        if let Some(query) = &self.search {
            steps.extend(search(query, id(request, 0), pace));
        }
        words(&self.text, pace, Event::Text, &mut steps);
        for (index, call) in self.calls.iter().enumerate() {
            call.emit(index, id(request, index), pace, &mut steps);
        }
        steps.push(at_once(Event::Usage(usage)));
        let usual = FinishReason::Stop.given_calls(!self.calls.is_empty());
        steps.push(match limit.or(self.ending).unwrap_or(Ending::Finish(usual)) {
            Ending::Finish(finish_reason) => at_once(Event::End { finish_reason }),
            Ending::Fail(error) => (pace, Err(error)),
        });
        steps
    }

    /// Truncates the text at a stop sequence. The calls are then dropped.
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

    /// One token for every four characters, rounded up.
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
            searches: u64::from(self.search.is_some()),
            ..Usage::default()
        }
    }
}

/// A search that finds the same two pages whatever it is for.
fn search(query: &str, id: String, pace: Duration) -> [Step; 5] {
    let pages = [("https://example.com/", "Example Domain"), ("https://www.iana.org/", "IANA")];
    let found = pages
        .map(|(url, title)| json!({ "type": "web_search_result", "url": url, "title": title }));
    let [first, second] = pages.map(|(url, title)| {
        at_once(Event::Source { url: url.to_owned(), title: Some(title.to_owned()) })
    });
    let name = HostedKind::WebSearch.name().to_owned();
    let arguments = json!({ "query": query }).to_string();
    let outcome = Ok(found.as_slice().into());
    [
        (pace, Ok(Event::HostedCallStart { id: id.clone(), name })),
        at_once(Event::HostedCall { id: id.clone(), arguments }),
        (pace, Ok(Event::HostedResult { id, outcome })),
        first,
        second,
    ]
}

impl Call {
    fn emit(&self, index: usize, id: String, pace: Duration, steps: &mut Vec<Step>) {
        let start = Event::ToolCallStart { index, id, name: self.name.clone() };
        steps.push((pace, Ok(start)));
        for piece in self.arguments.split_inclusive(',') {
            let delta = Event::ToolCallDelta { index, arguments: piece.to_owned() };
            steps.push((pace, Ok(delta)));
        }
        let arguments = self.arguments.clone();
        steps.push(at_once(Event::ToolCallEnd { index, arguments, opaque: None }));
    }
}

fn words(text: &str, pace: Duration, event: fn(String) -> Event, steps: &mut Vec<Step>) {
    steps.extend(text.split_inclusive(' ').map(|word| (pace, Ok(event(word.to_owned())))));
}

fn at_once(event: Event) -> Step {
    (Duration::ZERO, Ok(event))
}

/// An id that is the same in one conversation and different in any other.
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
