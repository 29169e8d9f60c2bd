//! The rows that conversations become.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// A row of `chats`.
#[derive(Debug, Serialize)]
pub struct ChatRow {
    pub id: Uuid,
    pub title: String,
    pub is_archived: bool,
    pub metadata: Value,
    pub created_at: Timestamp,
}

/// A row of `messages`.
#[derive(Debug, Serialize)]
pub struct MessageRow {
    pub id: Uuid,
    pub chat_id: Uuid,
    pub parent_id: Option<Uuid>,
    pub role: &'static str,
    pub content: String,
    pub parts: Value,
    pub model: Option<String>,
    pub is_active: bool,
    pub metadata: Value,
    pub created_at: Timestamp,
}

/// A text without control characters, at most so long.
pub(super) fn shortened(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

/// An id that follows from the user and from names of the export.
pub(super) fn id(user_id: Uuid, parts: &[&str]) -> Uuid {
    Uuid::new_v5(&user_id, format!("chatgpt {}", parts.join("\u{1f}")).as_bytes())
}
