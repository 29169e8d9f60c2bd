//! `@>`, `&&` and the order of stored arrays. Equal elements are equal texts.

use std::collections::HashSet;

use rusqlite::Result;

use super::json_text::{ordered, parts, to_text};
use crate::database::limits::StepCounter;

/// Whether every element of `b` is in `a`. Null is in nothing.
pub fn contains(a: &str, b: &str) -> Result<bool> {
    let mut steps = StepCounter::default();
    let mut given = HashSet::new();
    for element in parts(a).filter(|element| *element != "null") {
        steps.count(element.len())?;
        given.insert(element);
    }
    for element in parts(b) {
        steps.count(element.len())?;
        if !given.contains(element) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the two have an element in common.
pub fn overlaps(a: &str, b: &str) -> Result<bool> {
    let mut steps = StepCounter::default();
    let mut given = HashSet::new();
    for element in parts(a).filter(|element| *element != "null") {
        steps.count(element.len())?;
        given.insert(element);
    }
    for element in parts(b) {
        steps.count(element.len())?;
        if given.contains(element) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A key whose bytes sort as PostgreSQL orders arrays: element by element, null last, of two that begin
/// alike the shorter first. `labels` are those of an enum, in their order.
pub fn sort_key(json: &str, labels: &[String]) -> Result<Vec<u8>> {
    let mut steps = StepCounter::default();
    let mut key = Vec::new();
    for element in parts(json) {
        steps.count(element.len())?;
        key.push(1);
        match element.as_bytes().first() {
            Some(b'n') => key.push(2),
            Some(b'"') => {
                key.push(1);
                let text = to_text(element).unwrap_or_default();
                match labels.iter().position(|label| *label == text) {
                    Some(position) => key.extend((position as u64).to_be_bytes()),
                    None => key.extend(text.as_bytes()),
                }
                key.push(0);
            }
            Some(b't') => key.extend([1, 1]),
            Some(b'f') => key.extend([1, 0]),
            _ => {
                key.push(1);
                key.extend(ordered(element.parse().unwrap_or_default()));
                let whole: i64 = element.parse().unwrap_or_default();
                key.extend((whole as u64 ^ 1 << 63).to_be_bytes());
            }
        }
    }
    key.push(0);
    Ok(key)
}
