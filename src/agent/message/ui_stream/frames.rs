//! The frames of the stream, and how they are written.

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::agent::tools::source::Progress;

/// What a problem looks like inside the stream.
pub struct StreamError {
    /// The sentence for a person.
    pub error_text: String,
    /// The whole problem, JSON text.
    pub problem: String,
}

/// A frame of the stream; the protocol's own field names.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum Frame<'a> {
    Start {
        message_id: Uuid,
        message_metadata: &'a Map<String, Value>,
    },
    StartStep,
    FinishStep,
    TextStart {
        id: &'a str,
    },
    TextEnd {
        id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    ReasoningStart {
        id: &'a str,
    },
    ReasoningEnd {
        id: &'a str,
    },
    ToolInputStart {
        tool_call_id: &'a str,
        tool_name: &'a str,
    },
    ToolInputDelta {
        tool_call_id: &'a str,
        input_text_delta: &'a str,
    },
    ToolInputAvailable {
        tool_call_id: &'a str,
        tool_name: &'a str,
        input: &'a Value,
    },
    ToolOutputAvailable {
        tool_call_id: &'a str,
        output: &'a Value,
    },
    ToolOutputError {
        tool_call_id: &'a str,
        error_text: &'a str,
    },
    #[serde(rename = "tool-input-start")]
    HostedStart {
        tool_call_id: &'a str,
        tool_name: &'a str,
        provider_executed: bool,
    },
    #[serde(rename = "tool-input-available")]
    HostedCall {
        tool_call_id: &'a str,
        tool_name: &'a str,
        input: &'a Value,
        provider_executed: bool,
    },
    #[serde(rename = "tool-output-available")]
    HostedOutput {
        tool_call_id: &'a str,
        output: &'a Value,
        provider_executed: bool,
    },
    #[serde(rename = "tool-output-error")]
    HostedError {
        tool_call_id: &'a str,
        error_text: &'a str,
        provider_executed: bool,
    },
    ToolOutputDenied {
        tool_call_id: &'a str,
    },
    ToolApprovalRequest {
        approval_id: &'a str,
        tool_call_id: &'a str,
    },
    MessageMetadata {
        message_metadata: &'a Map<String, Value>,
    },
    Finish {
        message_metadata: &'a Map<String, Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        finish_reason: Option<&'static str>,
    },
    Abort,
    Error {
        error_text: &'a str,
    },
    #[serde(rename = "data-chat-title")]
    Title {
        data: Title<'a>,
        transient: bool,
    },
    #[serde(rename = "data-tool-progress")]
    ToolProgress {
        data: CallReport<'a>,
        transient: bool,
    },
}

/// How far a running call is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallReport<'a> {
    pub(super) tool_call_id: &'a str,
    #[serde(flatten)]
    pub(super) progress: &'a Progress,
}

/// The question whether a call may be made, for clients that have no frame for it.
pub(super) fn put_approval(out: &mut Vec<u8>, id: &str, data: &Value) {
    let frame = serde_json::json!({ "type": "data-approval", "id": id, "data": data });
    out.extend_from_slice(format!("data: {frame}\n\n").as_bytes());
}

#[derive(Serialize)]
pub(super) struct Title<'a> {
    pub(super) title: &'a str,
}

pub(super) fn put(out: &mut Vec<u8>, frame: &Frame<'_>) {
    out.extend_from_slice(b"data: ");
    // Frames hold nothing that JSON cannot, and writing to a Vec does not fail.
    let _ = serde_json::to_writer(&mut *out, frame);
    out.extend_from_slice(b"\n\n");
}

/// About as long as a frame with a piece of text is without that.
const DELTA_FRAME_BYTES: usize = 64;

/// A piece of a text or thought. Nearly all frames are such, so what is the same in each is not put together
/// anew.
pub(super) fn put_delta(out: &mut Vec<u8>, is_text: bool, id: usize, delta: &str) {
    out.reserve(DELTA_FRAME_BYTES + delta.len());
    out.extend_from_slice(if is_text {
        br#"data: {"type":"text-delta","id":""#
    } else {
        br#"data: {"type":"reasoning-delta","id":""#
    });
    // A number and a string are written without fail.
    let _ = serde_json::to_writer(&mut *out, &id);
    out.extend_from_slice(br#"","delta":"#);
    let _ = serde_json::to_writer(&mut *out, delta);
    out.extend_from_slice(b"}\n\n");
}

/// Stored parts that the stream has a frame for: files, sources, and data of the front end. One without
/// what its frame must have is left out: clients refuse the whole stream for it.
pub(super) fn put_other(out: &mut Vec<u8>, value: &Value) {
    let (required, optional): (&[&str], &[&str]) = match value.get("type").and_then(Value::as_str) {
        Some("file") => (&["type", "url", "mediaType"], &[]),
        Some("source-url") => (&["type", "sourceId", "url"], &["title"]),
        Some("source-document") => (&["type", "sourceId", "mediaType", "title"], &["filename"]),
        Some(kind) if kind.starts_with("data-") => {
            out.extend_from_slice(format!("data: {value}\n\n").as_bytes());
            return;
        }
        _ => return,
    };
    // Where in the document.
    let is_document = value.get("type").is_some_and(|kind| kind == "source-document");
    let member = |name: &&str| Some(((*name).to_owned(), value.get(*name)?.as_str()?.into()));
    let mut frame: Map<String, Value> = required.iter().filter_map(member).collect();
    if frame.len() == required.len() {
        frame.extend(optional.iter().filter_map(member));
        if let Some(place) = value
            .pointer("/providerMetadata/chat-backend")
            .filter(|place| is_document && place.is_object())
        {
            let metadata = serde_json::json!({ "chat-backend": place });
            frame.insert("providerMetadata".to_owned(), metadata);
        }
        out.extend_from_slice(format!("data: {}\n\n", Value::Object(frame)).as_bytes());
    }
}

pub(super) fn put_error(out: &mut Vec<u8>, error: &StreamError) {
    let data = format!(
        "data: {{\"type\":\"data-error\",\"data\":{},\"transient\":true}}\n\n",
        error.problem
    );
    out.extend_from_slice(data.as_bytes());
    put(out, &Frame::Error { error_text: &error.error_text });
}
