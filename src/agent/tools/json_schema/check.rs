//! Whether arguments fit a plain schema. A courtesy to the model, which gets a sentence that helps it; who
//! runs the tool checks again.

use serde_json::{Map, Value};

/// What one check may look at. Beyond that everything fits.
const MAX_STEPS: usize = 100_000;

/// What does not fit first; none if everything does.
pub fn check(schema: &Value, arguments: &Value) -> Result<(), String> {
    Checker { steps: 0 }.value(schema, arguments, "")
}

struct Checker {
    steps: usize,
}

impl Checker {
    /// Schemas and arguments are bounded in their depth.
    fn value(&mut self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        self.steps += 1;
        let Some(schema) = schema.as_object() else { return Ok(()) };
        if self.steps > MAX_STEPS {
            return Ok(());
        }
        if let Some(kinds) = schema.get("type")
            && !is_of(kinds, value)
        {
            return Err(misfit(at, &format!("must be of type {}", named(kinds))));
        }
        if let Some(Value::Array(choices)) = schema.get("enum")
            && !choices.iter().any(|choice| is_equal(choice, value))
        {
            return Err(misfit(at, &format!("must be one of {}", list(choices))));
        }
        for schema in members(schema, "allOf") {
            self.value(schema, value, at)?;
        }
        let choices = members(schema, "anyOf");
        if !choices.is_empty()
            && choices.iter().all(|choice| self.value(choice, value, at).is_err())
        {
            return Err(misfit(at, "fits none of the alternatives"));
        }
        match value {
            Value::Object(object) => self.object(schema, object, at),
            Value::Array(items) => self.items(schema, items, at),
            Value::String(text) => length(schema, text.chars().count(), "Length", "characters", at),
            Value::Number(number) => range(schema, number.as_f64().unwrap_or_default(), at),
            Value::Bool(_) | Value::Null => Ok(()),
        }
    }

    fn object(
        &mut self,
        schema: &Map<String, Value>,
        object: &Map<String, Value>,
        at: &str,
    ) -> Result<(), String> {
        let required = members(schema, "required");
        let missing =
            required.iter().filter_map(Value::as_str).find(|name| !object.contains_key(*name));
        if let Some(name) = missing {
            return Err(misfit(&format!("{at}/{name}"), "is missing"));
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, value) in object {
            let at = format!("{at}/{name}");
            match properties.and_then(|properties| properties.get(name)) {
                // Models write null for what they leave out.
                Some(_) if value.is_null() && !required.iter().any(|other| other == name) => {}
                Some(schema) => self.value(schema, value, &at)?,
                None => match schema.get("additionalProperties") {
                    Some(Value::Bool(false)) => return Err(misfit(&at, "is not a known argument")),
                    Some(schema) => self.value(schema, value, &at)?,
                    None => {}
                },
            }
        }
        Ok(())
    }

    fn items(
        &mut self,
        schema: &Map<String, Value>,
        items: &[Value],
        at: &str,
    ) -> Result<(), String> {
        length(schema, items.len(), "Items", "items", at)?;
        let first = members(schema, "prefixItems");
        for (index, item) in items.iter().enumerate() {
            if let Some(schema) = first.get(index).or_else(|| schema.get("items")) {
                self.value(schema, item, &format!("{at}/{index}"))?;
            }
        }
        Ok(())
    }
}

fn misfit(at: &str, detail: &str) -> String {
    let at = if at.is_empty() { "the whole" } else { at };
    format!("The arguments do not fit: {at} {detail}.")
}

fn members<'a>(schema: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    schema.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn is_of(kinds: &Value, value: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        // 1.0 is one.
        Some("integer") => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        _ => true,
    };
    kinds.as_array().map_or_else(|| is(kinds), |kinds| kinds.iter().any(is))
}

fn is_equal(one: &Value, other: &Value) -> bool {
    let numbers = one.as_f64().zip(other.as_f64());
    one == other || numbers.is_some_and(|(one, other)| one.to_bits() == other.to_bits())
}

fn named(kinds: &Value) -> String {
    let words = kinds.as_array().map_or_else(|| vec![kinds], |kinds| kinds.iter().collect());
    words.iter().filter_map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ")
}

fn list(choices: &[Value]) -> String {
    let shown: Vec<_> = choices.iter().take(20).map(Value::to_string).collect();
    shown.join(", ")
}

fn length(
    schema: &Map<String, Value>,
    length: usize,
    what: &str,
    of: &str,
    at: &str,
) -> Result<(), String> {
    let limit = |name: &str| schema.get(&format!("{name}{what}")).and_then(Value::as_u64);
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    match (limit("min"), limit("max")) {
        (Some(least), _) if length < least => {
            Err(misfit(at, &format!("must have at least {least} {of}")))
        }
        (_, Some(most)) if length > most => {
            Err(misfit(at, &format!("must have at most {most} {of}")))
        }
        _ => Ok(()),
    }
}

fn range(schema: &Map<String, Value>, number: f64, at: &str) -> Result<(), String> {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let beyond = [
        ("minimum", "at least", limit("minimum").filter(|limit| number < *limit)),
        ("maximum", "at most", limit("maximum").filter(|limit| number > *limit)),
        ("more", "more than", limit("exclusiveMinimum").filter(|limit| number <= *limit)),
        ("less", "less than", limit("exclusiveMaximum").filter(|limit| number >= *limit)),
    ];
    match beyond.into_iter().find_map(|(_, words, limit)| Some((words, limit?))) {
        Some((words, limit)) => Err(misfit(at, &format!("must be {words} {limit}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_misfit_is_named() {
        let schema = json!({
            "type": "object",
            "properties": {
                "place": { "type": "string", "enum": ["here", "there"] },
                "n": { "type": "integer", "minimum": 1, "maximum": 3 },
                "either": { "anyOf": [{ "type": "string", "maxLength": 2 }, { "type": "null" }] },
                "list": { "type": "array", "items": { "type": "number" }, "maxItems": 2 },
            },
            "required": ["place"],
            "additionalProperties": false,
        });
        let fits = |arguments| check(&schema, &arguments);
        for arguments in [
            json!({ "place": "here" }),
            json!({ "place": "here", "n": 1.0, "either": null, "list": null }),
            json!({ "place": "there", "n": 3, "either": "ab", "list": [1, 2.5] }),
        ] {
            assert_eq!(fits(arguments.clone()), Ok(()), "{arguments}");
        }
        for (arguments, misfit) in [
            (json!({}), "/place is missing"),
            (json!({ "place": null }), "/place must be of type string"),
            (json!({ "place": "x" }), "/place must be one of \"here\", \"there\""),
            (json!({ "place": "here", "n": 1.5 }), "/n must be of type integer"),
            (json!({ "place": "here", "n": 4 }), "/n must be at most 3"),
            (json!({ "place": "here", "either": "abc" }), "/either fits none of the alternatives"),
            (json!({ "place": "here", "list": [1, "2"] }), "/list/1 must be of type number"),
            (json!({ "place": "here", "list": [1, 2, 3] }), "/list must have at most 2 items"),
            (json!({ "place": "here", "more": 1 }), "/more is not a known argument"),
        ] {
            let expected = Err(format!("The arguments do not fit: {misfit}."));
            assert_eq!(fits(arguments.clone()), expected, "{arguments}");
        }
    }

    #[test]
    fn a_check_ends() {
        let schema = (0..12).fold(
            json!({ "type": "string" }),
            |inner, _| json!({ "allOf": [inner.clone(), inner.clone(), inner] }),
        );
        assert_eq!(check(&schema, &json!("x")), Ok(()));
    }
}
