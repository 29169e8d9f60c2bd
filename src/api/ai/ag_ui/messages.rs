//! Stored messages as the protocol's.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::calls::{of_provider, result_text};
use super::ids;
use super::rows::MessageRow;
use crate::agent::{Part, ToolPart, content};

/// The messages of a snapshot; without those that are still being written.
pub(super) fn snapshot(rows: &[MessageRow]) -> Vec<Value> {
    let written = rows.iter().filter(|row| row.status != "streaming");
    written.flat_map(messages).collect()
}

fn messages(row: &MessageRow) -> Vec<Value> {
    match row.role.as_str() {
        "assistant" => answer(row),
        "user" => vec![json!({ "id": row.id, "role": "user", "content": user_content(row) })],
        role => vec![json!({ "id": row.id, "role": role, "content": content(&row.parts) })],
    }
}

/// Text, or the parts where there are files.
fn user_content(row: &MessageRow) -> Value {
    let files = row.parts.iter().filter_map(file);
    let mut parts: Vec<Value> = files.collect();
    let text = content(&row.parts);
    if parts.is_empty() {
        return text.into();
    }
    if !text.is_empty() {
        parts.insert(0, json!({ "type": "text", "text": text }));
    }
    parts.into()
}

/// A file as the protocol has it.
pub(super) fn file(part: &Part) -> Option<Value> {
    let Part::Other(value) = part else { return None };
    if value["type"] != "file" {
        return None;
    }
    let media_type = value["mediaType"].as_str()?;
    let is_of = |kind: &&str| media_type.split('/').next() == Some(*kind);
    let kind = ["image", "audio", "video"].into_iter().find(is_of).unwrap_or("document");
    let source = json!({ "type": "url", "value": value["url"].as_str()?, "mimeType": media_type });
    Some(json!({ "type": kind, "source": source }))
}

/// An answer: a message for each text, with the calls of its step, and one for each thought and result.
fn answer(row: &MessageRow) -> Vec<Value> {
    let mut messages: Vec<Value> = Vec::new();
    let mut is_first = true;
    // Where the message is that calls go to.
    let mut current: Option<usize> = None;
    let parts: Vec<_> = row.parts.iter().map(plain).collect();
    for (index, part) in parts.iter().enumerate() {
        match &**part {
            Part::StepStart => current = None,
            Part::Reasoning { text, .. } if !text.is_empty() => {
                let id = ids::reasoning_id(row.id, index);
                messages.push(json!({ "id": id, "role": "reasoning", "content": text }));
            }
            Part::Text { text, .. } => {
                let id = ids::message_id(row.id, index, std::mem::take(&mut is_first));
                current = Some(messages.len());
                messages.push(json!({ "id": id, "role": "assistant", "content": text }));
            }
            Part::Tool(call) => {
                let place = current.unwrap_or_else(|| {
                    let id = ids::message_id(row.id, index, std::mem::take(&mut is_first));
                    messages.push(json!({ "id": id, "role": "assistant" }));
                    messages.len() - 1
                });
                current = Some(place);
                add_call(&mut messages[place], call);
            }
            _ => {}
        }
        if is_end_of_step(&parts, index) {
            messages.extend(results(&parts, index));
        }
    }
    messages
}

fn add_call(message: &mut Value, call: &ToolPart) {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    let function = json!({ "name": call.name, "arguments": arguments });
    let call = json!({ "id": call.id, "type": "function", "function": function });
    match message["toolCalls"].as_array_mut() {
        Some(calls) => calls.push(call),
        None => message["toolCalls"] = json!([call]),
    }
}

/// Calls of the provider's tools are calls, too.
fn plain(part: &Part) -> Cow<'_, Part> {
    match part {
        Part::Hosted(call) => {
            of_provider(call).map_or(Cow::Borrowed(part), |call| Cow::Owned(Part::from(call)))
        }
        part => Cow::Borrowed(part),
    }
}

fn is_end_of_step(parts: &[Cow<'_, Part>], index: usize) -> bool {
    parts.get(index + 1).is_none_or(|part| **part == Part::StepStart)
}

/// The results of the step that ends here.
fn results(parts: &[Cow<'_, Part>], end: usize) -> Vec<Value> {
    let step = &parts[..=end];
    let start = step.iter().rposition(|part| **part == Part::StepStart).unwrap_or_default();
    let results = step[start..].iter().filter_map(|part| match &**part {
        Part::Tool(call) => {
            let (id, content) = (ids::result_id(&call.id), result_text(call)?);
            Some(json!({ "id": id, "role": "tool", "toolCallId": call.id, "content": content }))
        }
        _ => None,
    });
    results.collect()
}
