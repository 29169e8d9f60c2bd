//! Helpers that the functions share.

use rusqlite::Result;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;

/// The flags of a function whose result depends only on its arguments.
pub(super) fn pure() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS
}

/// A text argument; `None` for null.
pub(super) fn text_argument<'a>(context: &'a Context<'_>, index: usize) -> Result<Option<&'a str>> {
    match context.get_raw(index) {
        ValueRef::Null => Ok(None),
        value => Ok(Some(value.as_str()?)),
    }
}
