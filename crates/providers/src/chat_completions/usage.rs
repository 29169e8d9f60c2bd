//! Parses the usage objects of both OpenAI protocols. Every detail is part of a total.

use serde_json::Value;

use crate::{Usage, lenient};

/// The token counts of a usage object. `None` if it has none: an absent usage is not zero.
pub(crate) fn read(json: &str) -> Option<Usage> {
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
        searches: 0,
        cost_usd: cost(&usage),
        raw: None,
    };
    Some(read.clamped().with_raw(usage, json.len()))
}

/// The first of the paths that holds a count.
fn count(usage: &Value, paths: &[&str]) -> Option<u64> {
    paths.iter().find_map(|path| lenient::count(usage.pointer(path)?))
}

/// OpenRouter reports the cost of a call.
fn cost(usage: &Value) -> Option<f64> {
    usage["cost"].as_f64().filter(|cost| cost.is_finite() && *cost >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_part_is_never_more_than_its_whole() {
        let usage = read(
            r#"{"input_tokens": 10, "output_tokens": 5,
                "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 7,
                    "cache_write_tokens_details": {"ttl_12h_tokens": 9}},
                "output_tokens_details": {"reasoning_tokens": 6}}"#,
        )
        .unwrap();
        assert_eq!((usage.cached_input_tokens, usage.cache_write_input_tokens), (8, 2));
        assert_eq!((usage.long_cache_write_input_tokens, usage.reasoning_tokens), (2, 5));
    }

    #[test]
    fn nothing_is_not_zero() {
        for nothing in ["", "null", "{}", "[]", "7", r#"{"prompt_tokens": "many"}"#] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
        let usage =
            read(r#"{"prompt_tokens": 3.0, "completion_tokens": -1, "cost": "free"}"#).unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.cost_usd), (3, 0, None));
    }

    #[test]
    fn a_large_object_is_not_kept() {
        let usage = |length| {
            let filler = "x".repeat(length);
            read(&format!(r#"{{"prompt_tokens": 3, "filler": "{filler}"}}"#)).unwrap()
        };
        assert!(usage(16_000).raw.is_some());
        assert!(usage(17_000).raw.is_none());
        assert_eq!(usage(17_000).input_tokens, 3);
    }
}
