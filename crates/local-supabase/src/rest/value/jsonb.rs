//! `jsonb`: stored as the text that PostgreSQL prints, so that equal values are equal texts.
//!
//! Numbers beyond 64 bits keep the precision of a double.

use serde_json::{Number, Value};

use super::json_text;
use crate::rest::error::RestError;

/// The most values, nested ones included, that are parsed: each takes a hundred times the memory of its
/// text.
pub(crate) const MAX_VALUES: usize = 500_000;

/// Parses JSON and prints it in canonical form: unique keys, by length and then by bytes; `{"a": [1, 2]}`.
pub(crate) fn normalize(text: &str) -> Result<String, RestError> {
    if json_text::count(text.as_bytes(), usize::MAX) > MAX_VALUES {
        return Err(RestError::too_many_values(MAX_VALUES));
    }
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

/// The operator `->>`: null for a JSON null.
pub fn to_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(print(other)),
    }
}
