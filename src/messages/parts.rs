//! The parts of a message that a client sends: AI SDK `UIMessage` parts.

use serde_json::{Map, Value, json};

use crate::validate::Checks;

const MAX_PARTS: usize = 1_000;
/// Texts of one message together, in bytes.
const MAX_TEXT_BYTES: usize = 8 << 20;

/// The parts of a message given as `content` or as `parts`. Pointers begin with `prefix`.
pub fn of(
    content: Option<String>,
    parts: Option<Vec<Value>>,
    prefix: &str,
    checks: &mut Checks,
) -> Vec<Value> {
    let parts = match (content, parts) {
        (None, Some(parts)) => checked(parts, prefix, checks),
        (Some(content), None) => vec![json!({ "type": "text", "text": content })],
        (Some(_), Some(_)) => {
            checks.refuse(format!("{prefix}/content"), "cannot be sent together with parts");
            return Vec::new();
        }
        (None, None) => {
            checks.refuse(format!("{prefix}/content"), "is missing: send content or parts");
            return Vec::new();
        }
    };
    let text = text(&parts);
    if text.len() > MAX_TEXT_BYTES {
        checks.refuse(format!("{prefix}/content"), "must be at most 8 MiB of text");
    }
    if text.trim().is_empty() && parts.iter().all(|part| kind(part) == "text") {
        checks.refuse(format!("{prefix}/content"), "must not be empty");
    }
    parts
}

/// Checks that each part is one the AI SDK would take.
pub fn checked(parts: Vec<Value>, prefix: &str, checks: &mut Checks) -> Vec<Value> {
    if parts.len() > MAX_PARTS {
        checks.refuse(format!("{prefix}/parts"), format!("must be at most {MAX_PARTS} parts"));
    }
    for (index, part) in parts.iter().enumerate() {
        if let Err((field, detail)) = check(part) {
            checks.refuse(format!("{prefix}/parts/{index}{field}"), detail);
        }
    }
    parts
}

fn check(part: &Value) -> Result<(), (&'static str, &'static str)> {
    let Some(part) = part.as_object() else { return Err(("", "must be an object")) };
    let Some(kind) = part.get("type").and_then(Value::as_str) else {
        return Err(("/type", "must be a string"));
    };
    match kind {
        "text" | "reasoning" => require_text(part, "text", "/text"),
        // `Files::resolve` looks closer.
        "file" => Ok(()),
        "step-start" => Ok(()),
        "source-url" => require_text(part, "url", "/url"),
        "source-document" => require_text(part, "title", "/title"),
        "dynamic-tool" => require_text(part, "toolName", "/toolName"),
        _ if kind.starts_with("data-") => Ok(()),
        _ if kind.starts_with("tool-") => require_text(part, "toolCallId", "/toolCallId"),
        _ => Err(("/type", "is not a type of part that the AI SDK knows")),
    }
}

fn require_text(
    part: &Map<String, Value>,
    field: &str,
    pointer: &'static str,
) -> Result<(), (&'static str, &'static str)> {
    match part.get(field) {
        Some(Value::String(_)) => Ok(()),
        _ => Err((pointer, "must be a string")),
    }
}

/// The text parts, joined: a message's `content`.
pub fn text(parts: &[Value]) -> String {
    parts
        .iter()
        .filter(|part| kind(part) == "text")
        .filter_map(|part| part["text"].as_str())
        .collect()
}

/// The same parts with one text in place of all their texts.
pub fn with_text(parts: Vec<Value>, text: &str) -> Vec<Value> {
    let place = parts.iter().position(|part| kind(part) == "text");
    let before = place.unwrap_or(0);
    let mut kept: Vec<_> = parts.into_iter().filter(|part| kind(part) != "text").collect();
    kept.insert(before.min(kept.len()), json!({ "type": "text", "text": text }));
    kept
}

fn kind(part: &Value) -> &str {
    part["type"].as_str().unwrap_or_default()
}
