//! Converts a prepared conversation to the input of a Responses request.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::document::{self, Document};
use crate::{Content, Message, Opaque, Request, Role};

/// An item, or one that is sent back unchanged.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Input<'a> {
    Message(InputMessage<'a>),
    Item(Item<'a>),
    Raw(Box<RawValue>),
}

#[derive(Serialize)]
pub(super) struct InputMessage<'a> {
    role: &'static str,
    content: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Item<'a> {
    FunctionCall { call_id: &'a str, name: &'a str, arguments: &'a str },
    FunctionCallOutput { call_id: &'a str, output: Cow<'a, str> },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    InputText { text: Cow<'a, str> },
    OutputText { text: &'a str },
    InputImage { image_url: String, detail: &'static str },
    InputFile { filename: &'a str, file_data: String },
}

/// The whole conversation, including the instructions: the provider looks for the word JSON only here.
pub(super) fn input(request: &Request) -> Vec<Input<'_>> {
    let system = request.system.as_deref().map(|text| {
        let content = vec![Part::InputText { text: text.into() }];
        Input::Message(InputMessage { role: "developer", content, phase: None })
    });
    system.into_iter().chain(request.messages.iter().flat_map(items)).collect()
}

fn items(message: &Message) -> Vec<Input<'_>> {
    let role = match message.role {
        Role::System => "developer",
        Role::User => "user",
        Role::Assistant | Role::Tool => {
            return message.content.iter().filter_map(item).collect();
        }
    };
    let content: Vec<_> = message.content.iter().filter_map(part).collect();
    vec![Input::Message(InputMessage { role, content, phase: None })]
}

/// A part of a model's answer.
fn item(piece: &Content) -> Option<Input<'_>> {
    Some(match piece {
        Content::Text { text, opaque } => {
            let content = vec![Part::OutputText { text }];
            Input::Message(InputMessage {
                role: "assistant",
                content,
                phase: phase(opaque.as_ref()),
            })
        }
        Content::Reasoning { opaque, .. } => Input::Raw(raw(opaque.as_ref()?)?),
        Content::ToolCall { id, name, arguments, opaque } => opaque
            .as_ref()
            .filter(|opaque| is_same_call(opaque, id, name, arguments))
            .and_then(raw)
            .map(Input::Raw)
            .unwrap_or(Input::Item(Item::FunctionCall { call_id: id, name, arguments })),
        Content::ToolResult { id, output, is_error, .. } => {
            let output = if *is_error { format!("Error: {output}").into() } else { output.into() };
            Input::Item(Item::FunctionCallOutput { call_id: id, output })
        }
        Content::Image { .. } | Content::Document { .. } => return None,
    })
}

fn part(piece: &Content) -> Option<Part<'_>> {
    Some(match piece {
        Content::Text { text, .. } => Part::InputText { text: text.into() },
        Content::Image { media_type, base64 } if document::is_supported_image(media_type) => {
            Part::InputImage { image_url: document::data_url(media_type, base64), detail: "auto" }
        }
        Content::Image { media_type, .. } => {
            Part::InputText { text: document::placeholder(media_type).into() }
        }
        Content::Document { media_type, name, base64 } => document(media_type, name, base64),
        Content::Reasoning { .. } | Content::ToolCall { .. } | Content::ToolResult { .. } => {
            return None;
        }
    })
}

fn document<'a>(media_type: &str, name: &'a str, base64: &str) -> Part<'a> {
    match Document::read(media_type, base64) {
        Document::Pdf => {
            let file_data = document::data_url(media_type, base64);
            Part::InputFile { filename: name, file_data }
        }
        Document::Text(text) => Part::InputText { text: document::inline_text(name, &text).into() },
        Document::Unreadable => Part::InputText { text: document::placeholder(name).into() },
    }
}

fn raw(opaque: &Opaque) -> Option<Box<RawValue>> {
    RawValue::from_string(opaque.json.clone()).ok()
}

/// The opaque data of a text or a call, as far as it matters here.
#[derive(Default, Deserialize)]
struct Attached {
    phase: Option<String>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
}

fn attached(opaque: &Opaque) -> Attached {
    serde_json::from_str(&opaque.json).unwrap_or_default()
}

fn phase(opaque: Option<&Opaque>) -> Option<String> {
    attached(opaque?).phase
}

/// An item with another id would no longer match its result; one with another name or other arguments
/// would be refused by the API.
fn is_same_call(opaque: &Opaque, id: &str, name: &str, arguments: &str) -> bool {
    let attached = attached(opaque);
    attached.call_id.as_deref() == Some(id)
        && attached.name.as_deref() == Some(name)
        && attached.arguments.as_deref() == Some(arguments)
}
