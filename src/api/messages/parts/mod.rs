//! The parts of a message that a client sends: AI SDK `UIMessage` parts.

mod validate;

use serde_json::{Value, json};

use crate::http::validate::Checks;

const MAX_PARTS: usize = 1_000;
/// Texts of one message together, in bytes.
const MAX_TEXT_BYTES: usize = 8 << 20;

/// The parts of a message given as `content` or as `parts`. Pointers begin with `prefix`.
pub fn normalize(
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

/// The same, for what a model is asked: it is shown nothing but texts and files, so there must be one. What
/// only the newest clients know is left out, because others refuse a history that has it.
pub fn for_model(
    content: Option<String>,
    parts: Option<Vec<Value>>,
    prefix: &str,
    checks: &mut Checks,
) -> Vec<Value> {
    let parts = parts.map(|parts| parts.into_iter().filter(is_lasting).collect());
    let parts = normalize(content, parts, prefix, checks);
    let has_file = parts.iter().any(|part| kind(part) == "file");
    let has_others = parts.iter().any(|part| kind(part) != "text");
    if has_others && !has_file && text(&parts).trim().is_empty() {
        checks.refuse(format!("{prefix}/content"), "must have a text or a file for the model");
    }
    parts
}

/// Checks that each part is one the AI SDK would take; optional members that are null are left out.
pub fn checked(mut parts: Vec<Value>, prefix: &str, checks: &mut Checks) -> Vec<Value> {
    if parts.len() > MAX_PARTS {
        checks.refuse(format!("{prefix}/parts"), format!("must be at most {MAX_PARTS} parts"));
    }
    for (index, part) in parts.iter_mut().enumerate() {
        validate::without_nulls(part);
        if let Err((field, detail)) = validate::check(part) {
            checks.refuse(format!("{prefix}/parts/{index}{field}"), detail);
        }
    }
    parts
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

fn is_lasting(part: &Value) -> bool {
    !matches!(kind(part), "custom" | "reasoning-file" | "steering-message")
}

fn kind(part: &Value) -> &str {
    part["type"].as_str().unwrap_or_default()
}
