//! How deep JSON is nested.

use serde_json::Value;

/// How deep other people's JSON may be nested: half of what serde_json reads, so that it can still be
/// read where it stands inside of other things.
pub const MAX_DEPTH: usize = 64;

/// How deep a JSON text is nested; found without recursion.
pub fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// How deep a value is nested. Values come from serde_json, which reads no more than 128 levels, so
/// that recursion is safe.
pub fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth_of).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_outside_of_strings() {
        for (text, expected) in [
            ("1", 0),
            ("[]", 1),
            (r#"{"a":[{}],"b":{}}"#, 3),
            (r#"["[[\"[[", "\\", [1]]"#, 2),
            (r#"["\\\"[["]"#, 1),
            ("]]][", 1),
        ] {
            assert_eq!(depth(text), expected, "{text}");
            if let Ok(value) = serde_json::from_str(text) {
                assert_eq!(depth_of(&value), expected, "{text}");
            }
        }
        assert_eq!(depth(&"[".repeat(300_000)), 300_000);
    }
}
