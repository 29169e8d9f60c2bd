//! What ChatGPT writes, as far as it is read.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(super) struct Conversation {
    pub(super) conversation_id: Option<String>,
    /// The same; older exports have only this.
    pub(super) id: Option<String>,
    pub(super) title: Option<String>,
    pub(super) create_time: Option<f64>,
    #[serde(default)]
    pub(super) mapping: HashMap<String, Node>,
    pub(super) current_node: Option<String>,
    pub(super) is_archived: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) message: Option<Message>,
    pub(super) parent: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Message {
    pub(super) author: Author,
    pub(super) create_time: Option<f64>,
    pub(super) content: Content,
    pub(super) recipient: Option<String>,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

#[derive(Debug, Deserialize)]
pub(super) struct Author {
    pub(super) role: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Content {
    #[serde(default)]
    pub(super) content_type: String,
    #[serde(default)]
    pub(super) parts: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Metadata {
    pub(super) model_slug: Option<String>,
    #[serde(default)]
    pub(super) is_visually_hidden_from_conversation: bool,
}

/// The text of a part: it is one, or what was heard of a voice.
pub(super) fn text(part: &Value) -> Option<&str> {
    let transcript = || {
        let is_transcript = part.get("content_type")?.as_str()? == "audio_transcription";
        part.get("text").and_then(Value::as_str).filter(|_| is_transcript)
    };
    part.as_str().or_else(transcript)
}

/// Seconds since 1970, if they are a time that a database and all clients can read.
pub(super) fn time(seconds: Option<f64>) -> Option<Timestamp> {
    let seconds = seconds.filter(|seconds| (0.0..=250_000_000_000.0).contains(seconds))?;
    // In range, so nothing is lost but parts of microseconds.
    Timestamp::from_microsecond((seconds * 1e6) as i64).ok()
}
