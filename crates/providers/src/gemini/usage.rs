//! Counts the reasoning tokens, which Gemini excludes from the output tokens.

use serde_json::Value;

use crate::Usage;

/// The usage, with tokens of the total that are neither input nor output counted as reasoning.
pub(super) fn with_reasoning(usage: Usage) -> Usage {
    let total = usage.raw.as_ref().and_then(|raw| raw.get("total_tokens")).and_then(Value::as_u64);
    let emitted = usage.input_tokens.saturating_add(usage.output_tokens);
    let reasoning = total.unwrap_or(0).saturating_sub(emitted);
    Usage {
        output_tokens: usage.output_tokens.saturating_add(reasoning),
        reasoning_tokens: usage.reasoning_tokens.max(reasoning),
        ..usage
    }
    .clamped()
}
