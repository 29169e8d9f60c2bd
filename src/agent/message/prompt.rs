//! From a chat's history to what a model is asked: trimmed to its context window, nothing dangling.

use std::collections::HashMap;

use uuid::Uuid;

use super::part::{Part, ToolPart, ToolState};
use crate::agent::message::history::HistoryMessage;
use crate::providers::{Content, Message, Role};

/// How many bytes a token takes at the least, on average: what fits by this fits for certain.
const MIN_BYTES_PER_TOKEN: usize = 3;
/// The share of the context window that is kept free for the answer where no limit is set.
const ANSWER_SHARE: u64 = 4;
/// What precedes files that tools have made.
const MADE: &str = "(Files that the tools have made:)";

/// The conversation for the model, oldest first, without what exceeds the window: the history and
/// the `turns` of the answer so far. The newest message and the turns always stay; a message goes
/// with all that belongs to it.
pub fn conversation(
    history: &[HistoryMessage],
    turns: &[Message],
    system: Option<&str>,
    context_window: Option<u64>,
    max_output_tokens: Option<u32>,
) -> Vec<Message> {
    let taken: usize = turns.iter().map(size).sum();
    let mut room = room(system, context_window, max_output_tokens).saturating_sub(taken);
    let mut kept: Vec<Vec<Message>> = Vec::new();
    for message in history.iter().rev() {
        let turn = messages(message);
        let size: usize = turn.iter().map(size).sum();
        if size > room && !kept.is_empty() {
            break;
        }
        room = room.saturating_sub(size);
        kept.push(turn);
    }
    // A conversation that begins with an answer confuses models and is refused by some.
    while kept.len() > 1 && starts_with_answer(kept.last()) {
        kept.pop();
    }
    kept.into_iter().rev().flatten().chain(turns.iter().cloned()).collect()
}

fn starts_with_answer(turn: Option<&Vec<Message>>) -> bool {
    turn.is_some_and(|turn| turn.first().is_none_or(|message| message.role == Role::Assistant))
}

/// How many bytes of conversation fit.
fn room(
    system: Option<&str>,
    context_window: Option<u64>,
    max_output_tokens: Option<u32>,
) -> usize {
    let Some(window) = context_window else { return usize::MAX };
    let answer = max_output_tokens.map_or(window / ANSWER_SHARE, u64::from).min(window / 2);
    let tokens = usize::try_from(window - answer).unwrap_or(usize::MAX);
    tokens.saturating_mul(MIN_BYTES_PER_TOKEN).saturating_sub(system.map_or(0, str::len))
}

/// The bytes of text in a document. That of a PDF file is about a tenth of it.
pub(in crate::agent) fn document_size(media_type: &str, base64: &str) -> usize {
    let bytes = base64.len() / 4 * 3;
    if media_type == "application/pdf" { bytes / 10 } else { bytes }
}

/// The bytes that count against the window. Pictures count as about a thousand tokens.
fn size(message: &Message) -> usize {
    let content = message.content.iter().map(|content| match content {
        Content::Text { text, .. } => text.len(),
        Content::Reasoning { text, opaque } => {
            text.len() + opaque.as_ref().map_or(0, |opaque| opaque.json.len())
        }
        Content::ToolCall { arguments, .. } => arguments.len() + 50,
        Content::ToolResult { output, .. } => output.len() + 50,
        Content::Image { .. } => 4_000,
        Content::Document { media_type, base64, .. } => document_size(media_type, base64),
    });
    content.sum()
}

/// One stored message as the model's turns: each step of an answer is followed by its results.
fn messages(message: &HistoryMessage) -> Vec<Message> {
    let role = match message.role.as_str() {
        "assistant" => return answer(&message.parts, &message.files),
        "system" => Role::System,
        _ => Role::User,
    };
    let content = |part| attached(part, &message.files).or_else(|| question_content(part));
    let content: Vec<_> = message.parts.iter().filter_map(content).collect();
    if content.is_empty() { Vec::new() } else { vec![Message { role, content }] }
}

/// A file that the model is shown.
fn attached(part: &Part, files: &HashMap<Uuid, Content>) -> Option<Content> {
    let Part::Other(value) = part else { return None };
    let id = value.get("file_id")?.as_str()?.parse().ok()?;
    files.get(&id).cloned()
}

/// The messages with names in place of what a model cannot see or read.
pub fn readable(mut messages: Vec<Message>, sees: bool, reads_pdf: bool) -> Vec<Message> {
    for content in messages.iter_mut().flat_map(|message| &mut message.content) {
        let name = match content {
            Content::Image { .. } if !sees => "picture",
            Content::Document { media_type, name, .. }
                if !reads_pdf && media_type == "application/pdf" =>
            {
                name
            }
            _ => continue,
        };
        *content = Content::text(format!("[file: {name}]"));
    }
    messages
}

fn question_content(part: &Part) -> Option<Content> {
    match part {
        Part::Text { text, opaque, .. } if !text.is_empty() => {
            Some(Content::Text { text: text.clone(), opaque: opaque.clone() })
        }
        Part::Other(value) => {
            let name = value.get("filename").and_then(|name| name.as_str()).unwrap_or("unnamed");
            let is_file = value.get("type").and_then(|kind| kind.as_str()) == Some("file");
            is_file.then(|| Content::text(format!("[file: {name}]")))
        }
        _ => None,
    }
}

/// The turns of an answer. Files that its tools have made follow the results: not all providers take them
/// inside.
pub fn answer(parts: &[Part], files: &HashMap<Uuid, Content>) -> Vec<Message> {
    parts
        .split(|part| *part == Part::StepStart)
        .flat_map(|step| {
            let results: Vec<_> = step.iter().filter_map(result).collect();
            let is_made = |part: &&Part| !results.is_empty() && is_file(part);
            let content = step.iter().filter(|part| !is_made(part));
            let content: Vec<_> = content.filter_map(answer_content).collect();
            let made = step.iter().filter(is_made);
            let made =
                made.filter_map(|part| attached(part, files).or_else(|| question_content(part)));
            let mut made: Vec<_> = made.collect();
            if !made.is_empty() {
                made.insert(0, Content::text(MADE));
            }
            [(Role::Assistant, content), (Role::Tool, results), (Role::User, made)]
        })
        .filter(|(_, content)| !content.is_empty())
        .map(|(role, content)| Message { role, content })
        .collect()
}

fn is_file(part: &Part) -> bool {
    matches!(part, Part::Other(value) if value.get("type").is_some_and(|kind| kind == "file"))
}

fn answer_content(part: &Part) -> Option<Content> {
    match part {
        Part::Reasoning { text, opaque, .. } => {
            Some(Content::Reasoning { text: text.clone(), opaque: opaque.clone() })
        }
        Part::Tool(tool) => Some(Content::ToolCall {
            id: tool.id.clone(),
            name: tool.name.clone(),
            arguments: tool.sent_arguments(),
            opaque: tool.opaque.clone(),
        }),
        other => question_content(other),
    }
}

/// A call without a result gets one that says so: no provider takes a dangling call.
fn result(part: &Part) -> Option<Content> {
    let Part::Tool(tool) = part else { return None };
    let ToolPart { id, name, state, .. } = &**tool;
    let (mut output, is_error) = match state {
        ToolState::OutputAvailable { output, .. } => (as_text(output), false),
        ToolState::OutputError { error_text, .. } => (error_text.clone(), true),
        ToolState::OutputDenied(_) => (tool.denial(), true),
        ToolState::InputStreaming
        | ToolState::InputAvailable(_)
        | ToolState::ApprovalRequested(_)
        | ToolState::ApprovalResponded(_) => ("The tool was not run.".to_owned(), true),
    };
    if let Some(input) = tool.input().filter(|_| tool.is_edited) {
        // The call must stay what the provider has said.
        output = format!(
            "The person changed the arguments of this call to {input} before it was run.\n{output}"
        );
    }
    Some(Content::ToolResult { id: id.clone(), name: name.clone(), output, is_error })
}

fn as_text(output: &serde_json::Value) -> String {
    match output {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
