//! What single keywords say of a value.

use serde_json::{Map, Number, Value};

/// The list of a keyword; empty without it.
pub(super) fn members<'a>(schema: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    schema.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether a value is of one of the types.
pub(super) fn is_of(kinds: &Value, value: &Value) -> bool {
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

pub(super) fn is_equal(one: &Value, other: &Value) -> bool {
    crate::json::is_same(one, other)
}

/// The names of types, for a sentence.
pub(super) fn named(kinds: &Value) -> String {
    let words = kinds.as_array().map_or_else(|| vec![kinds], |kinds| kinds.iter().collect());
    words.iter().filter_map(|kind| kind.as_str()).collect::<Vec<_>>().join(" or ")
}

/// Values, for a sentence.
pub(super) fn list(choices: &[Value]) -> String {
    let shown: Vec<_> = choices.iter().take(20).map(Value::to_string).collect();
    let more = if choices.len() > 20 { ", …" } else { "" };
    shown.join(", ") + more
}

/// What is wrong with a length.
pub(super) fn length(
    schema: &Map<String, Value>,
    length: usize,
    what: &str,
    of: &str,
) -> Option<String> {
    let limit = |name: &str| schema.get(&format!("{name}{what}")).and_then(Value::as_f64);
    let length = length as f64;
    match (limit("min"), limit("max")) {
        (Some(least), _) if length < least => Some(format!("must have at least {least} {of}")),
        (_, Some(most)) if length > most => Some(format!("must have at most {most} {of}")),
        _ => None,
    }
}

/// What is wrong with a number.
pub(super) fn range(schema: &Map<String, Value>, number: &Number) -> Option<String> {
    let number = number.as_f64()?;
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let beyond = [
        ("at least", limit("minimum").filter(|limit| number < *limit)),
        ("at most", limit("maximum").filter(|limit| number > *limit)),
        ("more than", limit("exclusiveMinimum").filter(|limit| number <= *limit)),
        ("less than", limit("exclusiveMaximum").filter(|limit| number >= *limit)),
        ("a multiple of", limit("multipleOf").filter(|unit| !is_multiple(number, *unit))),
    ];
    let beyond = beyond.into_iter().find_map(|(words, limit)| Some((words, limit?)));
    beyond.map(|(words, limit)| format!("must be {words} {limit}"))
}

/// Decimal fractions are not exact.
fn is_multiple(number: f64, unit: f64) -> bool {
    let times = number / unit;
    unit <= 0.0 || !times.is_finite() || (times - times.round()).abs() < 1e-9 * times.abs().max(1.0)
}
