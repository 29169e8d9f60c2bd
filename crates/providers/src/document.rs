//! How the documents of a message are sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The form in which a document can be sent.
#[derive(Debug, PartialEq)]
pub(super) enum Document {
    /// As a file, which providers parse themselves.
    Pdf,
    /// As text.
    Text(String),
    /// Not at all: no model could read it.
    Unreadable,
}

impl Document {
    pub fn read(media_type: &str, base64: &str) -> Self {
        if media_type == "application/pdf" {
            return Self::Pdf;
        }
        let text = is_text(media_type).then(|| decoded(base64)).flatten();
        text.map_or(Self::Unreadable, Self::Text)
    }
}

/// Whether all providers accept images of this type.
pub(super) fn is_supported_image(media_type: &str) -> bool {
    matches!(media_type, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

/// The text that replaces a file that cannot be sent.
pub(super) fn placeholder(name: &str) -> String {
    format!("[file: {name}]")
}

/// A file's text as part of a message.
pub(super) fn inline_text(name: &str, text: &str) -> String {
    let name = name.replace(['"', '<', '>'], "_");
    format!("<document name=\"{name}\">\n{text}\n</document>")
}

/// The content of a file as a data URL.
pub(super) fn data_url(media_type: &str, base64: &str) -> String {
    format!("data:{media_type};base64,{base64}")
}

fn is_text(media_type: &str) -> bool {
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let formats = ["json", "xml", "yaml", "toml", "csv", "javascript", "markdown", "sql"];
    media_type.starts_with("text/") || formats.iter().any(|format| media_type.ends_with(format))
}

fn decoded(base64: &str) -> Option<String> {
    let bytes = STANDARD.decode(base64).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
