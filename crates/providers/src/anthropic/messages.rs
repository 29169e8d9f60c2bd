//! Converts a prepared conversation to the messages of a Messages request.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::document::{self, Document};
use crate::{Content, Message, Opaque, Role};

/// A message. Consecutive turns of one role are merged, as the provider would do.
#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: Speaker,
    content: Vec<Piece<'a>>,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    User,
    Assistant,
}

/// A block, or one that is sent back unchanged.
#[derive(Serialize)]
#[serde(untagged)]
enum Piece<'a> {
    Block(Block<'a>),
    Raw(Box<RawValue>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        citations: Option<Box<RawValue>>,
    },
    Image {
        source: Source<'a>,
    },
    Document {
        source: Source<'a>,
        title: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Box<RawValue>,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Text { media_type: &'static str, data: String },
}

/// The conversation without its leading instructions, which have a field of their own. It starts with
/// a user message, as the provider requires.
pub(super) fn turns(messages: &[Message]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for message in messages.iter().skip_while(|message| message.role == Role::System) {
        let role = speaker(message.role);
        if turns.is_empty() && role == Speaker::Assistant {
            let text = "(The conversation began earlier.)".into();
            turns.push(Turn {
                role: Speaker::User,
                content: vec![Piece::Block(Block::Text { text, citations: None })],
            });
        }
        let content = message.content.iter().filter_map(|piece| self::piece(piece, message.role));
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ => turns.push(Turn { role, content: content.collect() }),
        }
    }
    turns
}

fn speaker(role: Role) -> Speaker {
    match role {
        Role::Assistant => Speaker::Assistant,
        Role::System | Role::User | Role::Tool => Speaker::User,
    }
}

fn piece(piece: &Content, role: Role) -> Option<Piece<'_>> {
    Some(Piece::Block(match piece {
        Content::Text { text, .. } if role == Role::System => instructions(text),
        Content::Text { text, opaque } => {
            Block::Text { text: text.into(), citations: citations(opaque.as_ref()) }
        }
        Content::Image { media_type, base64 } => image(media_type, base64),
        Content::Document { media_type, name, base64 } => document(media_type, name, base64),
        Content::Reasoning { opaque, .. } => {
            let json = opaque.as_ref()?.json.clone();
            return RawValue::from_string(json).ok().map(Piece::Raw);
        }
        Content::ToolCall { id, name, arguments, .. } => {
            let input = RawValue::from_string(arguments.clone()).ok()?;
            Block::ToolUse { id, name, input }
        }
        Content::ToolResult { id, output, is_error, .. } => {
            Block::ToolResult { tool_use_id: id, content: output, is_error: *is_error }
        }
    }))
}

/// Only some models accept instructions in mid-conversation; all of them understand this.
fn instructions(text: &str) -> Block<'static> {
    Block::Text { text: format!("<system>\n{text}\n</system>").into(), citations: None }
}

fn image<'a>(media_type: &'a str, base64: &'a str) -> Block<'a> {
    if !document::is_supported_image(media_type) {
        return Block::Text { text: document::placeholder(media_type).into(), citations: None };
    }
    Block::Image { source: Source::Base64 { media_type, data: base64 } }
}

fn document<'a>(media_type: &'a str, name: &'a str, base64: &'a str) -> Block<'a> {
    let source = match Document::read(media_type, base64) {
        Document::Pdf => Source::Base64 { media_type, data: base64 },
        Document::Text(data) => Source::Text { media_type: "text/plain", data },
        Document::Unreadable => {
            return Block::Text { text: document::placeholder(name).into(), citations: None };
        }
    };
    Block::Document { source, title: name }
}

/// What a text cites, as it came.
fn citations(opaque: Option<&Opaque>) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Attached {
        citations: Option<Box<RawValue>>,
    }
    serde_json::from_str::<Attached>(&opaque?.json).ok()?.citations
}
