//! JSON Schemas that others have written: made plain for models, and arguments checked against them.

mod check;
mod checkable;
mod clean;
mod drafts;
mod format;
mod keywords;
mod nulls;

pub(super) use check::{check, fits};
pub(super) use checkable::is_checkable;
pub use clean::SchemaError;
pub(super) use clean::{clean, readable};
pub(super) use nulls::without_nulls;
