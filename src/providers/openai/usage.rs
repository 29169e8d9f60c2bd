//! Reads the usage objects of both of OpenAI's protocols. Every detail is a part of a total.

use serde_json::Value;

use crate::providers::Usage;

/// The tokens a usage object names. `None` where there is nothing to read: an absent usage is not
/// zero.
pub(super) fn read(json: &str) -> Option<Usage> {
    let usage: Value = serde_json::from_str(json).ok()?;
    let input = count(&usage, &["/prompt_tokens", "/input_tokens"]);
    let output = count(&usage, &["/completion_tokens", "/output_tokens"]);
    if input.is_none() && output.is_none() {
        return None;
    }
    let detail = |paths: &[&str]| count(&usage, paths).unwrap_or(0);
    let read = Usage {
        input_tokens: input.unwrap_or(0),
        output_tokens: output.unwrap_or(0),
        cached_input_tokens: detail(&[
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
            "/prompt_cache_hit_tokens",
        ]),
        cache_write_input_tokens: detail(&[
            "/prompt_tokens_details/cache_write_tokens",
            "/input_tokens_details/cache_write_tokens",
        ]),
        long_cache_write_input_tokens: detail(&[
            "/input_tokens_details/cache_write_tokens_details/ttl_12h_tokens",
        ]),
        reasoning_tokens: detail(&[
            "/completion_tokens_details/reasoning_tokens",
            "/output_tokens_details/reasoning_tokens",
        ]),
        cost_usd: cost(&usage),
        raw: None,
    };
    Some(read.clamped().with_raw(usage, json.len()))
}

/// The first of the paths that holds a count.
fn count(usage: &Value, paths: &[&str]) -> Option<u64> {
    paths.iter().find_map(|path| usage.pointer(path)?.as_u64())
}

/// OpenRouter names the price of a call.
fn cost(usage: &Value) -> Option<f64> {
    usage["cost"].as_f64().filter(|cost| cost.is_finite() && *cost >= 0.0)
}
