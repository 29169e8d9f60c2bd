//! Arguments that are not shown.

use serde_json::Value;

/// What is shown in their place.
const HIDDEN: &str = "•••";

/// The arguments without what these JSON Pointers name.
pub fn redacted(mut arguments: Value, pointers: &[String]) -> Value {
    for pointer in pointers {
        if let Some(value) = arguments.pointer_mut(pointer) {
            *value = HIDDEN.into();
        }
    }
    arguments
}
