//! JSON Schemas that others have written: made plain for models, and arguments checked against them.

mod check;
mod clean;

pub(super) use check::check;
pub(super) use clean::readable;
pub use clean::{SchemaError, clean, clean_within};
