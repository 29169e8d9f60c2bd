//! Generates values that conform to a JSON Schema.

use serde_json::{Map, Value, json};

/// The maximum depth of schemas.
const MAX_DEPTH: usize = 8;

/// A plausible value. Optional properties are left out.
pub(super) fn value(schema: &Value) -> Value {
    nested(schema, MAX_DEPTH)
}

fn nested(schema: &Value, depth: usize) -> Value {
    let given = ["const", "default"].iter().find_map(|key| schema.get(*key));
    let listed = ["examples", "enum"].iter().find_map(|key| schema[*key].get(0));
    if let Some(value) = given.or(listed) {
        return value.clone();
    }
    let choice = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| schema[*key].get(0));
    if let Some(choice) = choice.filter(|_| depth > 0) {
        return nested(choice, depth - 1);
    }
    match kind(schema) {
        "object" => object(schema, depth),
        "array" if schema["minItems"].as_u64().unwrap_or(0) == 0 || depth == 0 => json!([]),
        "array" => json!([nested(&schema["items"], depth - 1)]),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "boolean" => json!(true),
        "null" => Value::Null,
        _ => json!("example"),
    }
}

fn kind(schema: &Value) -> &str {
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    let guess = if schema.get("properties").is_some() { "object" } else { "string" };
    kind.unwrap_or(guess)
}

fn object(schema: &Value, depth: usize) -> Value {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let property = |name: &str| match depth {
        0 => Value::Null,
        _ => nested(&schema["properties"][name], depth - 1),
    };
    let fields: Map<_, _> = required.map(|name| (name.to_owned(), property(name))).collect();
    Value::Object(fields)
}
