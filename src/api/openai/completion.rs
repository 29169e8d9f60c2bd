//! A completion that is not streamed, and what it shares with one that is.

use serde_json::Value;

use super::model::{
    AssistantMessage, ChatCompletion, Choice, CompletionTokensDetails, CompletionUsage,
    FunctionCall, PromptTokensDetails, ToolCall,
};
use crate::agent::{Answer, End, Part, ToolPart};
use crate::http::error::ApiError;

/// The completion that a finished answer is.
pub(super) fn completion(
    id: String,
    created: i64,
    answer: &Answer,
) -> Result<ChatCompletion, ApiError> {
    let end = answer.end.as_ref().ok_or_else(|| ApiError::internal("an answer without an end"))?;
    let calls: Vec<_> = calls(answer).map(tool_call).collect();
    let message = AssistantMessage {
        role: "assistant".to_owned(),
        // Between calls there may be nothing but them; an answer without anything is an empty text.
        content: Some(answer.content()).filter(|text| calls.is_empty() || !text.is_empty()),
        refusal: None,
        reasoning_content: Some(reasoning(answer)).filter(|text| !text.is_empty()),
        tool_calls: Some(calls).filter(|calls| !calls.is_empty()),
    };
    let finish_reason = finish_reason(answer, end).to_owned();
    Ok(ChatCompletion {
        id,
        object: "chat.completion".to_owned(),
        created,
        model: model(answer).to_owned(),
        choices: vec![Choice { index: 0, message, finish_reason, logprobs: None }],
        usage: usage(end),
    })
}

fn calls(answer: &Answer) -> impl Iterator<Item = &ToolPart> {
    answer.parts.iter().filter_map(|part| match part {
        Part::Tool(call) => Some(&**call),
        _ => None,
    })
}

fn tool_call(call: &ToolPart) -> ToolCall {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments }.to_owned();
    ToolCall {
        id: call.id.clone(),
        r#type: "function".to_owned(),
        function: FunctionCall { name: call.name.clone(), arguments },
    }
}

fn reasoning(answer: &Answer) -> String {
    let texts = answer.parts.iter().filter_map(|part| match part {
        Part::Reasoning { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The model that answers.
pub(super) fn model(answer: &Answer) -> &str {
    answer.metadata.get("model").and_then(Value::as_str).unwrap_or_default()
}

/// OpenAI's word for why the answer has ended.
pub(super) fn finish_reason(answer: &Answer, end: &End) -> &'static str {
    match end.finish_reason.as_str() {
        "length" | "context_window" => "length",
        "content_filter" | "refusal" => "content_filter",
        // Its calls are the caller's to run.
        "tool_calls" | "max_steps" if calls(answer).next().is_some() => "tool_calls",
        _ => "stop",
    }
}

/// The token usage.
pub(super) fn usage(end: &End) -> CompletionUsage {
    let usage = end.usage;
    CompletionUsage {
        prompt_tokens: usage.input_tokens,
        completion_tokens: usage.output_tokens,
        total_tokens: usage.total_tokens,
        prompt_tokens_details: PromptTokensDetails { cached_tokens: usage.cached_input_tokens },
        completion_tokens_details: CompletionTokensDetails {
            reasoning_tokens: usage.reasoning_tokens,
        },
    }
}
