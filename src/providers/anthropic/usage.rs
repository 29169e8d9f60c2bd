//! Counts tokens from Anthropic's usage objects. Its input excludes the cache; ours does not.

use serde_json::{Map, Value};

use crate::providers::Usage;

/// The usage so far. Later objects overwrite what they name and keep what they leave out.
#[derive(Debug, Default)]
pub(super) struct Totals {
    merged: Map<String, Value>,
    is_told: bool,
}

impl Totals {
    pub fn merge(&mut self, json: &str) {
        let Ok(Value::Object(newer)) = serde_json::from_str(json) else {
            return;
        };
        self.merged.extend(newer.into_iter().filter(|(_, value)| !value.is_null()));
        self.is_told = false;
    }

    /// The usage, unless it has been told since it last changed.
    pub fn take(&mut self) -> Option<Usage> {
        if self.merged.is_empty() || self.is_told {
            return None;
        }
        self.is_told = true;
        let raw = Value::Object(self.merged.clone());
        let length = raw.to_string().len();
        Some(read(&raw).clamped().with_raw(raw, length))
    }
}

fn read(usage: &Value) -> Usage {
    let count = |path: &str| usage.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let cached = count("/cache_read_input_tokens");
    let written = count("/cache_creation_input_tokens");
    Usage {
        input_tokens: count("/input_tokens").saturating_add(cached).saturating_add(written),
        output_tokens: count("/output_tokens"),
        cached_input_tokens: cached,
        cache_write_input_tokens: written,
        long_cache_write_input_tokens: count("/cache_creation/ephemeral_1h_input_tokens"),
        reasoning_tokens: count("/output_tokens_details/thinking_tokens"),
        cost_usd: None,
        raw: None,
    }
}
