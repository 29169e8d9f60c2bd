//! Shortens long texts by leaving out the middle.

use serde_json::Value;

/// The beginning and the end, with a note of what is missing between, when a text is longer.
pub(super) fn text(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let start = text.floor_char_boundary(most / 2);
    let end = text.ceil_char_boundary(text.len() - most / 2);
    format!("{}\n[… {} bytes left out …]\n{}", &text[..start], end - start, &text[end..])
}

/// A value, or its JSON as a shortened text.
pub(super) fn value(value: &Value, most: usize) -> Value {
    let json = value.to_string();
    if json.len() <= most { value.clone() } else { text(&json, most).into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_texts_lose_their_middle() {
        let long = "é".repeat(1_000);
        let short = text(&long, 1_000);
        assert!(short.len() < 1_050);
        assert!(short.starts_with("éé") && short.ends_with("éé"), "{short:.20}");
        assert!(short.contains("[… 1000 bytes left out …]"));
        assert_eq!(text("short", 5), "short");
    }

    #[test]
    fn long_values_become_texts() {
        assert_eq!(value(&json!([1]), 3), json!([1]));
        assert!(value(&json!(["x".repeat(50)]), 20).as_str().unwrap().starts_with("[\"xxx"));
    }
}
