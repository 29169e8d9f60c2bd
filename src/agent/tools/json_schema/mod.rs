//! JSON Schemas that others have written: made plain for models, and arguments checked against them.

mod check;
mod checkable;
mod clean;
mod drafts;
mod format;
mod keywords;
mod nulls;

pub use check::Misfit;
pub(super) use check::{check, fits};
pub use checkable::is_checkable;
pub(super) use clean::readable;
pub use clean::{SchemaError, clean, clean_within};
pub(super) use nulls::without_nulls;

use serde_json::Value;

/// Whether a value fits a schema that somebody else has written. `Err` is what does not fit; a schema that is
/// not understood is none.
pub fn fits_foreign(schema: &Value, value: &Value) -> Result<(), String> {
    clean(schema).map_or(Ok(()), |schema| fits(&schema, value))
}
