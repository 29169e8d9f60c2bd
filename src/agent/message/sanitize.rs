//! Makes the output of models and tools acceptable to the database and to every client.

use serde_json::Value;

/// PostgreSQL cannot store U+0000, so it becomes the replacement character.
pub(in crate::agent) fn text(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// Likewise inside of JSON; and without the keys for which clients refuse a whole chunk.
pub fn json(value: Value) -> Value {
    match value {
        Value::String(string) => Value::String(text(string)),
        Value::Array(items) => Value::Array(items.into_iter().map(json).collect()),
        Value::Object(members) => {
            let is_trap = |key: &str| matches!(key, "__proto__" | "constructor" | "prototype");
            let members = members.into_iter().filter(|(key, _)| !is_trap(key));
            Value::Object(members.map(|(key, value)| (text(key), json(value))).collect())
        }
        other => other,
    }
}
