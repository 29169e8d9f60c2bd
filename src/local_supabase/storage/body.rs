//! JSON bodies, refused in the words of Storage's validator.

use axum::extract::Request;
use serde_json::{Map, Value};

use super::error::StorageError;
use crate::local_supabase::body::{self, BodyError};
use crate::local_supabase::context::Context;
use crate::local_supabase::role::Role;
use crate::memory::{Full, Held};

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

    /// A member that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Whether the member was sent, as null too.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, StorageError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(must_be(name, "string")),
        }
    }

    pub(super) fn required_text(&self, name: &str) -> Result<String, StorageError> {
        self.text(name)?.ok_or_else(|| StorageError::missing("body", name))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, StorageError> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(must_be(name, "boolean")),
        }
    }

    pub(super) fn number(&self, name: &str, min: u64) -> Result<Option<u64>, StorageError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_u64() {
            Some(number) if number >= min => Ok(Some(number)),
            _ if value.is_number() => Err(must_be(name, &format!(">= {min}"))),
            _ => Err(must_be(name, "integer")),
        }
    }

    /// A list of texts, at least one.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, StorageError> {
        let Some(value) = self.get(name) else { return Err(StorageError::missing("body", name)) };
        let Value::Array(items) = value else { return Err(must_be(name, "array")) };
        if items.is_empty() {
            let message = format!("body/{name} must NOT have fewer than 1 items");
            return Err(StorageError::invalid_request(message));
        }
        let text = |(index, item): (usize, &Value)| match item {
            Value::String(text) => Ok(text.clone()),
            _ => Err(must_be(&format!("{name}/{index}"), "string")),
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

fn must_be(name: &str, what: &str) -> StorageError {
    StorageError::invalid_request(format!("body/{name} must be {what}"))
}
