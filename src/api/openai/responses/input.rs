//! The items of a conversation as messages of a chat completion, one for each.

use serde_json::{Value, json};

use super::model::ResponseInput;
use crate::api::ai::model::PlainContent;
use crate::api::openai::model::{ChatMessage, ChatRole, FunctionCall, ToolCall};
use crate::http::validate::Checks;

/// The messages of an input.
pub(super) fn messages(input: ResponseInput, checks: &mut Checks) -> Vec<ChatMessage> {
    let items = match input {
        ResponseInput::Text(text) => return vec![message(ChatRole::User, Some(text.into()))],
        ResponseInput::Items(items) => items,
    };
    let items = items.into_iter().enumerate().map(|(index, item)| {
        read(item).unwrap_or_else(|(field, detail)| {
            checks.refuse(format!("/input/{index}{field}"), detail);
            message(ChatRole::Assistant, None)
        })
    });
    items.collect()
}

impl From<String> for PlainContent {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

fn message(role: ChatRole, content: Option<PlainContent>) -> ChatMessage {
    ChatMessage { role, content, tool_calls: None, tool_call_id: None }
}

/// The message, or the field that is wrong and what is wrong with it.
fn read(item: Value) -> Result<ChatMessage, (&'static str, &'static str)> {
    const STRING: &str = "must be a string";
    let text = |field: &str| item[field].as_str().map(str::to_owned);
    match item["type"].as_str().unwrap_or("message") {
        "message" => {
            let role = serde_json::from_value(item["role"].clone());
            let role =
                role.map_err(|_| ("/role", "must be user, assistant, system or developer"))?;
            content(&item["content"]).map(|content| message(role, Some(content)))
        }
        "function_call" => {
            let id = text("call_id").ok_or(("/call_id", STRING))?;
            let name = text("name").ok_or(("/name", STRING))?;
            let arguments = text("arguments").ok_or(("/arguments", STRING))?;
            let function = FunctionCall { name, arguments };
            let call = ToolCall { id, r#type: "function".to_owned(), function };
            let tool_calls = Some(vec![call]);
            Ok(ChatMessage { tool_calls, ..message(ChatRole::Assistant, None) })
        }
        "function_call_output" => {
            let id = text("call_id").ok_or(("/call_id", STRING))?;
            let output = content(&item["output"]).map_err(|_| ("/output", "must be text"))?;
            let tool_call_id = Some(id);
            Ok(ChatMessage { tool_call_id, ..message(ChatRole::Tool, Some(output)) })
        }
        // Its provider takes only what it has encrypted itself, which is not sent to clients.
        "reasoning" => Ok(message(ChatRole::Assistant, None)),
        _ => Err(("/type", "must be message, function_call or function_call_output")),
    }
}

fn content(content: &Value) -> Result<PlainContent, (&'static str, &'static str)> {
    match content {
        Value::String(text) => Ok(PlainContent::Text(text.clone())),
        Value::Array(parts) => Ok(PlainContent::Parts(parts.iter().map(part).collect())),
        _ => Err(("/content", "must be a string or an array of parts")),
    }
}

/// The part as chat completions have it; what they have no other name for is left as it is.
fn part(part: &Value) -> Value {
    match part["type"].as_str() {
        Some("input_text" | "output_text") => json!({ "type": "text", "text": part["text"] }),
        Some("input_image") if part["image_url"].is_string() => {
            json!({ "type": "image_url", "image_url": { "url": part["image_url"] } })
        }
        Some("input_image" | "input_file") => json!({ "type": "file", "file": part }),
        _ => part.clone(),
    }
}
