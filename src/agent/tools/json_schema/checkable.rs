//! Schemas that decide something: a check has to look at all that they say.

use serde_json::Value;

/// The keywords that a check looks at, and those that say nothing about a value.
const CHECKED: &[&str] = &[
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "anyOf",
    "allOf",
    "not",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "title",
    "description",
];

/// Whether a check looks at everything that a schema says.
pub fn is_checkable(schema: &Value) -> bool {
    let mut open = vec![schema];
    while let Some(schema) = open.pop() {
        let Some(object) = schema.as_object() else {
            if schema.is_boolean() {
                continue;
            }
            return false;
        };
        for (name, value) in object {
            if !CHECKED.contains(&name.as_str()) {
                return false;
            }
            match (name.as_str(), value) {
                ("properties", Value::Object(all)) => open.extend(all.values()),
                ("anyOf" | "allOf" | "prefixItems", Value::Array(all)) => open.extend(all),
                ("properties" | "anyOf" | "allOf" | "prefixItems", _) => return false,
                ("items" | "additionalProperties" | "not", schema) => open.push(schema),
                _ => {}
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_looked_at_is_found() {
        let inner =
            |inner: Value| json!({ "properties": { "a": { "anyOf": [{ "items": inner }] } } });
        assert!(is_checkable(&inner(json!({ "enum": [1], "maximum": 3 }))));
        for (keyword, value) in [
            ("pattern", json!("^1$")),
            ("if", json!({})),
            ("$ref", json!("#")),
            ("format", json!("x")),
        ] {
            assert!(!is_checkable(&inner(json!({ keyword: value }))), "{keyword}");
        }
        assert!(!is_checkable(&json!("x")) && !is_checkable(&json!({ "properties": [] })));
    }
}
