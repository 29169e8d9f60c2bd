//! `jsonb`: stored as the text that PostgreSQL prints, so that equal values are equal texts.
//!
//! Numbers beyond 64 bits keep the precision of a double.

use serde_json::{Number, Value};

use crate::local_supabase::rest::error::RestError;
use crate::local_supabase::rest::query::Step;

/// Reads JSON and prints it the one way: keys once, by length and then by bytes; `{"a": [1, 2]}`.
pub fn normalize(text: &str) -> Result<String, RestError> {
    let value: Value = serde_json::from_str(text).map_err(|_| RestError::invalid_json_input())?;
    if has_null_character(&value) {
        return Err(RestError::null_character());
    }
    Ok(print(&value))
}

fn has_null_character(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(elements) => elements.iter().any(has_null_character),
        Value::Object(members) => {
            members.iter().any(|(key, value)| key.contains('\0') || has_null_character(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Prints a value as PostgreSQL does.
pub fn print(value: &Value) -> String {
    let mut text = String::new();
    print_into(&mut text, value);
    text
}

fn print_into(text: &mut String, value: &Value) {
    match value {
        Value::Number(number) => text.push_str(&print_number(number)),
        Value::Array(elements) => {
            text.push('[');
            for (index, element) in elements.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                print_into(text, element);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| (key.len(), key.as_str()));
            for (index, (key, member)) in sorted.into_iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                text.push_str(&quote(key));
                text.push_str(": ");
                print_into(text, member);
            }
            text.push('}');
        }
        Value::String(string) => text.push_str(&quote(string)),
        Value::Null => text.push_str("null"),
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
    }
}

fn quote(string: &str) -> String {
    Value::from(string).to_string()
}

/// Without an exponent and without a fraction that is zero.
fn print_number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => {
            if float == 0.0 {
                "0".to_owned()
            } else {
                float.to_string()
            }
        }
        _ => number.to_string(),
    }
}

/// `value -> step -> step`.
pub fn get<'a>(value: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match (value, step) {
        (Value::Object(members), Step::Key(key)) => members.get(key),
        (Value::Array(elements), Step::Index(index)) => {
            let from_end = elements.len().checked_sub(index.unsigned_abs() as usize);
            elements.get(if *index < 0 { from_end? } else { index.unsigned_abs() as usize })
        }
        _ => None,
    })
}

/// What `->>` makes of a value: null for a JSON null.
pub fn to_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(print(other)),
    }
}

/// `a @> b`. At the top an array also contains a scalar.
pub fn contains(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (
            Value::Array(elements),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_),
        ) => elements.iter().any(|element| is_equal(element, b)),
        _ => contains_nested(a, b),
    }
}

fn contains_nested(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => b
            .iter()
            .all(|(key, wanted)| a.get(key).is_some_and(|value| contains_nested(value, wanted))),
        (Value::Array(a), Value::Array(b)) => {
            b.iter().all(|wanted| a.iter().any(|value| contains_nested(value, wanted)))
        }
        _ => is_equal(a, b),
    }
}

fn is_equal(a: &Value, b: &Value) -> bool {
    print(a) == print(b)
}

/// A key whose bytes sort as PostgreSQL orders jsonb: null, strings, numbers, booleans, arrays and
/// objects; of two arrays or objects the longer is the greater.
pub fn sort_key(value: &Value) -> Vec<u8> {
    let mut key = Vec::new();
    sort_key_into(&mut key, value);
    key
}

fn sort_key_into(key: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => key.push(0),
        Value::String(text) => {
            key.push(1);
            push_text(key, text);
        }
        Value::Number(number) => {
            key.push(2);
            key.extend(ordered(number.as_f64().unwrap_or_default()));
        }
        Value::Bool(value) => key.extend([3, u8::from(*value)]),
        Value::Array(elements) => {
            key.push(4);
            key.extend((elements.len() as u64).to_be_bytes());
            elements.iter().for_each(|element| sort_key_into(key, element));
        }
        Value::Object(members) => {
            key.push(5);
            key.extend((members.len() as u64).to_be_bytes());
            for (name, member) in members {
                push_text(key, name);
                sort_key_into(key, member);
            }
        }
    }
}

fn push_text(key: &mut Vec<u8>, text: &str) {
    key.extend(text.as_bytes());
    key.push(0);
}

/// The bytes of a double, turned so that they sort as the numbers do.
fn ordered(number: f64) -> [u8; 8] {
    let bits = number.to_bits();
    let turned = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    turned.to_be_bytes()
}
