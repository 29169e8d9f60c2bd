//! An answer as a response: its items, its status and its usage.

use serde_json::{Value, json};

use super::model::{InputTokensDetails, OutputTokensDetails, Response, ResponseUsage};
use crate::agent::{Answer, End, Part, Status, ToolPart};
use crate::api::openai::completion::{finish_reason, model};
use crate::http::error::for_end;

/// What a response is called, and when it was begun.
#[derive(Clone)]
pub(super) struct Heading {
    pub(super) id: String,
    pub(super) created_at: i64,
}

/// The response that an answer is: what is known at its start, or at its end.
pub(super) fn response(heading: &Heading, answer: &Answer, end: Option<&End>) -> Response {
    let (status, reason) = end.map_or(("in_progress", None), |end| status(answer, end));
    let items = answer.parts.iter().enumerate().filter_map(|(index, part)| item(index, part));
    Response {
        id: heading.id.clone(),
        object: "response".to_owned(),
        created_at: heading.created_at,
        status: status.to_owned(),
        model: model(answer).to_owned(),
        output: items.filter(|_| end.is_some()).collect(),
        usage: end.map(usage),
        error: end.filter(|_| status == "failed").map(|end| {
            let error = for_end(end);
            json!({ "code": error.code(), "message": error.detail() })
        }),
        incomplete_details: reason.map(|reason| json!({ "reason": reason })),
        parallel_tool_calls: true,
        tool_choice: "auto".to_owned(),
        tools: Vec::new(),
    }
}

fn status(answer: &Answer, end: &End) -> (&'static str, Option<&'static str>) {
    match finish_reason(answer, end) {
        _ if end.status != Status::Complete => ("failed", None),
        "length" => ("incomplete", Some("max_output_tokens")),
        "content_filter" => ("incomplete", Some("content_filter")),
        _ => ("completed", None),
    }
}

fn usage(end: &End) -> ResponseUsage {
    let usage = end.usage;
    ResponseUsage {
        input_tokens: usage.input_tokens,
        input_tokens_details: InputTokensDetails { cached_tokens: usage.cached_input_tokens },
        output_tokens: usage.output_tokens,
        output_tokens_details: OutputTokensDetails { reasoning_tokens: usage.reasoning_tokens },
        total_tokens: usage.total_tokens,
    }
}

/// The item that a part is, whole.
pub(super) fn item(index: usize, part: &Part) -> Option<Value> {
    match part {
        Part::Text { text, .. } => Some(json!({
            "type": "message", "id": id(index, part), "status": "completed", "role": "assistant",
            "content": [text_part(text)],
        })),
        Part::Reasoning { text, .. } => Some(json!({
            "type": "reasoning", "id": id(index, part), "summary": [summary_part(text)],
        })),
        Part::Tool(call) => Some(json!({
            "type": "function_call", "id": id(index, part), "status": "completed",
            "call_id": call.id, "name": call.name, "arguments": arguments(call),
        })),
        Part::StepStart | Part::Hosted(_) | Part::Other(_) => None,
    }
}

/// The id of a part's item.
pub(super) fn id(index: usize, part: &Part) -> String {
    match part {
        Part::Reasoning { .. } => format!("rs_{index}"),
        Part::Tool(_) => format!("fc_{index}"),
        _ => format!("msg_{index}"),
    }
}

pub(super) fn arguments(call: &ToolPart) -> &str {
    if call.arguments.is_empty() { "{}" } else { &call.arguments }
}

pub(super) fn text_part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

pub(super) fn summary_part(text: &str) -> Value {
    json!({ "type": "summary_text", "text": text })
}
