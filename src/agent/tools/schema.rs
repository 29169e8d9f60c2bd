//! The JSON Schema of a tool's arguments, in the plain subset that all providers take.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

/// The schema of an object: without `$ref`, titles, null, and what only generators write.
pub(super) fn parameters<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().for_deserialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let generator = settings.with_transform(RecursiveTransform(simplify)).into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    // Of the type itself; the tool has a description of its own.
    schema.remove("description");
    let object = schema.ensure_object();
    object.entry("type").or_insert_with(|| json!("object"));
    // Some providers refuse an object without.
    object.entry("properties").or_insert_with(|| json!({}));
    schema.to_value()
}

fn simplify(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    unwrap_optional(object);
    object.remove("title");
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    // `uint64` and the like: formats of Rust.
    if object.get("type").is_some_and(is_numeric) {
        object.remove("format");
    }
    if let Some(choices) = object.get("oneOf").and_then(constants) {
        object.remove("oneOf");
        object.insert("type".into(), json!("string"));
        object.insert("enum".into(), choices);
    }
    // That an argument may be left out is what `required` says.
    if let Some(Value::Array(choices)) = object.get_mut("enum") {
        choices.retain(|choice| !choice.is_null());
    }
    if let Some(Value::Array(kinds)) = object.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            object.insert("type".into(), kind);
        }
    }
}

/// An optional enum with described variants is written as `anyOf` with null.
fn unwrap_optional(object: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = object.get_mut("anyOf") else { return };
    choices.retain(|choice| choice["type"] != "null");
    if let [Value::Object(only)] = choices.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}

fn is_numeric(kind: &Value) -> bool {
    let is = |kind: &Value| kind == "integer" || kind == "number";
    kind.as_array().map_or_else(|| is(kind), |kinds| kinds.iter().any(is))
}

/// The texts of an enum whose variants are described one by one.
fn constants(choices: &Value) -> Option<Value> {
    let texts = choices.as_array()?.iter().map(|choice| choice.get("const").cloned());
    texts.map(|text| text.filter(Value::is_string)).collect::<Option<Vec<_>>>().map(Value::Array)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use uuid::Uuid;

    use super::*;

    /// Where to look.
    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[allow(dead_code, reason = "only its schema is read")]
    enum Place {
        /// Here.
        Here,
        /// There.
        There,
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only its schema is read")]
    struct Point {
        x: f64,
    }

    /// Looks.
    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only its schema is read")]
    struct Arguments {
        /// What to look for.
        title: String,
        id: Option<Uuid>,
        place: Place,
        other_place: Option<Place>,
        offset: Option<u64>,
        points: Option<Vec<Point>>,
        /// Any JSON.
        input: Option<Value>,
    }

    #[test]
    fn a_schema_is_plain() {
        let places = json!(["here", "there"]);
        let expected = json!({
            "type": "object",
            "properties": {
                "title": { "description": "What to look for.", "type": "string" },
                "id": { "type": "string", "format": "uuid" },
                "place": { "description": "Where to look.", "type": "string", "enum": places },
                "other_place": { "description": "Where to look.", "type": "string", "enum": places },
                "offset": { "type": "integer", "minimum": 0 },
                "points": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": { "x": { "type": "number" } },
                        "required": ["x"],
                    },
                },
                "input": { "description": "Any JSON." },
            },
            "required": ["title", "place"],
        });
        let schema = parameters::<Arguments>();
        assert_eq!(schema, expected, "{schema:#}");
    }

    #[derive(Deserialize, JsonSchema)]
    struct Nothing {}

    #[test]
    fn no_arguments_are_an_empty_object() {
        assert_eq!(parameters::<Nothing>(), json!({ "type": "object", "properties": {} }));
    }
}
