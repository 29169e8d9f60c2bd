//! JSON Schemas that others have written: made plain for models, and arguments checked against them.

mod check;
mod clean;

pub(super) use check::check;
pub use clean::SchemaError;
pub(super) use clean::{clean, readable};

use serde_json::Value;

/// Whether a value fits a schema that somebody else has written. `Err` is what does not fit; a schema that is
/// not understood is none.
pub fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    clean(schema).map_or(Ok(()), |schema| check(&schema, value))
}
