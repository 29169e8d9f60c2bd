//! Array literals.

use crate::rest::error::RestError;

/// The elements of `{a,"b c"}`.
pub fn parse(literal: &str) -> Result<Vec<String>, RestError> {
    let malformed = || RestError::sql("22P02", format!("malformed array literal: \"{literal}\""));
    let inside = literal.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let mut rest = inside.ok_or_else(malformed)?.chars().peekable();
    let mut elements = Vec::new();
    while rest.peek().is_some() {
        let mut element = String::new();
        let quoted = rest.next_if_eq(&'"').is_some();
        loop {
            match rest.next() {
                Some('\\') => element.extend(rest.next()),
                Some('"') if quoted => break,
                Some(',') if !quoted => break,
                Some(other) => element.push(other),
                None if quoted => return Err(malformed()),
                None => break,
            }
        }
        if quoted && rest.next_if_eq(&',').is_none() && rest.peek().is_some() {
            return Err(malformed());
        }
        elements.push(element);
    }
    Ok(elements)
}
