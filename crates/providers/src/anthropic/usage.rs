//! Converts Anthropic's usage objects. Its input count excludes cached tokens; ours includes them.

use serde_json::{Map, Value};

use crate::{Usage, lenient};

/// The usage so far. Later objects override only the fields that they contain.
#[derive(Debug, Default)]
pub(super) struct UsageTotals {
    merged: Map<String, Value>,
    is_emitted: bool,
}

impl UsageTotals {
    pub fn merge(&mut self, json: &str) {
        let Ok(Value::Object(newer)) = serde_json::from_str(json) else {
            return;
        };
        self.merged.extend(newer.into_iter().filter(|(_, value)| !value.is_null()));
        self.is_emitted = false;
    }

    /// The usage, unless it has been emitted since it last changed.
    pub fn take(&mut self) -> Option<Usage> {
        if self.merged.is_empty() || self.is_emitted {
            return None;
        }
        self.is_emitted = true;
        let raw = Value::Object(self.merged.clone());
        let length = raw.to_string().len();
        Some(read(&raw).clamped().with_raw(raw, length))
    }
}

fn read(usage: &Value) -> Usage {
    let count = |path: &str| usage.pointer(path).and_then(lenient::count).unwrap_or(0);
    let cached = count("/cache_read_input_tokens");
    let written = count("/cache_creation_input_tokens");
    Usage {
        input_tokens: count("/input_tokens").saturating_add(cached).saturating_add(written),
        output_tokens: count("/output_tokens"),
        cached_input_tokens: cached,
        cache_write_input_tokens: written,
        long_cache_write_input_tokens: count("/cache_creation/ephemeral_1h_input_tokens"),
        reasoning_tokens: count("/output_tokens_details/thinking_tokens"),
        searches: count("/server_tool_use/web_search_requests"),
        cost_usd: None,
        raw: None,
    }
}

#[cfg(test)]
mod tests {
    use super::UsageTotals;

    #[test]
    fn later_counts_replace_and_absent_ones_stay() {
        let mut totals = UsageTotals::default();
        assert_eq!(totals.take(), None);
        totals.merge(r#"{"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}"#);
        assert_eq!(totals.take().map(|usage| usage.output_tokens), Some(1));
        assert_eq!(totals.take(), None, "emitted once");
        totals.merge(r#"{"input_tokens": null, "output_tokens": 9.0}"#);
        totals.merge("nonsense");
        let usage = totals.take().unwrap();
        assert_eq!((usage.input_tokens, usage.cached_input_tokens), (12, 7));
        assert_eq!(usage.output_tokens, 9);
    }

    #[test]
    fn impossible_counts_do_not_overflow() {
        let mut totals = UsageTotals::default();
        let most = u64::MAX;
        totals.merge(&format!(r#"{{"input_tokens": {most}, "cache_read_input_tokens": {most}}}"#));
        let usage = totals.take().unwrap();
        assert_eq!(usage.input_tokens, usage.cached_input_tokens);
    }
}
