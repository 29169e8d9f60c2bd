//! Makes a schema plain: without references and what providers refuse, and no larger than a budget.

use serde_json::{Map, Value, json};

use super::drafts::{KEPT, TYPES, complete, is_meaningless};
use crate::agent::message::sanitize;

/// The most that a schema may hold once its references are written out.
const MAX_NODES: usize = 2_000;
const MAX_DEPTH: usize = 32;
const MAX_TEXT: usize = 64 << 10;
const MAX_DESCRIPTION: usize = 512;

/// Why a schema is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// Where in the schema, a JSON pointer.
    pub pointer: String,
    /// What is wrong there, after the name of the place.
    pub detail: String,
}

/// The schema of an object, made plain.
pub fn clean(schema: &Value) -> Result<Value, SchemaError> {
    clean_within(schema, schema)
}

/// The same for a schema whose references lead into this document.
pub fn clean_within(document: &Value, schema: &Value) -> Result<Value, SchemaError> {
    let mut cleaner = Cleaner { root: document, nodes: 0, text: 0, open: Vec::new() };
    let mut cleaned = cleaner.schema(schema, "", 0)?.unwrap_or_default();
    let refused = |detail: &str| SchemaError { pointer: String::new(), detail: detail.to_owned() };
    let Some(object) = cleaned.as_object_mut() else {
        return Err(refused("must be the JSON Schema of an object"));
    };
    if object.get("type").is_none_or(Value::is_null) && !object.contains_key("anyOf") {
        object.insert("type".into(), json!("object"));
    }
    let kinds = object.get("type").map(|kinds| (kinds == "object", kinds.as_array().cloned()));
    match kinds {
        Some((true, _)) => {}
        Some((_, Some(kinds))) if kinds.contains(&json!("object")) => {
            object.insert("type".into(), json!("object"));
        }
        _ => {
            return Err(refused("must be the JSON Schema of an object: its type must be object"));
        }
    }
    // Some providers refuse an object without.
    object.entry("properties").or_insert_with(|| json!({}));
    Ok(cleaned)
}

struct Cleaner<'a> {
    root: &'a Value,
    nodes: usize,
    text: usize,
    /// The references that are being written out.
    open: Vec<&'a str>,
}

type Cleaned = Result<Option<Value>, SchemaError>;

fn refused<T>(pointer: &str, detail: impl Into<String>) -> Result<T, SchemaError> {
    Err(SchemaError { pointer: pointer.to_owned(), detail: detail.into() })
}

impl<'a> Cleaner<'a> {
    /// The schema, or none for one that nothing fits.
    fn schema(&mut self, schema: &'a Value, at: &str, depth: usize) -> Cleaned {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return refused(
                "",
                format!(
                    "is too large: at most {MAX_NODES} schemas are allowed, with its references written out"
                ),
            );
        }
        if self.text > MAX_TEXT {
            return too_long(at);
        }
        if depth > MAX_DEPTH {
            return refused(
                at,
                format!("is nested too deeply: at most {MAX_DEPTH} levels are allowed"),
            );
        }
        match schema {
            Value::Bool(true) => Ok(Some(json!({}))),
            Value::Bool(false) => Ok(None),
            Value::Object(object) => self.object(object, at, depth),
            _ => refused(at, "must be a JSON Schema"),
        }
    }

    fn object(&mut self, schema: &'a Map<String, Value>, at: &str, depth: usize) -> Cleaned {
        if schema.contains_key("$dynamicRef") || schema.contains_key("$recursiveRef") {
            return refused(at, "has a dynamic reference, which is not supported");
        }
        if let Some(reference) = schema.get("$ref") {
            return self.reference(reference, schema, at, depth);
        }
        let mut plain = Map::new();
        for (name, value) in schema {
            if KEPT.contains(&name.as_str()) && !is_meaningless(name, value) {
                self.keyword(&mut plain, name, value, at, depth)?;
            }
        }
        complete(&mut plain, schema);
        Ok(Some(Value::Object(plain)))
    }

    fn reference(
        &mut self,
        reference: &'a Value,
        schema: &'a Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Cleaned {
        let at = format!("{at}/$ref");
        let local = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
        let target = local.and_then(|pointer| Some((pointer, self.root.pointer(pointer)?)));
        let Some((pointer, target)) = target else {
            return refused(
                &at,
                "must be a reference within the schema, such as #/$defs/place; others are not followed",
            );
        };
        let description = schema.get("description");
        if self.open.contains(&pointer) {
            let mut any = Map::new();
            any.extend(description.map(|text| ("description".to_owned(), self.description(text))));
            return Ok(Some(Value::Object(any)));
        }
        self.open.push(pointer);
        let mut cleaned = self.schema(target, &at, depth + 1)?;
        self.open.pop();
        if let (Some(Value::Object(cleaned)), Some(text)) = (&mut cleaned, description) {
            cleaned.insert("description".to_owned(), self.description(text));
        }
        Ok(cleaned)
    }

    fn keyword(
        &mut self,
        plain: &mut Map<String, Value>,
        name: &str,
        value: &'a Value,
        at: &str,
        depth: usize,
    ) -> Result<(), SchemaError> {
        let at = format!("{at}/{name}");
        let (name, value) = match (name, value) {
            ("description" | "title", text) => (name, self.description(text)),
            ("const", only) => ("enum", json!([self.data(only, &at)?])),
            ("properties", Value::Object(all)) => (name, self.properties(all, &at, depth)?),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(all)) => {
                let name = if name == "oneOf" { "anyOf" } else { name };
                (name, self.list(all, &at, depth)?)
            }
            // Of draft 7: one schema for each item.
            ("items", Value::Array(all)) => ("prefixItems", self.list(all, &at, depth)?),
            ("items" | "additionalProperties" | "not", schema) => match schema {
                Value::Bool(_) => (name, schema.clone()),
                schema => (name, self.schema(schema, &at, depth + 1)?.unwrap_or_default()),
            },
            ("properties" | "anyOf" | "oneOf" | "allOf" | "prefixItems", _) => {
                return refused(&at, "must be schemas");
            }
            ("type", kinds) => (name, self.kinds(kinds, &at)?),
            // Of draft 4: the limit is the other keyword's.
            ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(_)) => return Ok(()),
            (name, value) => (name, self.data(value, &at)?),
        };
        plain.insert(name.to_owned(), value);
        Ok(())
    }

    fn properties(
        &mut self,
        all: &'a Map<String, Value>,
        at: &str,
        depth: usize,
    ) -> Result<Value, SchemaError> {
        let mut properties = Map::new();
        for (name, schema) in all {
            let is_trap = matches!(name.as_str(), "__proto__" | "constructor" | "prototype");
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
            if is_trap || name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                return refused(
                    at,
                    format!(
                        "has a property that models cannot be given, {name:?}: use letters, digits, _, - and ., at most 64 of them"
                    ),
                );
            }
            self.text += name.len();
            if let Some(schema) = self.schema(schema, &format!("{at}/{name}"), depth + 1)? {
                properties.insert(name.clone(), schema);
            }
        }
        Ok(Value::Object(properties))
    }

    fn kinds(&mut self, kinds: &Value, at: &str) -> Result<Value, SchemaError> {
        let is_known = |kind: &Value| kind.as_str().is_some_and(|kind| TYPES.contains(&kind));
        let all = kinds.as_array().map_or(std::slice::from_ref(kinds), Vec::as_slice);
        match !all.is_empty() && all.len() <= TYPES.len() && all.iter().all(is_known) {
            true => self.data(kinds, at),
            false => refused(at, format!("must be one of {}", TYPES.join(", "))),
        }
    }

    fn list(&mut self, all: &'a [Value], at: &str, depth: usize) -> Result<Value, SchemaError> {
        let mut list = Vec::new();
        for (index, schema) in all.iter().enumerate() {
            list.extend(self.schema(schema, &format!("{at}/{index}"), depth + 1)?);
        }
        Ok(Value::Array(list))
    }

    fn description(&mut self, text: &Value) -> Value {
        let text = text.as_str().unwrap_or_default();
        let text = readable(text, MAX_DESCRIPTION);
        self.text += text.len();
        text.into()
    }

    /// What is no schema: an enum, a number, a pattern.
    fn data(&mut self, value: &Value, at: &str) -> Result<Value, SchemaError> {
        self.text += value.to_string().len();
        if self.text > MAX_TEXT {
            return too_long(at);
        }
        Ok(sanitize::json(value.clone()))
    }
}

fn too_long<T>(at: &str) -> Result<T, SchemaError> {
    let detail = format!(
        "is too long: a schema may have {MAX_TEXT} bytes of text, with its references written out"
    );
    refused(at, detail)
}

/// A text without control characters and those that reorder it.
pub fn readable(text: &str, most: usize) -> String {
    let is_hidden = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.chars().filter(|c| !is_hidden(c)).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(schema: &Value) -> String {
        let error = clean(schema).unwrap_err();
        format!("{} {}", error.pointer, error.detail)
    }

    #[test]
    fn a_schema_is_made_plain() {
        let schema = json!({
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$defs": { "place": { "type": "string", "const": "here", "x-y": 1 },
                "tree": { "properties": { "next": { "$ref": "#/$defs/tree" } } } },
            "properties": {
                "place": { "$ref": "#/$defs/place", "description": "Where\u{202e}\u{1}." },
                "tree": { "$ref": "#/$defs/tree" },
                "pair": { "items": [{ "type": "number" }, true] },
                "none": false,
                "n": { "type": "integer", "nullable": true, "minimum": 1, "exclusiveMinimum": true },
                "either": { "oneOf": [{ "type": "string" }, { "type": "null" }] },
                "odd": { "type": "any", "required": true, "enum": [], "minLength": "1", "default": 3,
                    "if": {}, "unheard-of": { "of": 1 } },
            },
            "required": ["place"],
            "additionalProperties": false,
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "place": { "type": "string", "enum": ["here"], "description": "Where." },
                "tree": { "type": "object", "properties": { "next": {} } },
                "pair": { "type": "array", "prefixItems": [{ "type": "number" }, {}], "items": {} },
                "n": { "type": ["integer", "null"], "exclusiveMinimum": 1 },
                "either": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
                "odd": {},
            },
            "required": ["place"],
            "additionalProperties": false,
        });
        assert_eq!(clean(&schema), Ok(expected));
        let nullable = json!({ "type": ["object", "null"] });
        assert_eq!(clean(&nullable), Ok(json!({ "type": "object", "properties": {} })));
        let itself = clean(&json!({ "$ref": "#" }));
        assert_eq!(itself, Ok(json!({ "type": "object", "properties": {} })));
        assert_eq!(clean(&json!({})), Ok(json!({ "type": "object", "properties": {} })));
    }

    #[test]
    fn what_would_cost_too_much_or_reach_out_is_refused() {
        let unknown = json!({ "properties": { "a": { "type": "objekt" } } });
        assert!(refusal(&unknown).starts_with("/properties/a/type must be one of object, array"));
        for (levels, expected) in [(12, "is too large"), (28, "is nested too deeply")] {
            let next = |n: usize| json!({ "$ref": format!("#/$defs/d{}", n + 1) });
            let mut defs: Map<String, Value> = (0..levels)
                .map(|n| (format!("d{n}"), json!({ "allOf": [next(n), next(n)] })))
                .collect();
            defs.insert(format!("d{levels}"), json!({ "type": "string" }));
            let doubled = json!({ "$defs": defs, "properties": { "x": { "$ref": "#/$defs/d0" } } });
            assert!(refusal(&doubled).contains(expected), "{levels}");
        }
        let deep = (0..40).fold(json!({}), |inner, _| json!({ "properties": { "a": inner } }));
        assert!(refusal(&deep).contains("is nested too deeply"));
        let address = json!({ "properties": { "a": { "$ref": "http://169.254.169.254/" } } });
        assert!(refusal(&address).starts_with("/properties/a/$ref must be a reference within"));
        let trap: Value = serde_json::from_str(r#"{"properties":{"__proto__":{}}}"#).unwrap();
        assert!(refusal(&trap).contains("__proto__"));
        assert!(refusal(&json!({ "type": "string" })).contains("its type must be object"));
        let file = json!({ "properties": { "a": { "$ref": "file:///etc/passwd" } } });
        assert!(refusal(&file).contains("others are not followed"));
        assert!(refusal(&json!({ "type": "objekt", "properties": 5 })).contains("must be"));
        assert!(refusal(&json!([1])).contains("must be a JSON Schema"));
        assert!(refusal(&json!({ "enum": ["x".repeat(70_000)] })).contains("is too long"));
    }
}
