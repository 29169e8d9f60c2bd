//! An answer while it grows: what the running generation writes and its listeners read.

mod call_progress;
mod claim;
mod close;
mod end;
mod hidden;
mod hosted;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Weak;

use serde_json::{Map, Value, json};

pub(super) use call_progress::CallProgress;
pub use claim::{Claim, Rows};
pub use end::{End, Status};
pub(in crate::agent) use hidden::HiddenArguments;

use super::approval::Approval;
use super::part::{self, Part, ToolPart, ToolState};
use super::sanitize;
use super::subscribers::{Subscriber, Subscribers};
use crate::agent::tools::source::Progress;
use crate::json::{MAX_DEPTH, Nesting, depth};
use crate::providers::{Event, Opaque};

/// An answer may be this long.
const MAX_BYTES: usize = 4 << 20;
const MAX_PARTS: usize = 2_000;
/// The maximum length of all tool results, of one result, and of one error in characters.
const MAX_TOOL_BYTES: usize = 16 << 20;
const MAX_RESULT_BYTES: usize = 1 << 20;
const TOO_DEEP: &str = "The result is nested too deeply. Ask for less at once.";
const MAX_ERROR: usize = 10_000;

/// The state of an answer. It only grows: parts are appended, texts get longer, and the end comes
/// once; so a listener that knows how far it has read can always catch up.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Whether the chat could be claimed for it.
    pub claim: Claim,
    /// What is known about the answer as a whole: the AI SDK's message metadata.
    pub metadata: Map<String, Value>,
    /// What the model has produced.
    pub parts: Vec<Part>,
    /// The chat's new title.
    pub title: Option<String>,
    /// Failures are part of the stream from here on; before, they are plain HTTP problems.
    pub is_visible: bool,
    /// How it ended. Boxed, because it is large, and not there as long as the answer grows.
    pub end: Option<Box<End>>,
    /// Who is called with each change, where its writer does that.
    pub subscribers: Option<Subscribers<Self>>,
    /// How many bytes the model has produced, and how many its tools.
    bytes: usize,
    tool_bytes: usize,
    /// This step's tool calls.
    calls: Vec<Call>,
    /// The calls that run at the moment, by their parts.
    running: HashSet<usize>,
    /// The arguments of tools that are not shown.
    pub(in crate::agent) hidden: HiddenArguments,
    /// How far running calls are.
    pub(super) progress: CallProgress,
    /// The addresses of files, as parts have them, and those that browsers load them from for a while. Only the
    /// first are stored.
    pub(super) signed_urls: HashMap<String, String>,
}

/// A tool call whose arguments come in pieces.
#[derive(Clone, Debug)]
struct Call {
    /// The provider's index.
    index: usize,
    /// Where it is among the parts.
    part: usize,
    /// Clients read the pieces as they come, and some crash where they are nested too deeply.
    nesting: Nesting,
}

impl Answer {
    /// An answer as it is stored.
    pub fn stored(
        claim: Claim,
        metadata: Map<String, Value>,
        parts: Vec<Part>,
        end: Option<End>,
    ) -> Self {
        let end = end.map(Box::new);
        Self { claim, metadata, parts, is_visible: true, end, ..Self::default() }
    }

    /// Goes on from what an earlier run has made of it.
    pub(in crate::agent) fn resume(&mut self, parts: Vec<Part>) {
        let bytes = |part: &Part| match part {
            Part::Text { text, .. } | Part::Reasoning { text, .. } => (text.len(), 0),
            Part::Tool(tool) => (tool.arguments.len(), tool.result_bytes()),
            Part::StepStart | Part::Hosted(_) | Part::Other(_) => (0, 0),
        };
        for (bytes, tool_bytes) in parts.iter().map(bytes) {
            self.bytes += bytes;
            self.tool_bytes += tool_bytes;
        }
        self.parts = parts;
    }

    /// Has someone called with each change from here on; false if they have to wait for it themselves.
    pub fn subscribe(&self, subscriber: Weak<dyn Subscriber<Self>>) -> bool {
        self.subscribers.as_ref().is_some_and(|subscribers| subscribers.add(subscriber))
    }

    /// The answer's text.
    pub fn content(&self) -> String {
        part::content(&self.parts)
    }

    /// How many bytes the model has produced.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the answer has reached its maximum size.
    pub(in crate::agent) fn is_full(&self) -> bool {
        self.bytes >= MAX_BYTES || self.tool_bytes > MAX_TOOL_BYTES || self.parts.len() > MAX_PARTS
    }

    /// Puts a tool's result where its call is.
    pub(in crate::agent) fn store_result(&mut self, part: usize, outcome: Result<Value, String>) {
        self.running.remove(&part);
        let Some(Part::Tool(tool)) = self.parts.get_mut(part) else { return };
        let input = tool.input().cloned().unwrap_or_default();
        let output = outcome.and_then(|output| {
            let text = output.to_string();
            let is_deep = depth(&text) > MAX_DEPTH;
            if is_deep { Err(TOO_DEEP.to_owned()) } else { Ok((text.len(), output)) }
        });
        let (bytes, state) = match output {
            Ok((bytes, output)) if bytes <= MAX_RESULT_BYTES => {
                let output = sanitize::json(output);
                (bytes, ToolState::OutputAvailable { input, output })
            }
            Ok((bytes, _)) => {
                let error_text = format!(
                    "The result has {bytes} bytes; at most {MAX_RESULT_BYTES} are allowed. \
                     Ask for less at once."
                );
                (error_text.len(), ToolState::OutputError { input, error_text })
            }
            Err(error) => {
                let error_text = sanitize::text(error.chars().take(MAX_ERROR).collect());
                (error_text.len(), ToolState::OutputError { input, error_text })
            }
        };
        tool.state = state;
        self.tool_bytes += bytes;
        self.progress.forget(&tool.id);
    }

    /// Notes that calls run: what becomes of them is not known until they have results.
    pub(in crate::agent) fn note_running(&mut self, parts: Vec<usize>) {
        self.running.extend(parts);
    }

    /// Adds what tools have brought for the person: sources, each of them once, and files.
    pub(in crate::agent) fn add_parts(&mut self, parts: Vec<Value>) {
        for part in parts {
            let is_same = |known: &Part| match known {
                Part::Other(known) => known["sourceId"] == part["sourceId"],
                _ => false,
            };
            if part["sourceId"].is_string() && self.parts.iter().any(is_same) {
                continue;
            }
            let part = sanitize::json(part);
            self.tool_bytes += part.to_string().len();
            self.parts.push(Part::Other(part));
        }
    }

    /// Adds the addresses that browsers load files from.
    pub(in crate::agent) fn sign_urls(&mut self, urls: impl IntoIterator<Item = (String, String)>) {
        self.signed_urls.extend(urls);
    }

    /// A part as browsers are shown it.
    pub fn shown<'a>(&self, part: &'a Value) -> Cow<'a, Value> {
        let url = part.get("url").and_then(Value::as_str);
        match url.and_then(|url| self.signed_urls.get(url)) {
            Some(signed) => {
                let mut part = part.clone();
                part["url"] = signed.as_str().into();
                Cow::Owned(part)
            }
            None => Cow::Borrowed(part),
        }
    }

    /// Notes how far calls are.
    pub(in crate::agent) fn report_progress(&mut self, news: Vec<(String, Progress)>) {
        for (call_id, progress) in news {
            self.progress.report(call_id, progress);
        }
    }

    /// Has a call wait for a person's decision.
    pub(in crate::agent) fn request_approval(&mut self, part: usize, approval: Approval) {
        if let Some(Part::Tool(tool)) = self.parts.get_mut(part) {
            tool.state = ToolState::ApprovalRequested(tool.input().cloned().unwrap_or_default());
            tool.approval = Some(Box::new(approval));
        }
    }

    /// Denies a call.
    pub(in crate::agent) fn deny(&mut self, part: usize, approval: Approval) {
        if let Some(Part::Tool(tool)) = self.parts.get_mut(part) {
            tool.state = ToolState::OutputDenied(tool.input().cloned().unwrap_or_default());
            tool.approval = Some(Box::new(approval));
        }
    }

    /// Begins another call of the model.
    pub(in crate::agent) fn start_step(&mut self) {
        self.close_block();
        self.calls.clear();
        if self.parts.is_empty() {
            // Most answers are one text, and a part is large.
            self.parts.reserve_exact(2);
        }
        self.parts.push(Part::StepStart);
    }

    /// Applies what the model has produced.
    pub(in crate::agent) fn apply(&mut self, event: Event) {
        match event {
            Event::Text(delta) => self.push_text(delta),
            Event::Reasoning(delta) => self.push_reasoning(delta),
            Event::TextEnd { opaque } => self.end_text(opaque),
            Event::ReasoningEnd { opaque } => self.end_reasoning(opaque),
            Event::ToolCallStart { index, id, name } => self.start_call(index, id, name),
            Event::ToolCallDelta { index, arguments } => self.grow_call(index, arguments),
            Event::ToolCallEnd { index, arguments, opaque } => {
                self.end_call(index, arguments, opaque);
            }
            Event::HostedCallStart { id, name } => self.start_hosted_call(id, name),
            Event::HostedCall { id, arguments } => self.call_hosted(&id, arguments),
            Event::HostedResult { id, outcome } => self.end_hosted_call(&id, outcome),
            Event::Source { url, title } => self.add_source(&url, title),
            Event::Usage(_) | Event::FailedAfterEnd(_) => {}
            Event::End { .. } => self.close_block(),
        }
    }

    fn push_text(&mut self, delta: String) {
        let delta = self.fitting(delta);
        if let Some(Part::Text { text, done: false, .. }) = self.parts.last_mut() {
            text.push_str(&delta);
            return;
        }
        self.close_block();
        self.parts.push(Part::Text { text: delta, done: false, opaque: None });
    }

    /// As much of a text as there is room for.
    fn fitting(&mut self, text: String) -> String {
        let mut text = sanitize::text(text);
        text.truncate(text.floor_char_boundary(MAX_BYTES.saturating_sub(self.bytes)));
        self.bytes += text.len();
        text
    }

    /// Opaque data must go back unchanged, so it is kept whole or not at all.
    fn fitting_opaque(&mut self, opaque: Option<Opaque>) -> Option<Opaque> {
        let room = MAX_BYTES.saturating_sub(self.bytes);
        let opaque = opaque.filter(|opaque| opaque.json.len() <= room);
        self.bytes += opaque.as_ref().map_or(0, |opaque| opaque.json.len());
        opaque
    }

    fn end_text(&mut self, opaque: Option<Opaque>) {
        let opaque = self.fitting_opaque(opaque);
        if let Some(Part::Text { done: done @ false, opaque: kept, .. }) = self.parts.last_mut() {
            *done = true;
            *kept = opaque;
        }
    }

    fn push_reasoning(&mut self, delta: String) {
        let delta = self.fitting(delta);
        if let Some(Part::Reasoning { text, done: false, .. }) = self.parts.last_mut() {
            text.push_str(&delta);
            return;
        }
        self.close_block();
        self.parts.push(Part::Reasoning { text: delta, done: false, opaque: None });
    }

    fn end_reasoning(&mut self, opaque: Option<Opaque>) {
        let opaque = self.fitting_opaque(opaque);
        if let Some(Part::Reasoning { done: done @ false, opaque: kept, .. }) =
            self.parts.last_mut()
        {
            *done = true;
            *kept = opaque;
        } else if opaque.is_some() {
            self.close_block();
            self.parts.push(Part::Reasoning { text: String::new(), done: true, opaque });
        }
    }

    fn start_call(&mut self, index: usize, id: String, name: String) {
        self.close_block();
        let id = self.fitting(id);
        let (id, name) = (self.unused(id), self.fitting(name));
        self.calls.push(Call { index, part: self.parts.len(), nesting: Nesting::default() });
        self.parts.push(Part::from(ToolPart {
            id,
            name,
            arguments: String::new(),
            state: ToolState::InputStreaming,
            opaque: None,
            approval: None,
            is_edited: false,
        }));
    }

    /// The id of a call, made different from those of the answer's other calls: clients and
    /// providers find a result by it.
    fn unused(&self, id: String) -> String {
        let is_used = |id: &str| {
            self.parts.iter().any(|part| matches!(part, Part::Tool(tool) if tool.id == id))
        };
        let others = (2..).map(|number| format!("{id}_{number}"));
        std::iter::once(id.clone()).chain(others).find(|id| !is_used(id)).unwrap_or(id)
    }

    fn grow_call(&mut self, index: usize, arguments: String) {
        let arguments = self.fitting(arguments);
        let Some(call) = self.calls.iter_mut().find(|call| call.index == index) else { return };
        let arguments = call.nesting.within(&arguments, MAX_DEPTH);
        if let Some(Part::Tool(tool)) = self.parts.get_mut(call.part)
            && !self.hidden.has_any_of(&tool.name)
        {
            tool.arguments.push_str(arguments);
        }
    }

    fn end_call(&mut self, index: usize, arguments: String, opaque: Option<Opaque>) {
        let Some(call) = self.call(index) else { return };
        // The arguments come once more, whole.
        let sent = std::mem::take(&mut call.arguments).len();
        self.bytes = self.bytes.saturating_sub(sent);
        let arguments = self.fitting(arguments);
        let opaque = self.fitting_opaque(opaque);
        let Some(part) = self.calls.iter().find(|call| call.index == index) else { return };
        let part = part.part;
        let Some(Part::Tool(call)) = self.parts.get_mut(part) else { return };
        let is_shallow = depth(&arguments) <= MAX_DEPTH;
        let input = match serde_json::from_str(&arguments) {
            Ok(input @ Value::Object(_)) if is_shallow => Some(sanitize::json(input)),
            _ => None,
        };
        let shown = input.as_ref().and_then(|input| self.hidden.hide(part, &call.name, input));
        // What a provider keeps of a call may be the whole of it.
        call.opaque = opaque.filter(|_| !self.hidden.has_any_of(&call.name));
        (call.arguments, call.state) = match (input, shown) {
            (_, Some(shown)) => (shown.to_string(), ToolState::InputAvailable(shown)),
            (Some(input), None) => (arguments, ToolState::InputAvailable(input)),
            (None, None) => {
                let is_shown = is_shallow && !self.hidden.has_any_of(&call.name);
                let arguments = if is_shown { arguments } else { String::new() };
                let error_text = "The arguments are not a JSON object of reasonable depth.".into();
                (arguments, ToolState::OutputError { input: json!({}), error_text })
            }
        };
    }

    fn call(&mut self, index: usize) -> Option<&mut ToolPart> {
        let call = self.calls.iter().find(|call| call.index == index)?;
        match self.parts.get_mut(call.part) {
            Some(Part::Tool(tool)) => Some(&mut **tool),
            _ => None,
        }
    }

    /// Ends the text or thought that is open.
    pub(in crate::agent) fn close_block(&mut self) {
        if let Some(Part::Text { done, .. } | Part::Reasoning { done, .. }) = self.parts.last_mut()
        {
            *done = true;
        }
    }
}
