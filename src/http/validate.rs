//! Validation of client input. Errors are collected, so that one response names every invalid field.

use serde_json::{Map, Value};

use crate::http::error::{ApiError, FieldError};
use crate::json::{MAX_DEPTH, depth};

/// The largest `metadata`, as JSON text. The database allows the same.
const MAX_METADATA_BYTES: usize = 65_536;

/// Collects validation errors.
#[derive(Default)]
pub struct Checks {
    errors: Vec<FieldError>,
}

impl Checks {
    /// Adds an error about a field.
    pub fn refuse(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
    }

    /// Checks the length of a text in characters.
    pub fn length(&mut self, pointer: &str, text: &str, min: usize, max: usize) {
        if !(min..=max).contains(&text.chars().count()) {
            let detail = match min {
                0 => format!("must be at most {max} characters long"),
                _ => format!("must be {min} to {max} characters long"),
            };
            self.refuse(pointer, detail);
        }
    }

    /// Checks that a number is within a range.
    pub fn range<T: PartialOrd + Copy + std::fmt::Display>(
        &mut self,
        pointer: &str,
        value: Option<T>,
        min: T,
        max: T,
    ) {
        if value.is_some_and(|value| !(min <= value && value <= max)) {
            self.refuse(pointer, format!("must be {min} to {max}"));
        }
    }

    /// Checks the size and depth of free-form metadata.
    pub fn metadata(&mut self, pointer: &str, metadata: Option<&Map<String, Value>>) {
        let json = metadata.and_then(|map| serde_json::to_string(map).ok()).unwrap_or_default();
        if json.len() > MAX_METADATA_BYTES {
            self.refuse(pointer, "must be at most 64 KiB of JSON");
        }
        if depth(&json) > MAX_DEPTH {
            self.refuse(pointer, format!("must not be nested deeper than {MAX_DEPTH} levels"));
        }
    }

    /// The errors, if there are any.
    pub fn into_errors(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }

    /// 422 if there are errors.
    pub fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() { Ok(()) } else { Err(ApiError::validation(self.errors)) }
    }
}
