//! Files as models are shown them.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::budget::{Kind, RUN_SCRIPT};
use crate::api::files::Attachment;
use crate::api::files::model::File;
use crate::api::files::text::{FileText, decode, decode_start};
use crate::providers::Content;

/// A file as the model is shown it, of which these are the first bytes.
pub(super) fn content(attachment: Attachment, bytes: &[u8]) -> Content {
    let Attachment { name, media_type, size, .. } = attachment;
    match Kind::from_media_type(&media_type) {
        Kind::Picture => Content::Image { media_type, base64: STANDARD.encode(bytes) },
        Kind::Text => document(name, &trimmed(bytes, size)),
        Kind::Pdf | Kind::Other => {
            Content::Document { media_type, name, base64: STANDARD.encode(bytes) }
        }
    }
}

fn document(name: String, text: &str) -> Content {
    Content::Document { media_type: "text/plain".to_owned(), name, base64: STANDARD.encode(text) }
}

/// The text, with notes of how it was encoded and of where it is truncated.
fn trimmed(bytes: &[u8], size: u64) -> String {
    let is_cut = (bytes.len() as u64) < size;
    let decoded = if is_cut { decode_start(bytes) } else { decode(bytes) };
    let mut text = String::new();
    match decoded {
        Some(decoded) => {
            if let Some(note) = decoded.note {
                let _ = writeln!(text, "[{note}]");
            }
            text += &decoded.text;
        }
        None => text += &String::from_utf8_lossy(bytes),
    }
    if is_cut {
        let _ = write!(text, "\n[… cut here: the first {} of {size} bytes are shown]", bytes.len());
    }
    text
}

/// The text that was found in a document, as much of it as the model reads.
pub(super) fn found_text(attachment: Attachment, found: &FileText, max_bytes: usize) -> Content {
    let Attachment { name, media_type, .. } = attachment;
    let mut text = format!("[The text of a file of the type {media_type}");
    if let Some(note) = &found.note {
        let _ = write!(text, ". {}", note.trim_end_matches('.'));
    }
    text += "]\n";
    let _ = write!(text, "{found}");
    if text.len() > max_bytes {
        text.truncate(text.floor_char_boundary(max_bytes));
        text += "\n[… cut here: the text goes on]";
    }
    document(name, &text)
}

/// What the model is told of a file that a script reads for it.
pub(super) fn named(file: &File) -> Content {
    let File { id, name, media_type, size, .. } = file;
    Content::text(format!(
        "[file: {name}, {media_type}, {size} bytes, id {id}. You cannot see its content: call \
         {RUN_SCRIPT} with files: [\"{id}\"] to read it]"
    ))
}

/// What the model is told of a file whose text cannot be read.
pub(super) fn without_text(name: &str, reason: &str) -> Content {
    Content::text(format!("[file: {name}, which {reason}]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::files::text::Page;

    #[test]
    fn long_texts_say_that_they_were_cut() {
        assert_eq!(trimmed("né".as_bytes(), 3), "né");
        assert_eq!(
            trimmed(&"né".as_bytes()[..2], 3),
            "n\n[… cut here: the first 2 of 3 bytes are shown]"
        );
    }

    #[test]
    fn another_encoding_is_named() {
        assert_eq!(
            trimmed(b"caf\xe9", 4),
            "[The file is in Latin-1 (Windows-1252); it is given as UTF-8.]\ncafé"
        );
    }

    #[test]
    fn pages_are_numbered_and_bounded() {
        let page = |number, text: &str| Page { number, text: text.to_owned() };
        let found = FileText {
            pages: vec![page(Some(1), "One"), page(Some(2), &"é".repeat(100))],
            note: Some("Only 2 of its 9 pages were read.".to_owned()),
        };
        let attachment = Attachment {
            name: "a.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            size: 1,
            dimensions: None,
            refused_by: None,
        };
        let Content::Document { media_type, base64, .. } = found_text(attachment, &found, 151)
        else {
            panic!("no document")
        };
        let text = String::from_utf8(STANDARD.decode(base64).unwrap()).unwrap();
        let start = "[The text of a file of the type application/pdf. Only 2 of its 9 pages were \
                     read]\n[page 1]\nOne\n[page 2]\né";
        assert!(text.starts_with(start) && media_type == "text/plain", "{text}");
        assert!(text.ends_with("é\n[… cut here: the text goes on]") && text.len() < 190, "{text}");
    }
}
