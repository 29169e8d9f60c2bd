//! An answer as one replica sends it to another while it grows: what is new since the last time, so that the
//! other one has the same parts and writes them in whatever form its client reads.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::answer::{Answer, End, Status};
use super::delta::{PartDelta, without_text};
use super::part::{Part, ToolState};
use crate::agent::Failure;
use crate::agent::usage::TokenUsage;

/// How many bytes of text are sent at once.
const TURN: usize = 64 << 10;

/// What is new of an answer.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct AnswerNews {
    /// The metadata, where that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Map<String, Value>>,
    /// Where browsers load files from, where that is new.
    #[serde(default, skip_serializing_if = "HashMap::is_empty")]
    signed_urls: HashMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    delta: Vec<PartDelta>,
    /// The chat's title, where that is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// The end, after everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<EndNews>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EndNews {
    status: String,
    finish_reason: String,
    usage: TokenUsage,
    cost_usd: Option<crate::providers::catalogue::Usd>,
    latency_ms: u64,
    message: Option<Box<RawValue>>,
}

/// How far another replica has been sent an answer.
#[derive(Debug, Default)]
pub struct LiveCursor {
    parts: Vec<Sent>,
    metadata: Map<String, Value>,
    is_titled: bool,
    is_at_end: bool,
    signed_urls: usize,
}

/// What was sent of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sent {
    text_bytes: usize,
    /// All of its text and its present state; differs whenever something else than the text does.
    state: Option<u8>,
}

impl LiveCursor {
    /// Whether the end was sent.
    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// What is new since the last time, of a long answer as much as one turn takes; none if that is nothing.
    pub fn advance(&mut self, answer: &Answer) -> Option<AnswerNews> {
        let mut news = AnswerNews::default();
        if self.metadata != answer.metadata {
            self.metadata.clone_from(&answer.metadata);
            news.metadata = Some(answer.metadata.clone());
        }
        if self.signed_urls != answer.signed_urls.len() {
            self.signed_urls = answer.signed_urls.len();
            news.signed_urls.clone_from(&answer.signed_urls);
        }
        let is_whole = self.advance_parts(&answer.parts, &mut news.delta);
        if !self.is_titled && answer.title.is_some() {
            self.is_titled = true;
            news.title.clone_from(&answer.title);
        }
        if let Some(end) = answer.end.as_ref().filter(|_| is_whole && !self.is_at_end) {
            self.is_at_end = true;
            news.end = Some(EndNews::of(end));
        }
        let is_empty = news.metadata.is_none()
            && news.signed_urls.is_empty()
            && news.delta.is_empty()
            && news.title.is_none()
            && news.end.is_none();
        (!is_empty).then_some(news)
    }

    /// Adds what is new of the parts; false if there is more than one turn takes.
    fn advance_parts(&mut self, parts: &[Part], delta: &mut Vec<PartDelta>) -> bool {
        let mut room = TURN;
        for (index, part) in parts.iter().enumerate() {
            if index == self.parts.len() {
                self.parts.push(Sent::default());
            }
            let sent = &mut self.parts[index];
            // What no longer grows has no place to go on from.
            sent.text_bytes = sent.text_bytes.min(growing(part).len());
            let unsent = growing(part).get(sent.text_bytes..).unwrap_or_default();
            if unsent.is_empty() && sent.state == Some(part.state()) {
                continue;
            }
            if room == 0 {
                return false;
            }
            let text = &unsent[..unsent.floor_char_boundary(room.max(4))];
            let is_last = text.len() == unsent.len();
            let is_new = sent.state.is_none() && sent.text_bytes == 0;
            let rest = match is_last {
                true => (sent.state != Some(part.state())).then(|| without_text(part)),
                // It may say that it is complete only with the last of its text.
                false => is_new.then(|| open(without_text(part))),
            };
            let size = text.len() + rest.as_ref().map_or(0, tool_bytes);
            delta.push(PartDelta { index, at: sent.text_bytes, text: text.to_owned(), part: rest });
            sent.text_bytes += text.len();
            sent.state = is_last.then(|| part.state());
            room = room.saturating_sub(size);
        }
        true
    }
}

/// The text of a part that comes in pieces: also the arguments of a call, until they are whole.
fn growing(part: &Part) -> &str {
    match part {
        Part::Text { text, .. } | Part::Reasoning { text, .. } => text,
        Part::Tool(tool) if tool.state == ToolState::InputStreaming => &tool.arguments,
        _ => "",
    }
}

fn growing_mut(part: &mut Part) -> Option<&mut String> {
    match part {
        Part::Text { text, .. } | Part::Reasoning { text, .. } => Some(text),
        Part::Tool(tool) if tool.state == ToolState::InputStreaming => Some(&mut tool.arguments),
        _ => None,
    }
}

/// The part as it was before it was complete.
fn open(mut part: Part) -> Part {
    if let Part::Text { done, .. } | Part::Reasoning { done, .. } = &mut part {
        *done = false;
    }
    part
}

fn tool_bytes(part: &Part) -> usize {
    match part {
        Part::Tool(tool) => match &tool.state {
            ToolState::OutputAvailable { output, .. } => output.to_string().len(),
            _ => tool.arguments.len(),
        },
        _ => 0,
    }
}

impl EndNews {
    fn of(end: &End) -> Self {
        Self {
            status: end.status.as_str().to_owned(),
            finish_reason: end.finish_reason.clone(),
            usage: end.usage,
            cost_usd: end.cost_usd,
            latency_ms: end.latency_ms,
            message: end.message.clone(),
        }
    }

    fn into_end(self, metadata: &Map<String, Value>) -> Option<End> {
        let status = Status::parse(&self.status)?;
        let has_failed = matches!(status, Status::Failed | Status::Interrupted);
        Some(End {
            status,
            finish_reason: self.finish_reason,
            usage: self.usage,
            cost_usd: self.cost_usd,
            latency_ms: self.latency_ms,
            failure: has_failed.then(|| Failure::from_metadata(metadata)),
            message: self.message,
        })
    }
}

impl Answer {
    /// Adds what another replica has sent, from the start of the answer on: what is shown already stays.
    /// False if something before it is missing.
    pub fn add(&mut self, news: AnswerNews) -> bool {
        let AnswerNews { metadata, signed_urls, delta, title, end } = news;
        self.signed_urls.extend(signed_urls);
        if let Some(metadata) = metadata {
            self.metadata = metadata;
        }
        let is_whole = delta.into_iter().all(|new| extend(&mut self.parts, new));
        if title.is_some() {
            self.title = title;
        }
        self.end =
            self.end.take().or(end.and_then(|end| end.into_end(&self.metadata)).map(Box::new));
        is_whole
    }

    /// Takes over what has been saved of the answer where that is further on: more may have been shown than
    /// was saved, and what was shown stays.
    pub fn catch_up(&mut self, saved: &[Part]) {
        for (index, part) in saved.iter().enumerate() {
            match self.parts.get_mut(index) {
                None => self.parts.push(part.clone()),
                Some(shown) if is_further(part, shown) => shown.clone_from(part),
                Some(_) => {}
            }
        }
    }

    /// The saved answer has ended: nothing follows what was shown.
    pub fn end_as_saved(&mut self, saved: Self) {
        self.catch_up(&saved.parts);
        self.metadata = saved.metadata;
        self.end_as_shown(saved.end);
    }

    /// Nothing follows what was shown: no text is left open, which clients would show as one that still grows.
    pub fn end_as_shown(&mut self, end: Option<Box<End>>) {
        for part in &mut self.parts {
            if let Part::Text { done, .. } | Part::Reasoning { done, .. } = part {
                *done = true;
            }
        }
        self.end = end;
    }
}

/// Adds what is new of a part to as much of it as is shown.
fn extend(parts: &mut Vec<Part>, new: PartDelta) -> bool {
    let PartDelta { index, at, text, part } = new;
    if let Some(part) = part.as_ref().filter(|_| index == parts.len()) {
        parts.push(part.clone());
    }
    let Some(shown) = parts.get_mut(index) else { return false };
    let mut whole = growing_mut(shown).map(std::mem::take).unwrap_or_default();
    let is_next = at <= whole.len();
    if let Some(unknown) = text.get(whole.len().saturating_sub(at)..).filter(|_| is_next) {
        whole.push_str(unknown);
    }
    if let Some(part) = part.filter(|part| part.state() >= shown.state()) {
        *shown = part;
    }
    if let Some(text) = growing_mut(shown) {
        *text = whole;
    }
    is_next
}

fn is_further(saved: &Part, shown: &Part) -> bool {
    let (saved_text, shown_text) = (growing(saved).len(), growing(shown).len());
    match (saved, shown) {
        (Part::Tool(_), Part::Tool(_)) => (saved.state(), saved_text) > (shown.state(), shown_text),
        _ => saved_text > shown_text || saved_text == shown_text && saved.state() > shown.state(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::providers::Event;

    /// Sends what is new as it goes over the wire.
    fn send(cursor: &mut LiveCursor, from: &Answer, to: &mut Answer) -> usize {
        let mut turns = 0;
        while let Some(news) = cursor.advance(from) {
            let line = serde_json::to_string(&news).unwrap();
            assert!(line.len() < 2 * TURN, "{}", line.len());
            assert!(to.add(serde_json::from_str(&line).unwrap()));
            turns += 1;
        }
        turns
    }

    fn events() -> Vec<Event> {
        let text = |text: &str| Event::Text(text.into());
        vec![
            Event::Reasoning("Hm".into()),
            Event::ReasoningEnd { opaque: None },
            text("Grü"),
            text("ß Gott"),
            Event::ToolCallStart { index: 0, id: "1".into(), name: "look".into() },
            Event::ToolCallDelta { index: 0, arguments: "{ \"q\"".into() },
            Event::ToolCallDelta { index: 0, arguments: ": 1 }".into() },
            Event::ToolCallEnd { index: 0, arguments: "{ \"q\": 1 }".into(), opaque: None },
        ]
    }

    #[test]
    fn the_other_replica_has_the_same_parts_at_every_moment() {
        let (mut here, mut there) = (Answer::default(), Answer::default());
        let mut cursor = LiveCursor::default();
        here.start_step();
        for event in events() {
            here.apply(event);
            send(&mut cursor, &here, &mut there);
            assert_eq!(there.parts, here.parts);
        }
        here.store_result(3, Ok(json!(["found"])));
        here.metadata.insert("model".into(), "m".into());
        here.title = Some("Title".into());
        assert_eq!(send(&mut cursor, &here, &mut there), 1);
        assert_eq!((&there.parts, &there.metadata), (&here.parts, &here.metadata));
        assert_eq!(there.title, here.title);
        assert_eq!(send(&mut cursor, &here, &mut there), 0);
        // Who comes late gets the same.
        let mut late = Answer::default();
        send(&mut LiveCursor::default(), &here, &mut late);
        assert_eq!(late.parts, here.parts);
    }

    #[test]
    fn a_long_text_is_complete_only_with_its_last_piece() {
        let (mut here, mut there) = (Answer::default(), Answer::default());
        here.apply(Event::Text("ü".repeat(100_000)));
        here.close_block();
        let mut cursor = LiveCursor::default();
        let first = cursor.advance(&here).unwrap();
        assert!(there.add(first));
        assert!(matches!(&there.parts[0], Part::Text { done: false, .. }));
        assert!(send(&mut cursor, &here, &mut there) >= 2);
        assert_eq!(there.parts, here.parts);
    }

    #[test]
    fn a_follower_that_begins_again_shows_nothing_less() {
        let mut here = Answer::default();
        here.apply(Event::Text("ü".repeat(100_000)));
        let mut there = here.clone();
        here.apply(Event::Text(" end".into()));
        here.close_block();
        let mut cursor = LiveCursor::default();
        assert!(there.add(cursor.advance(&here).unwrap()));
        assert_eq!(there.content().len(), 200_000);
        send(&mut cursor, &here, &mut there);
        assert_eq!(there.parts, here.parts);
        let gap = PartDelta { index: 0, at: 300_000, text: "x".into(), part: None };
        assert!(!extend(&mut there.parts, gap));
        assert_eq!(there.parts, here.parts);
    }

    #[test]
    fn what_was_shown_is_never_taken_back() {
        let mut shown = Answer::default();
        shown.apply(Event::Text("Hello you".into()));
        let text_part = |text: &str, done| Part::Text { text: text.into(), done, opaque: None };
        shown.catch_up(&[text_part("Hello", false)]);
        assert_eq!(shown.parts, [text_part("Hello you", false)]);
        shown.catch_up(&[text_part("Hello you all", false), Part::StepStart]);
        assert_eq!(shown.parts, [text_part("Hello you all", false), Part::StepStart]);
        let mut ended = Answer::default();
        ended.parts.push(text_part("Hello you", true));
        shown.end_as_saved(ended);
        assert_eq!(shown.parts[0], text_part("Hello you all", true));
    }
}
