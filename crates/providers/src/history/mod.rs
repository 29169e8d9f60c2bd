//! Normalizes a request and its conversation so that every provider accepts them, whichever provider
//! wrote its parts.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Content, Message, Opaque, ProviderName, Request, ResponseFormat, Role};

/// The result that the model receives for a call that was cut off.
const UNFINISHED: &str = "The tool did not finish.";
/// The result that the model receives for an empty one, which not every provider accepts.
const NO_OUTPUT: &str = "(no output)";

/// The maximum length of ids and of tool names that all providers accept.
const MAX_ID: usize = 64;

/// The request as it can be sent to a provider: with a normalized history, and with the request for
/// JSON in words, because Anthropic has no other way to express it and OpenAI requires the word.
pub(super) fn prepare(mut request: Request, provider: &ProviderName) -> Request {
    const JSON: &str = "Answer with one JSON object and nothing else.";
    request.messages = normalize(request.messages, provider);
    request.system = request.system.filter(|text| !text.trim().is_empty());
    if request.response_format == ResponseFormat::JsonObject {
        let system = request.system.map(|system| format!("{system}\n\n{JSON}"));
        request.system = system.or_else(|| Some(JSON.to_owned()));
    }
    request
}

/// Drops what `provider` cannot read: empty texts, reasoning and opaque data of other providers,
/// results that belong to no call. Gives each call a unique id, a name in the form that all providers
/// accept, an object as arguments, and its result in the next message: providers refuse everything
/// else.
fn normalize(messages: Vec<Message>, provider: &ProviderName) -> Vec<Message> {
    let (messages, calls) = paired(messages);
    let mut calls = calls.into_iter();
    let mut normalize = Vec::with_capacity(messages.len());
    for message in messages {
        let (content, results) = normalized(message.content, provider, &mut calls);
        if !content.is_empty() {
            normalize.push(Message { role: message.role, content });
        }
        if !results.is_empty() {
            normalize.push(Message { role: Role::Tool, content: results });
        }
    }
    normalize
}

/// A tool call of the conversation and its result.
struct Call {
    /// The index of its message.
    turn: usize,
    original_id: String,
    id: String,
    outcome: Option<(String, bool)>,
}

impl Call {
    fn result(self, name: &str) -> Content {
        let (mut output, is_error) = self.outcome.unwrap_or_else(|| (UNFINISHED.to_owned(), true));
        if output.trim().is_empty() {
            output = NO_OUTPUT.to_owned();
        }
        Content::ToolResult { id: self.id, name: name.to_owned(), output, is_error }
    }
}

/// Removes the results from the messages and assigns each to the call with its id in the latest
/// message that has one; calls of one message that share an id receive theirs in order. Returns the
/// calls in the order of the messages.
fn paired(mut messages: Vec<Message>) -> (Vec<Message>, Vec<Call>) {
    let mut calls: Vec<Call> = Vec::new();
    let mut taken = HashSet::new();
    for (turn, message) in messages.iter_mut().enumerate() {
        message.content.retain_mut(|piece| match piece {
            Content::ToolCall { id, .. } => {
                let unique = unique_id(id, &mut taken);
                calls.push(Call { turn, original_id: id.clone(), id: unique, outcome: None });
                true
            }
            Content::ToolResult { id, output, is_error, .. } => {
                if let Some(call) = waiting(&mut calls, id) {
                    call.outcome = Some((std::mem::take(output), *is_error));
                }
                false
            }
            _ => true,
        });
    }
    (messages, calls)
}

/// The call that a result with this id belongs to.
fn waiting<'a>(calls: &'a mut [Call], id: &str) -> Option<&'a mut Call> {
    let turn = calls.iter().rfind(|call| call.original_id == id)?.turn;
    let mut same = calls.iter_mut().filter(|call| call.turn == turn && call.original_id == id);
    same.find(|call| call.outcome.is_none())
}

/// The text with unsupported characters replaced.
fn acceptable(word: &str, if_empty: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let word = if word.is_empty() { if_empty } else { word };
    word.chars().take(MAX_ID).map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// An id that all providers accept. It is the same each time the conversation is sent.
fn unique_id(id: &str, taken: &mut HashSet<String>) -> String {
    let id = acceptable(id, "call");
    let mut number = 1;
    let mut unique = id.clone();
    while !taken.insert(unique.clone()) {
        number += 1;
        let suffix = format!("_{number}");
        unique = format!("{}{suffix}", &id[..id.len().min(MAX_ID - suffix.len())]);
    }
    unique
}

/// The parts that may be sent, and the results of the calls among them.
fn normalized(
    pieces: Vec<Content>,
    provider: &ProviderName,
    calls: &mut impl Iterator<Item = Call>,
) -> (Vec<Content>, Vec<Content>) {
    let own = |opaque: Option<Opaque>| opaque.filter(|opaque| opaque.provider == *provider);
    let mut results = Vec::new();
    let mut content = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece {
            Content::Text { text, .. } if text.trim().is_empty() => {}
            Content::Text { text, opaque } => {
                content.push(Content::Text { text, opaque: own(opaque) });
            }
            Content::Reasoning { text, opaque } => content.extend(
                own(opaque).map(|opaque| Content::Reasoning { text, opaque: Some(opaque) }),
            ),
            Content::ToolCall { name, arguments, opaque, .. } => {
                let Some(call) = calls.next() else { continue };
                let (id, arguments) = (call.id.clone(), object(arguments));
                let name = acceptable(&name, "tool");
                results.push(call.result(&name));
                content.push(Content::ToolCall { id, name, arguments, opaque: own(opaque) });
            }
            other => content.push(other),
        }
    }
    (without_last_thoughts(content), results)
}

/// Arguments that are not a JSON object, which models sometimes write, would make the whole request
/// invalid.
fn object(arguments: String) -> String {
    let is_object = arguments.trim_start().starts_with('{')
        && serde_json::from_str::<IgnoredAny>(&arguments).is_ok();
    if is_object { arguments } else { "{}".to_owned() }
}

/// Reasoning must be followed by the output that it led to; if it was cut off, nothing follows. Other
/// blocks that only their provider understands may come last: a paused answer ends with one.
fn without_last_thoughts(mut content: Vec<Content>) -> Vec<Content> {
    while let Some(Content::Reasoning { opaque: Some(opaque), .. }) = content.last()
        && is_thought(opaque)
    {
        content.pop();
    }
    content
}

fn is_thought(opaque: &Opaque) -> bool {
    #[derive(Deserialize)]
    struct Block<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
    }
    let block = serde_json::from_str::<Block<'_>>(&opaque.json);
    block.is_ok_and(|block| matches!(block.kind, "thinking" | "redacted_thinking" | "reasoning"))
}

#[cfg(test)]
mod tests;
