//! What a text says about where it is from, for people: a part of what goes back to its provider.

use serde_json::{Map, Value};

use super::sanitize;
use crate::providers::Opaque;

/// The names under which providers and the AI SDK have it.
const NAMES: [&str; 2] = ["citations", "annotations"];
/// What only the provider understands.
const ENCRYPTED: &str = "encrypted_index";

/// `{"citations"}` or `{"annotations"}` of a text; none where it has none.
pub(super) fn of(opaque: &Opaque) -> Option<Map<String, Value>> {
    if !NAMES.iter().any(|name| opaque.json.contains(name)) {
        return None;
    }
    let Ok(Value::Object(mut kept)) = serde_json::from_str(&opaque.json) else { return None };
    kept.retain(|name, value| NAMES.contains(&name.as_str()) && value.is_array());
    for citation in kept.values_mut().filter_map(Value::as_array_mut).flatten() {
        if let Some(citation) = citation.as_object_mut() {
            citation.remove(ENCRYPTED);
        }
        *citation = sanitize::json(citation.take());
    }
    (!kept.is_empty()).then_some(kept)
}

/// The metadata of the frame that ends a text.
pub(super) fn metadata(opaque: Option<&Opaque>) -> Option<Value> {
    let opaque = opaque?;
    let provider = opaque.provider.as_str().to_owned();
    Some(Value::Object(Map::from_iter([(provider, Value::Object(of(opaque)?))])))
}
