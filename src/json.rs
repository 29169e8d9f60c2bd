//! How deep JSON is nested, and what is wrong with it.

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

/// What is wrong with a text, without the text: it may be a user's, and this is for the log.
pub fn cause(error: &serde_json::Error) -> String {
    let cause = error.to_string();
    match (cause.find('"'), cause.rfind('"')) {
        (Some(first), Some(last)) => format!("{}…{}", &cause[..first], &cause[last + 1..]),
        _ => cause,
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

    #[test]
    fn a_cause_holds_nothing_of_the_text() {
        let error = serde_json::from_str::<u8>(r#""my \"secret\" text""#).unwrap_err();
        assert_eq!(cause(&error), "invalid type: string …, expected u8 at line 1 column 20");
        let error = serde_json::from_str::<u8>("<html>").unwrap_err();
        assert_eq!(cause(&error), "expected value at line 1 column 1");
    }
}
