//! The arguments of one call.

use std::collections::BTreeMap;

use rusqlite::types::Value;

/// Values by parameter. An argument that was not given is null.
#[derive(Debug, Default)]
pub struct Arguments(BTreeMap<&'static str, Value>);

impl Arguments {
    pub(super) fn new(values: BTreeMap<&'static str, Value>) -> Self {
        Self(values)
    }

    /// An argument of any type; null if it was not given.
    pub fn value(&self, name: &str) -> Value {
        self.0.get(name).cloned().unwrap_or(Value::Null)
    }

    /// An argument of type text or uuid, or the text of one of type jsonb.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The same for a parameter with a default, which applies unless the argument was given.
    pub fn text_or<'a>(&'a self, name: &str, default: &'a str) -> Option<&'a str> {
        if self.0.contains_key(name) { self.text(name) } else { Some(default) }
    }

    /// An argument of type bigint, or one of type timestamptz in microseconds since 1970.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The same for a parameter with a default, which applies unless the argument was given.
    pub fn integer_or(&self, name: &str, default: i64) -> Option<i64> {
        if self.0.contains_key(name) { self.integer(name) } else { Some(default) }
    }

    /// An argument of type jsonb.
    pub fn json(&self, name: &str) -> Option<serde_json::Value> {
        self.text(name).and_then(|text| serde_json::from_str(text).ok())
    }
}
