//! Checks a call's arguments against the tool's JSON Schema, as much of it as tools here use:
//! `type`, `enum`, `properties`, `required`, `items`. Other keywords are left to the tool.

use serde_json::{Map, Value};

/// A sentence about the first argument that does not fit, so that the model can correct its call.
pub(super) fn check(schema: &Value, arguments: &Value) -> Result<(), String> {
    fits(schema, arguments, &mut String::new())
        .map_err(|problem| format!("The arguments do not fit: {problem}."))
}

/// Schemas are ours, so the depth is theirs.
fn fits(schema: &Value, value: &Value, at: &mut String) -> Result<(), String> {
    let name = |at: &str| if at.is_empty() { "the whole".to_owned() } else { at.to_owned() };
    if let Some(kinds) = schema.get("type")
        && !has_type(kinds, value)
    {
        return Err(format!("{} must be of type {}", name(at), words(kinds)));
    }
    if let Some(Value::Array(choices)) = schema.get("enum")
        && !choices.contains(value)
    {
        return Err(format!("{} must be one of {}", name(at), words(&schema["enum"])));
    }
    match value {
        Value::Object(members) => object_fits(schema, members, at),
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return Ok(()) };
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| inside(at, &index.to_string(), schema, item))
        }
        _ => Ok(()),
    }
}

fn object_fits(
    schema: &Value,
    members: &Map<String, Value>,
    at: &mut String,
) -> Result<(), String> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let required: Vec<_> = required.filter_map(Value::as_str).collect();
    for key in required.iter().copied() {
        if !members.contains_key(key) {
            return Err(format!("{at}/{key} is missing"));
        }
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, schema) in properties.into_iter().flatten() {
        // Models write null for what they leave out.
        let is_left_out = |value: &&Value| value.is_null() && !required.contains(&key.as_str());
        if let Some(value) = members.get(key).filter(|value| !is_left_out(value)) {
            inside(at, key, schema, value)?;
        }
    }
    Ok(())
}

fn inside(at: &mut String, key: &str, schema: &Value, value: &Value) -> Result<(), String> {
    let length = at.len();
    at.push('/');
    at.push_str(key);
    let result = fits(schema, value, at);
    at.truncate(length);
    result
}

fn has_type(kinds: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => true,
    };
    match kinds {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

fn words(choices: &Value) -> String {
    match choices {
        Value::String(word) => word.clone(),
        Value::Array(choices) => choices.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_argument_that_does_not_fit_is_named() {
        let schema = json!({
            "type": "object",
            "properties": {
                "code": { "type": "string" },
                "language": { "type": "string", "enum": ["a", "b"] },
                "ids": { "type": "array", "items": { "type": "string" } },
                "n": { "type": ["integer", "null"] },
                "any": {},
            },
            "required": ["code"],
        });
        for (arguments, problem) in [
            (json!({ "code": "1", "more": 1, "any": [1], "n": null }), None),
            (json!({ "code": "1", "ids": [], "language": "a", "n": 3 }), None),
            (json!({ "code": "1", "ids": null, "language": null }), None),
            (json!({ "code": null }), Some("/code must be of type string")),
            (json!([]), Some("the whole must be of type object")),
            (json!({}), Some("/code is missing")),
            (json!({ "code": 1 }), Some("/code must be of type string")),
            (json!({ "code": "", "language": "c" }), Some("/language must be one of a, b")),
            (json!({ "code": "", "ids": ["1", 2] }), Some("/ids/1 must be of type string")),
            (json!({ "code": "", "n": 1.5 }), Some("/n must be of type integer, null")),
        ] {
            let expected = problem.map(|problem| format!("The arguments do not fit: {problem}."));
            assert_eq!(check(&schema, &arguments).err(), expected, "{arguments}");
        }
    }
}
