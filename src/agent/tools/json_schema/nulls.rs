//! Models write null for what they leave out. Who runs a tool would take it for a value: a database's function
//! gets null in the place of its default.

use serde_json::{Map, Value};

use super::keywords::{is_of, members};

/// The value without the nulls of optional members whose schema does not take null.
pub fn without_nulls(schema: &Value, mut value: Value) -> Value {
    let mut open = vec![(schema, &mut value)];
    while let Some((schema, value)) = open.pop() {
        let Some(schema) = schema.as_object() else { continue };
        match value {
            Value::Object(object) => {
                object.retain(|name, value| !value.is_null() || !is_left_out(schema, name));
                for (name, value) in object.iter_mut() {
                    open.extend(property(schema, name).map(|schema| (schema, value)));
                }
            }
            Value::Array(items) => {
                let first = members(schema, "prefixItems");
                for (index, value) in items.iter_mut().enumerate() {
                    let schema = first.get(index).or_else(|| schema.get("items"));
                    open.extend(schema.map(|schema| (schema, value)));
                }
            }
            _ => {}
        }
    }
    value
}

fn property<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    schema.get("properties")?.get(name)
}

fn is_left_out(schema: &Map<String, Value>, name: &str) -> bool {
    let is_required = members(schema, "required").iter().any(|required| required == name);
    !is_required && property(schema, name).is_some_and(|schema| !takes_null(schema))
}

fn takes_null(schema: &Value) -> bool {
    let Some(schema) = schema.as_object() else { return true };
    let alternatives = members(schema, "anyOf");
    if !alternatives.is_empty() {
        return alternatives.iter().any(|schema| {
            schema.get("type").is_some_and(|kinds| is_of(kinds, &Value::Null))
                || members_have_null(schema)
        });
    }
    // One that takes anything takes null, but whoever wrote it had no null in mind.
    schema.get("type").is_some_and(|kinds| is_of(kinds, &Value::Null))
        || members(schema, "enum").iter().any(Value::is_null)
}

fn members_have_null(schema: &Value) -> bool {
    schema.as_object().is_some_and(|schema| members(schema, "enum").iter().any(Value::is_null))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_nulls_of_what_is_left_out_go() {
        let schema = json!({
            "properties": {
                "required": { "type": "string" },
                "optional": { "type": "string" },
                "nullable": { "type": ["string", "null"] },
                "either": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                "any": {},
                "inner": { "properties": { "optional": { "type": "integer" } } },
                "list": { "items": { "properties": { "optional": { "type": "integer" } } } },
            },
            "required": ["required"],
        });
        let written = json!({
            "required": null, "optional": null, "nullable": null, "either": null, "any": null,
            "inner": { "optional": null, "other": null }, "list": [{ "optional": null }, null],
        });
        let sent = json!({
            "required": null, "nullable": null, "either": null,
            "inner": { "other": null }, "list": [{}, null],
        });
        assert_eq!(without_nulls(&schema, written), sent);
    }
}
