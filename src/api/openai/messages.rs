//! The messages of a request as the history that a model is asked with.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::model::{ChatMessage, ChatRole, ToolCall};
use crate::agent::{HistoryMessage, Part, ToolPart, ToolState};
use crate::api::ai::model::PlainContent;
use crate::http::validate::Checks;

const MAX_MESSAGES: usize = 2_000;

/// A conversation and the instructions before it.
pub(super) struct Conversation {
    pub(super) system: Option<String>,
    /// One for each message of the request, so that both have the same index; empty where another holds its content.
    pub(super) history: Vec<HistoryMessage>,
}

/// Reads the messages of a request, which are its member `root`.
pub(super) fn conversation(
    messages: Vec<ChatMessage>,
    root: &str,
    checks: &mut Checks,
) -> Conversation {
    if messages.is_empty() || messages.len() > MAX_MESSAGES {
        checks.refuse(root, format!("must be 1 to {MAX_MESSAGES} messages"));
    }
    let mut system = Vec::new();
    let mut history: Vec<HistoryMessage> = Vec::new();
    for (index, message) in messages.into_iter().enumerate() {
        let pointer = format!("{root}/{index}");
        let is_instruction = matches!(message.role, ChatRole::System | ChatRole::Developer);
        // Instructions before the conversation are kept when the rest is too long for the model.
        let is_leading = is_instruction && history.iter().all(|before| before.parts.is_empty());
        let mut parts = content(message.content, message.role, &pointer, checks);
        if is_leading {
            system.push(text(&parts));
            parts.clear();
        }
        let role = match message.role {
            ChatRole::System | ChatRole::Developer => "system",
            ChatRole::User | ChatRole::Tool => "user",
            ChatRole::Assistant => "assistant",
        };
        match message.role {
            ChatRole::Tool => {
                let id = message.tool_call_id.as_deref().unwrap_or_default();
                if !answer_call(&mut history, id, text(&parts)) {
                    let detail = "is not the id of an unanswered call of a message before";
                    checks.refuse(format!("{pointer}/tool_call_id"), detail);
                }
                parts.clear();
            }
            ChatRole::Assistant => parts.extend(calls(message.tool_calls)),
            _ => {}
        }
        history.push(HistoryMessage { role: role.to_owned(), parts, files: HashMap::new() });
    }
    let system = Some(system.join("\n\n")).filter(|text| !text.is_empty());
    Conversation { system, history }
}

fn calls(calls: Option<Vec<ToolCall>>) -> impl Iterator<Item = Part> {
    calls.unwrap_or_default().into_iter().map(|call| {
        let arguments = call.function.arguments;
        let input = serde_json::from_str(&arguments).ok().filter(Value::is_object);
        Part::from(ToolPart {
            id: call.id,
            name: call.function.name,
            arguments,
            state: ToolState::InputAvailable(input.unwrap_or_else(|| json!({}))),
            opaque: None,
            approval: None,
            is_edited: false,
        })
    })
}

/// Puts a result where its call is; false if there is no such call.
fn answer_call(history: &mut [HistoryMessage], id: &str, output: String) -> bool {
    let parts = history.iter_mut().rev().flat_map(|message| &mut message.parts);
    let mut calls = parts.filter_map(|part| match part {
        Part::Tool(call) => Some(call),
        _ => None,
    });
    let open = calls.find_map(|call| match &call.state {
        ToolState::InputAvailable(input) if call.id == id => Some((input.clone(), call)),
        _ => None,
    });
    let Some((input, call)) = open else { return false };
    call.state = ToolState::OutputAvailable { input, output: output.into() };
    true
}

fn text(parts: &[Part]) -> String {
    crate::agent::content(parts)
}

fn content(
    content: Option<PlainContent>,
    role: ChatRole,
    pointer: &str,
    checks: &mut Checks,
) -> Vec<Part> {
    let parts = match content {
        Some(PlainContent::Text(text)) => return vec![text_part(&text)],
        Some(PlainContent::Parts(parts)) => parts,
        None => {
            // Between calls there may be nothing but them.
            if role != ChatRole::Assistant {
                checks.refuse(format!("{pointer}/content"), "is missing");
            }
            return Vec::new();
        }
    };
    let parts = parts.iter().enumerate().filter_map(|(index, part)| {
        let read = read_part(part, role);
        let refused = |(field, detail): (&str, &str)| {
            checks.refuse(format!("{pointer}/content/{index}{field}"), detail);
        };
        read.map_err(refused).ok()
    });
    parts.collect()
}

fn text_part(text: &str) -> Part {
    Part::Text { text: text.to_owned(), done: true, opaque: None }
}

/// The part, or the field that is wrong and what is wrong with it.
fn read_part(part: &Value, role: ChatRole) -> Result<Part, (&'static str, &'static str)> {
    let is_user = role == ChatRole::User;
    match part["type"].as_str() {
        Some("text") => part["text"].as_str().map(text_part).ok_or(("/text", "must be a string")),
        Some("refusal") if role == ChatRole::Assistant => {
            part["refusal"].as_str().map(text_part).ok_or(("/refusal", "must be a string"))
        }
        Some("image_url") if is_user => {
            let url = part["image_url"]["url"].as_str();
            let url = url.ok_or(("/image_url/url", "must be a string"))?;
            Ok(Part::Other(json!({ "type": "file", "url": url })))
        }
        Some("file") if is_user => file(&part["file"]),
        Some("image_url" | "file") => Err(("", "can be sent in user messages only")),
        Some("input_audio") => Err(("", "is audio, which this server does not take")),
        _ => Err(("/type", "must be text, image_url or file")),
    }
}

fn file(file: &Value) -> Result<Part, (&'static str, &'static str)> {
    let name = file["filename"].as_str();
    let mut part = match (file["file_id"].as_str(), file["file_data"].as_str()) {
        (Some(id), _) => json!({ "type": "file", "file_id": id }),
        (None, Some(data)) if data.starts_with("data:") => json!({ "type": "file", "url": data }),
        (None, Some(_)) => {
            return Err(("/file/file_data", "must be a data URL: data:<type>;base64,<data>"));
        }
        (None, None) => return Err(("/file", "must have file_data or file_id")),
    };
    if let Some(name) = name {
        part["filename"] = name.into();
    }
    Ok(Part::Other(part))
}
