//! Chats for people to read. Pure.

use std::fmt::Write;

use serde::Deserialize;

/// What is written of a message.
#[derive(Debug, Deserialize)]
pub(super) struct Message {
    role: String,
    content: String,
    model: Option<String>,
    is_active: bool,
    created_at: String,
    #[serde(default)]
    parts: Vec<Part>,
}

/// What is written of a part besides its text.
#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type", default)]
    kind: String,
    filename: Option<String>,
}

/// The head of a chat.
pub(super) fn head(title: &str, created_at: &str) -> String {
    format!("# {}\n\nBegun {created_at}\n", line(title))
}

/// A message; nothing of one that was replaced.
pub(super) fn message(message: &Message) -> String {
    if !message.is_active {
        return String::new();
    }
    let who = match message.role.as_str() {
        "user" => "User",
        "assistant" => "Assistant",
        other => other,
    };
    let model = message.model.as_deref().filter(|_| message.role == "assistant");
    let model = model.map(|model| format!(" ({})", line(model))).unwrap_or_default();
    let mut text = format!("\n## {who}{model}, {}\n\n", message.created_at);
    if !message.content.is_empty() {
        text.push_str(&message.content);
        text.push('\n');
    }
    for part in message.parts.iter().filter(|part| part.kind == "file") {
        let name = part.filename.as_deref().unwrap_or("a file");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\nAttached: {}", line(name));
    }
    text
}

fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
