//! Results as a model reads them: no longer than its tool allows.

use serde_json::Value;

use crate::json::{MAX_DEPTH, depth};

/// The result, cut where it is too long. What is nested too deeply becomes text.
pub(super) fn limited(output: Value, most: usize) -> Value {
    let (text, is_text) = match &output {
        Value::String(text) => (text.clone(), true),
        other => (other.to_string(), false),
    };
    if text.len() > most {
        let all = size(text.len());
        let kept = &text[..text.floor_char_boundary(most)];
        return format!("{kept}\n[cut, {all} in all]").into();
    }
    if !is_text && depth(&text) > MAX_DEPTH { text.into() } else { output }
}

/// A number of bytes for people.
fn size(bytes: usize) -> String {
    let bytes = bytes as f64;
    match bytes {
        ..1e3 => format!("{bytes} bytes"),
        ..1e6 => format!("{:.1} kB", bytes / 1e3),
        _ => format!("{:.1} MB", bytes / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_results_are_cut_at_a_character() {
        assert_eq!(limited(json!({ "a": [1] }), 9), json!({ "a": [1] }));
        assert_eq!(limited(json!("größe"), 3), json!("gr\n[cut, 7 bytes in all]"));
        assert_eq!(limited(json!(["größe"]), 4), json!("[\"gr\n[cut, 11 bytes in all]"));
        let long = limited("x".repeat(1_234_567).into(), 10);
        assert_eq!(long, json!("xxxxxxxxxx\n[cut, 1.2 MB in all]"));
        let deep = (0..70).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(limited(deep.clone(), 1_000), json!(deep.to_string()));
    }
}
