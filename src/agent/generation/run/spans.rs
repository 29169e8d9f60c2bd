//! The spans of a generation, by the semantic conventions for generative AI. They show no content,
//! unless the operator wants it; instructions never.

use std::time::Duration;

use jiff::Timestamp;
use opentelemetry::{Array, StringValue, Value};
use serde_json::json;
use tracing::{Span, debug_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use super::Interruption;
use crate::agent::message::part::Part;
use crate::agent::usage::meter::UsageTotal;
use crate::observability::traces;
use crate::providers::catalogue::Usd;
use crate::providers::{ChosenModel, Content, FinishReason, Message, Request, Role};

/// The most bytes of a conversation, and of an answer, that a span shows.
const MAX_CONTENT: usize = 64 << 10;

/// The span of a generation.
pub(in crate::agent::generation) fn generation(user_id: Uuid, chat_id: Option<Uuid>) -> Span {
    let span = debug_span!("generation", otel.kind = "internal", otel.name = "invoke_agent");
    if traces::is_on() {
        span.set_attribute("gen_ai.operation.name", "invoke_agent");
        span.set_attribute("user.id", user_id.to_string());
        if let Some(chat_id) = chat_id {
            span.set_attribute("gen_ai.conversation.id", chat_id.to_string());
            span.set_attribute("session.id", chat_id.to_string());
        }
    }
    span
}

/// The span of one call of a model.
pub(super) fn model_call(model: &ChosenModel, request: &Request, shows_content: bool) -> Span {
    let name = format!("chat {}", model.id);
    let span = debug_span!("model_call", otel.kind = "client", otel.name = %name);
    if !traces::is_on() {
        return span;
    }
    span.set_attribute("gen_ai.operation.name", "chat");
    span.set_attribute("gen_ai.provider.name", provider_name(model));
    span.set_attribute("gen_ai.request.model", model.id.clone());
    span.set_attribute("langfuse.observation.type", "generation");
    if let Some(most) = request.max_output_tokens {
        span.set_attribute("gen_ai.request.max_tokens", i64::from(most));
    }
    if let Some(temperature) = request.temperature {
        span.set_attribute("gen_ai.request.temperature", temperature);
    }
    if let Some(top_p) = request.top_p {
        span.set_attribute("gen_ai.request.top_p", top_p);
    }
    if shows_content {
        let shown = request.messages.iter().filter(|message| message.role != Role::System);
        let messages: Vec<_> = shown.map(message_json).collect();
        span.set_attribute("gen_ai.input.messages", cut(json!(messages).to_string()));
    }
    span
}

/// The first content of a call has come, this long after it began.
pub(super) fn first_token(after: Duration, now: Timestamp) {
    if traces::is_on() {
        let span = Span::current();
        span.set_attribute("gen_ai.response.time_to_first_chunk", after.as_secs_f64());
        span.set_attribute("langfuse.observation.completion_start_time", now.to_string());
    }
}

/// How a call has ended, and what it has used.
pub(super) fn end_model_call(
    span: &Span,
    result: &Result<FinishReason, Interruption>,
    used: Option<&UsageTotal>,
) {
    if !traces::is_on() {
        return;
    }
    match result {
        Ok(reason) => {
            let reasons = vec![StringValue::from(reason.as_str().to_owned())];
            let reasons = Value::Array(Array::String(reasons));
            span.set_attribute("gen_ai.response.finish_reasons", reasons);
        }
        Err(interruption) => traces::set_error(span, interruption.code()),
    }
    if let Some(used) = used {
        set_usage(span, used);
    }
}

/// Tokens and price. `gen_ai.usage` counts cached tokens among the input and those of reasoning among the
/// output; Langfuse adds up what it is given, so its own attributes have each token once.
fn set_usage(span: &Span, used: &UsageTotal) {
    let tokens = used.tokens();
    let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
    for (name, tokens) in [
        ("gen_ai.usage.input_tokens", tokens.input_tokens),
        ("gen_ai.usage.output_tokens", tokens.output_tokens),
        ("gen_ai.usage.cache_read.input_tokens", tokens.cached_input_tokens),
        ("gen_ai.usage.cache_creation.input_tokens", tokens.cache_write_input_tokens),
        ("gen_ai.usage.reasoning.output_tokens", tokens.reasoning_tokens),
    ] {
        span.set_attribute(name, count(tokens));
    }
    let cached = tokens.cached_input_tokens + tokens.cache_write_input_tokens;
    let details = json!({
        "input": tokens.input_tokens.saturating_sub(cached),
        "input_cached_tokens": tokens.cached_input_tokens,
        "input_cache_creation": tokens.cache_write_input_tokens,
        "output": tokens.output_tokens.saturating_sub(tokens.reasoning_tokens),
        "output_reasoning_tokens": tokens.reasoning_tokens,
        "total": tokens.total_tokens,
    });
    span.set_attribute("langfuse.observation.usage_details", details.to_string());
    if let Some(cost) = used.cost().map(Usd::as_f64) {
        span.set_attribute("gen_ai.usage.cost", cost);
        let details = json!({ "total": cost });
        span.set_attribute("langfuse.observation.cost_details", details.to_string());
    }
}

/// What the model has answered, for operators who want to see it.
pub(super) fn show_output(span: &Span, parts: &[Part]) {
    if traces::is_on() {
        let parts: Vec<_> = parts.iter().filter_map(part_json).collect();
        let messages = json!([{ "role": "assistant", "parts": parts }]);
        span.set_attribute("gen_ai.output.messages", cut(messages.to_string()));
    }
}

/// The name that the conventions have for the provider, or else its own.
fn provider_name(model: &ChosenModel) -> String {
    let known = model.provider_capabilities().telemetry_name;
    known.unwrap_or(model.provider().as_str()).to_owned()
}

fn message_json(message: &Message) -> serde_json::Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let parts: Vec<_> = message.content.iter().filter_map(content_json).collect();
    json!({ "role": role, "parts": parts })
}

fn content_json(content: &Content) -> Option<serde_json::Value> {
    Some(match content {
        Content::Text { text, .. } => json!({ "type": "text", "content": text }),
        Content::Reasoning { .. } => return None,
        Content::ToolCall { id, name, arguments, .. } => {
            json!({ "type": "tool_call", "id": id, "name": name, "arguments": arguments })
        }
        Content::ToolResult { id, output, .. } => {
            json!({ "type": "tool_call_response", "id": id, "response": output })
        }
        Content::Image { media_type, .. } | Content::Document { media_type, .. } => {
            json!({ "type": "file", "mime_type": media_type })
        }
    })
}

fn part_json(part: &Part) -> Option<serde_json::Value> {
    Some(match part {
        Part::Text { text, .. } => json!({ "type": "text", "content": text }),
        Part::Tool(tool) => {
            json!({ "type": "tool_call", "id": tool.id, "name": tool.name, "arguments": tool.arguments })
        }
        _ => return None,
    })
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_CONTENT));
    text
}
