//! JSON bodies, validated with the messages of Storage's JSON Schema validator.

use axum::extract::Request;
use serde_json::{Map, Value};

use super::error::StorageError;
use crate::body::{self, BodyError};
use crate::context::Context;
use crate::role::Role;
use memory::{Full, Held};

const LIMIT: usize = 1 << 20;

/// The members of a JSON object.
pub(super) struct Params {
    members: Map<String, Value>,
    _held: Held,
}

impl Params {
    /// Reads a body; an empty one has no members.
    pub(super) async fn read(
        context: &Context,
        role: Role,
        request: Request,
    ) -> Result<Self, StorageError> {
        let (parts, body) = request.into_parts();
        let read = body::read(&context.memory, role, &parts.headers, body, LIMIT).await;
        let (bytes, held) = read.map_err(refused)?;
        if bytes.is_empty() {
            return Ok(Self { members: Map::new(), _held: held });
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(members)) => Ok(Self { members, _held: held }),
            Ok(_) => Err(StorageError::invalid_request("body must be object")),
            Err(error) => Err(StorageError::invalid_request(error.to_string())),
        }
    }

    /// A member that is not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Whether the member was sent, even as null.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, StorageError> {
        let text = |value| to_text(value).ok_or_else(|| must_be(name, "string"));
        self.get(name).map(text).transpose()
    }

    pub(super) fn required_text(&self, name: &str) -> Result<String, StorageError> {
        match self.text(name)? {
            Some(text) => Ok(text),
            None if self.contains(name) => Ok(String::new()),
            None => Err(StorageError::missing("body", name)),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, StorageError> {
        let flag = |value| to_flag(value).ok_or_else(|| must_be(name, "boolean"));
        self.get(name).map(flag).transpose()
    }

    pub(super) fn number(&self, name: &str, min: u64) -> Result<Option<u64>, StorageError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = to_integer(value).ok_or_else(|| must_be(name, "integer"))?;
        match u64::try_from(number) {
            Ok(number) if number >= min => Ok(Some(number)),
            _ => Err(must_be(name, &format!(">= {min}"))),
        }
    }

    /// A list of texts, at least one.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, StorageError> {
        let Some(value) = self.get(name) else { return Err(StorageError::missing("body", name)) };
        let items = match value {
            Value::Array(items) => items.as_slice(),
            Value::Object(_) => return Err(must_be(name, "array")),
            scalar => std::slice::from_ref(scalar),
        };
        if items.is_empty() {
            let message = format!("body/{name} must NOT have fewer than 1 items");
            return Err(StorageError::invalid_request(message));
        }
        let text = |(index, item): (usize, &Value)| {
            to_text(item).ok_or_else(|| must_be(&format!("{name}/{index}"), "string"))
        };
        items.iter().enumerate().map(text).collect()
    }
}

fn refused(error: BodyError) -> StorageError {
    match error {
        BodyError::TooLarge | BodyError::Full(Full::Never) => StorageError::body_too_large(),
        BodyError::TooSlow | BodyError::Broken => StorageError::broken_body(),
        BodyError::Full(Full::Share | Full::Budget) => StorageError::slow_down(),
    }
}

// Storage's validator coerces scalars: "60" is a number.

fn to_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn to_flag(value: &Value) -> Option<bool> {
    match (value.as_bool(), to_text(value)?.as_str()) {
        (Some(flag), _) => Some(flag),
        (None, "true" | "1") => Some(true),
        (None, "false" | "0") => Some(false),
        _ => None,
    }
}

fn to_integer(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    // Beyond all limits in use, the nearest integer of a float is exact enough.
    #[expect(clippy::cast_possible_truncation, reason = "it saturates")]
    (number.fract() == 0.0).then_some(number as i64)
}

fn must_be(name: &str, what: &str) -> StorageError {
    StorageError::invalid_request(format!("body/{name} must be {what}"))
}
