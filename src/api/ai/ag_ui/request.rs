//! What of a run's request is new, in the form of this API's own requests.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::ids;
use super::model::{AgUiMessage, AgUiToolCall, ForwardedProps, RunAgentInput};
use crate::api::ai::model::{ChatGenerate, Trigger};
use crate::http::error::ApiError;

/// How much a page may say about itself, in characters.
const MAX_CONTEXT: usize = 100_000;

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
    /// It only connects: it has nothing new, perhaps only a part of an answer.
    Connect,
    /// An answer to its last message.
    Answer,
    /// The rest of an answer that waits for its tools.
    Continue,
}

/// What the end of the client's copy asks for.
pub(super) fn intent(input: &RunAgentInput) -> Intent {
    match messages(input).last().map(|message| message.role.as_str()) {
        Some("user") => Intent::Answer,
        Some("tool") => Intent::Continue,
        _ => Intent::Connect,
    }
}

/// The messages of the conversation, without what clients add for themselves.
fn messages(input: &RunAgentInput) -> Vec<&AgUiMessage> {
    let all = input.messages.iter().flatten();
    all.filter(|message| matches!(message.role.as_str(), "user" | "assistant" | "tool")).collect()
}

/// The request for an answer to the last user message. What a client shows before it says where a branch
/// begins; one that sends nothing else has not read the conversation, and goes on with it.
pub(super) fn answer(input: &RunAgentInput) -> ChatGenerate {
    let messages = messages(input);
    let last = messages.len().saturating_sub(1);
    let messages = messages
        .into_iter()
        .enumerate()
        .filter_map(|(index, message)| ui_message(message, index == last, &input.run_id));
    let messages: Vec<_> = messages.collect();
    let alone = match &*messages {
        [message] => serde_json::from_str(message.get()).ok(),
        _ => None,
    };
    ChatGenerate {
        messages: alone.is_none().then_some(messages),
        message: alone,
        trigger: Some(Trigger::SubmitMessage),
        ..options(input)
    }
}

/// The request for the rest of an answer, with what the client's tools have returned.
pub(super) fn continuation(input: &RunAgentInput) -> ChatGenerate {
    let messages = messages(input);
    let is_result = |message: &&&AgUiMessage| message.role == "tool";
    let results: Vec<_> = messages.iter().rev().take_while(is_result).collect();
    let asked = messages.iter().rev().find(|message| message.tool_calls.is_some());
    let calls = asked.and_then(|message| message.tool_calls.as_deref()).unwrap_or_default();
    let parts = results.into_iter().rev().map(|result| tool_part(result, calls));
    let parts: Vec<_> = parts.collect();
    let id = asked.and_then(|message| message.id.as_deref()).map(ids::stored);
    let message = json!({ "id": id, "role": "assistant", "parts": parts });
    ChatGenerate {
        messages: to_raw_value(&message).ok().map(|message| vec![message]),
        message_id: id.map(str::to_owned),
        trigger: Some(Trigger::SubmitMessage),
        ..options(input)
    }
}

/// A result as the AI SDK has it.
fn tool_part(result: &AgUiMessage, calls: &[AgUiToolCall]) -> Value {
    let id = result.tool_call_id.as_deref().unwrap_or_default();
    let call = calls.iter().find(|call| call.id == id);
    let name = call.map_or("unknown", |call| &call.function.name);
    let text = result.content.as_ref().map(text).unwrap_or_default();
    let kind = format!("tool-{name}");
    if let Some(error) = &result.error {
        return json!({
            "type": kind, "toolCallId": id, "state": "output-error", "errorText": error,
        });
    }
    // Results are text in this protocol; what is JSON is kept as such.
    let json = serde_json::from_str::<Value>(&text).ok();
    let output = json.filter(|json| json.is_object() || json.is_array());
    let output = output.unwrap_or(Value::String(text));
    json!({ "type": kind, "toolCallId": id, "state": "output-available", "output": output })
}

/// The request for another answer in the place of one.
pub(super) fn regenerate(input: &RunAgentInput, answer: uuid::Uuid) -> ChatGenerate {
    ChatGenerate { regenerate: Some(answer.to_string()), ..options(input) }
}

fn options(input: &RunAgentInput) -> ChatGenerate {
    let props = input.forwarded_props.clone().unwrap_or_default();
    let ForwardedProps { model, assistant, max_output_tokens, temperature, top_p, .. } = props;
    ChatGenerate {
        model,
        assistant,
        max_output_tokens,
        temperature,
        top_p,
        reasoning_effort: props.reasoning_effort,
        max_steps: props.max_steps,
        stream: Some(true),
        id: Some(input.thread_id.clone()),
        client_tools: tools(input),
        ..ChatGenerate::default()
    }
}

/// The client's tools.
fn tools(input: &RunAgentInput) -> Option<Value> {
    let tools = input.tools.as_deref().filter(|tools| !tools.is_empty())?;
    let tools = tools.iter().map(|tool| {
        let any = json!({ "type": "object", "properties": {} });
        let parameters = tool.parameters.clone().filter(|schema| !schema.is_null()).unwrap_or(any);
        json!({ "name": tool.name, "description": tool.description, "parameters": parameters })
    });
    Some(tools.collect())
}

/// A message as the AI SDK has it. Of all but the last one only the id and the author count.
fn ui_message(message: &AgUiMessage, is_last: bool, run_id: &str) -> Option<Box<RawValue>> {
    let AgUiMessage { id, role, content, .. } = message;
    if !matches!(role.as_str(), "user" | "assistant") {
        return None;
    }
    let id = id.as_deref().map(ids::stored);
    if !is_last {
        return to_raw_value(&json!({ "id": id?, "role": role, "parts": [] })).ok();
    }
    // A message without an id has one all the same, so that its repeat is recognised.
    let id = id.map_or_else(|| format!("{run_id}:user"), str::to_owned);
    let parts = parts(content.as_ref());
    to_raw_value(&json!({ "id": id, "role": role, "parts": parts })).ok()
}

fn parts(content: Option<&Value>) -> Value {
    match content {
        Some(Value::String(text)) => json!([{ "type": "text", "text": text }]),
        Some(Value::Array(parts)) => parts.iter().map(part).collect(),
        // Whoever reads the message says what is wrong.
        other => other.cloned().unwrap_or(Value::Null),
    }
}

/// A part as the AI SDK has it; what is none of the protocol's is left as it is.
fn part(part: &Value) -> Value {
    let source = &part["source"];
    let name = [&part["filename"], &part["metadata"]["filename"], &part["metadata"]["name"]];
    let name = name.into_iter().find(|name| name.is_string()).cloned().unwrap_or(Value::Null);
    match part["type"].as_str() {
        Some("image" | "audio" | "video" | "document") => match source["type"].as_str() {
            Some("data") => file(&source["mimeType"], &data_url(source, "value"), &name),
            Some("file") => json!({ "type": "file", "file_id": source["value"] }),
            _ => file(&source["mimeType"], &source["value"], &name),
        },
        // Its older form.
        Some("binary") if part["data"].is_string() => {
            file(&part["mimeType"], &data_url(part, "data"), &name)
        }
        Some("binary") => file(&part["mimeType"], &part["url"], &name),
        _ => part.clone(),
    }
}

fn file(media_type: &Value, url: &Value, name: &Value) -> Value {
    json!({ "type": "file", "mediaType": media_type, "url": url, "filename": name })
}

fn data_url(source: &Value, field: &str) -> Value {
    let media_type = source["mimeType"].as_str().unwrap_or_default();
    format!("data:{media_type};base64,{}", source[field].as_str().unwrap_or_default()).into()
}

/// What the page says about itself, for the model.
pub(super) fn context(input: &RunAgentInput) -> Result<Option<String>, ApiError> {
    let messages = input.messages.as_deref().unwrap_or_default();
    let instructions =
        messages.iter().filter(|message| matches!(message.role.as_str(), "system" | "developer"));
    let instructions = instructions.filter_map(|message| message.content.as_ref()).map(text);
    let entries = input.context.as_deref().unwrap_or_default().iter().map(|entry| {
        let value = text(&entry.value);
        entry.description.as_ref().map_or(value.clone(), |about| format!("{about}: {value}"))
    });
    let all: Vec<_> = instructions.chain(entries).filter(|text| !text.is_empty()).collect();
    let all = all.join("\n\n");
    if all.chars().count() > MAX_CONTEXT {
        let detail = format!("must be at most {MAX_CONTEXT} characters long");
        return Err(ApiError::invalid("/context", detail));
    }
    Ok(Some(all).filter(|text| !text.is_empty()))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
