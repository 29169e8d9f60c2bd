//! What different drafts of JSON Schema write, in the one way that models are given it.

use serde_json::{Map, Value, json};

/// The keywords that models are given. Some providers refuse others.
pub(super) const KEPT: &[&str] = &[
    "type",
    "title",
    "description",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "prefixItems",
    "anyOf",
    "oneOf",
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
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "pattern",
    "format",
];

pub(super) const TYPES: &[&str] =
    &["object", "array", "string", "number", "integer", "boolean", "null"];

/// What says nothing, and for what providers refuse the whole request: `required` of draft 3, a limit that is
/// no number.
pub(super) fn is_meaningless(name: &str, value: &Value) -> bool {
    match name {
        "required" => !value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
        "enum" => value.as_array().is_none_or(Vec::is_empty),
        "pattern" | "format" => !value.is_string(),
        "uniqueItems" => !value.is_boolean(),
        "minimum" | "maximum" | "multipleOf" => !value.is_number(),
        _ if name.starts_with("min") || name.starts_with("max") => !value.is_u64(),
        "exclusiveMinimum" | "exclusiveMaximum" => !value.is_number() && !value.is_boolean(),
        // Of some servers, for anything.
        "type" => value == "any",
        _ => false,
    }
}

/// What other drafts leave out or write otherwise.
pub(super) fn complete(plain: &mut Map<String, Value>, schema: &Map<String, Value>) {
    for (exclusive, limit) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if schema.get(exclusive) == Some(&Value::Bool(true))
            && let Some(number) = plain.remove(limit)
        {
            plain.insert(exclusive.to_owned(), number);
        }
    }
    let kind = match plain.contains_key("type") {
        false if plain.contains_key("properties") => Some("object"),
        false if plain.contains_key("items") || plain.contains_key("prefixItems") => Some("array"),
        _ => None,
    };
    plain.extend(kind.map(|kind| ("type".to_owned(), json!(kind))));
    if plain.get("type").is_some_and(|kind| kind == "array") {
        plain.entry("items").or_insert_with(|| json!({}));
    }
    // Of OpenAPI.
    if schema.get("nullable") == Some(&Value::Bool(true))
        && let Some(Value::String(kind)) = plain.get("type")
    {
        let kinds = json!([kind, "null"]);
        plain.insert("type".to_owned(), kinds);
    }
}
