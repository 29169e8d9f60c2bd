//! Arguments that are not shown.

use serde_json::Value;

/// What is shown in their place.
const HIDDEN: &str = "•••";

/// The arguments without what these JSON Pointers name.
pub fn redacted(mut arguments: Value, pointers: &[String]) -> Value {
    for pointer in pointers {
        if let Some(value) = arguments.pointer_mut(pointer) {
            *value = HIDDEN.into();
        }
    }
    arguments
}

/// Changed arguments with what was not shown of the `original` where it was left as it was.
pub fn unredacted(mut arguments: Value, original: &Value, pointers: &[String]) -> Value {
    for pointer in pointers {
        if let Some(value) = arguments.pointer_mut(pointer)
            && *value == HIDDEN
            && let Some(hidden) = original.pointer(pointer)
        {
            value.clone_from(hidden);
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_hidden_stays_what_it_was() {
        let original = json!({ "card": { "number": "4111", "name": "Ada" }, "text": "Hi" });
        let pointers = ["/card/number", "/missing/x"].map(str::to_owned);
        let mut shown = redacted(original.clone(), &pointers);
        assert_eq!(shown["card"], json!({ "number": HIDDEN, "name": "Ada" }));
        shown["text"] = json!("Hello");
        let changed = unredacted(shown.clone(), &original, &pointers);
        assert_eq!(changed["card"], original["card"]);
        assert_eq!(changed["text"], "Hello");
        shown["card"]["number"] = json!("4222");
        assert_eq!(unredacted(shown, &original, &pointers)["card"]["number"], "4222");
    }
}
