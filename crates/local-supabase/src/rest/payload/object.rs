//! One row of a request body.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};

use crate::rest::error::RestError;

/// The members of one JSON object.
pub type Object = BTreeMap<String, Box<RawValue>>;

/// A text as a JSON string.
pub(super) fn to_json_string(text: &str) -> Result<Box<RawValue>, RestError> {
    to_raw_value(text).map_err(|_| RestError::invalid_json_input())
}
