//! The span of a call of a tool, by the semantic conventions for generative AI.

use tracing::{Span, debug_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::source::Outcome;
use super::sources::OfferedTool;
use crate::observability::traces;

/// The span of a call.
pub(super) fn begin(tool: &OfferedTool, call_id: &str) -> Span {
    let name = format!("execute_tool {}", tool.name);
    let span = debug_span!("tool_call", otel.kind = "internal", otel.name = %name);
    if traces::is_on() {
        span.set_attribute("gen_ai.operation.name", "execute_tool");
        span.set_attribute("gen_ai.tool.name", tool.name.clone());
        span.set_attribute("gen_ai.tool.call.id", call_id.to_owned());
        span.set_attribute("chat_backend.tool.source", tool.source.label().to_owned());
        if let Some(price) = tool.tool().price_usd {
            span.set_attribute("chat_backend.tool.price_usd", price.as_f64());
        }
    }
    span
}

/// How it has ended.
pub(super) fn end(span: &Span, outcome: &Outcome) {
    match outcome {
        Outcome::Ok { .. } => {}
        Outcome::Refused(_) => traces::set_error(span, "refused"),
        Outcome::Failed { .. } => traces::set_error(span, "failed"),
    }
}
