//! Converts a prepared conversation to the messages of a Chat Completions request.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::chat_completions::dialect::Dialect;
use crate::document::{self, Document};
use crate::{Content, Message, Request, Role};

#[derive(Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
pub(super) enum ChatMessage<'a> {
    System {
        content: Cow<'a, str>,
    },
    Developer {
        content: Cow<'a, str>,
    },
    User {
        content: UserContent<'a>,
    },
    Assistant {
        content: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tool_calls: Vec<Call<'a>>,
    },
    Tool {
        tool_call_id: &'a str,
        content: Cow<'a, str>,
    },
}

/// Text alone is sent as a string, because many servers support nothing else.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum UserContent<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Part<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl },
    File { file: File<'a> },
}

#[derive(Serialize)]
pub(super) struct ImageUrl {
    url: String,
}

#[derive(Serialize)]
pub(super) struct File<'a> {
    filename: &'a str,
    file_data: String,
}

#[derive(Serialize)]
pub(super) struct Call<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// The whole conversation.
pub(super) fn messages(request: &Request, dialect: Dialect) -> Vec<ChatMessage<'_>> {
    let system = request.system.as_deref();
    let system = system.map(|text| instructions(text.into(), dialect));
    let messages = request.messages.iter().flat_map(|message| wire(message, dialect));
    system.into_iter().chain(messages).collect()
}

fn wire(message: &Message, dialect: Dialect) -> Vec<ChatMessage<'_>> {
    match message.role {
        Role::System => {
            texts(message).map(|text| instructions(text, dialect)).into_iter().collect()
        }
        Role::User => vec![ChatMessage::User { content: user(message) }],
        Role::Assistant => assistant(message).into_iter().collect(),
        Role::Tool => message.content.iter().filter_map(tool).collect(),
    }
}

fn instructions(content: Cow<'_, str>, dialect: Dialect) -> ChatMessage<'_> {
    if dialect.developer {
        ChatMessage::Developer { content }
    } else {
        ChatMessage::System { content }
    }
}

fn user(message: &Message) -> UserContent<'_> {
    let is_text = |piece: &Content| matches!(piece, Content::Text { .. });
    match texts(message) {
        Some(text) if message.content.iter().all(is_text) => UserContent::Text(text),
        _ => UserContent::Parts(message.content.iter().filter_map(part).collect()),
    }
}

fn part(piece: &Content) -> Option<Part<'_>> {
    match piece {
        Content::Text { text, .. } => Some(Part::Text { text: text.into() }),
        Content::Image { media_type, base64 } if document::is_supported_image(media_type) => {
            Some(Part::ImageUrl {
                image_url: ImageUrl { url: document::data_url(media_type, base64) },
            })
        }
        Content::Image { media_type, .. } => {
            Some(Part::Text { text: document::placeholder(media_type).into() })
        }
        Content::Document { media_type, name, base64 } => Some(document(media_type, name, base64)),
        Content::Reasoning { .. } | Content::ToolCall { .. } | Content::ToolResult { .. } => None,
    }
}

/// Only PDF files are sent as files; any other text is sent as text.
fn document<'a>(media_type: &str, name: &'a str, base64: &str) -> Part<'a> {
    match Document::read(media_type, base64) {
        Document::Pdf => {
            let file_data = document::data_url(media_type, base64);
            Part::File { file: File { filename: name, file_data } }
        }
        Document::Text(text) => Part::Text { text: document::inline_text(name, &text).into() },
        Document::Unreadable => Part::Text { text: document::placeholder(name).into() },
    }
}

/// The protocol cannot represent reasoning.
fn assistant(message: &Message) -> Option<ChatMessage<'_>> {
    let content = texts(message);
    let tool_calls: Vec<_> = message.content.iter().filter_map(call).collect();
    let is_empty = content.is_none() && tool_calls.is_empty();
    (!is_empty).then_some(ChatMessage::Assistant { content, tool_calls })
}

fn call(piece: &Content) -> Option<Call<'_>> {
    let Content::ToolCall { id, name, arguments, opaque } = piece else {
        return None;
    };
    let extra_content = opaque.as_ref().and_then(|opaque| extra_content(&opaque.json));
    Some(Call { id, kind: "function", function: Function { name, arguments }, extra_content })
}

/// The opaque data of a call of the Responses API is an item with a type, which does not belong here.
fn extra_content(json: &str) -> Option<Box<RawValue>> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    value.get("type").is_none().then(|| RawValue::from_string(json.to_owned()).ok())?
}

/// The protocol cannot mark a result as failed, so its text says so.
fn tool(piece: &Content) -> Option<ChatMessage<'_>> {
    let Content::ToolResult { id, output, is_error, .. } = piece else {
        return None;
    };
    let content = if *is_error { format!("Error: {output}").into() } else { output.into() };
    Some(ChatMessage::Tool { tool_call_id: id, content })
}

/// All texts of a message, concatenated.
fn texts(message: &Message) -> Option<Cow<'_, str>> {
    let mut texts = message.content.iter().filter_map(|piece| match piece {
        Content::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let first = Cow::Borrowed(texts.next()?);
    Some(texts.fold(first, |all, text| format!("{all}\n\n{text}").into()))
}
