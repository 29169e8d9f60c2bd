//! Arrays of one dimension, stored as a JSON array of the elements as answers show them.

use rusqlite::types::Value;
use serde_json::value::RawValue;

use super::json_text::{parts, to_text};
use super::jsonb::MAX_VALUES;
use crate::rest::error::RestError;
use crate::schema::PgType;

/// Parses `{a,"b c",NULL}`; `read` makes of an element the JSON that answers show.
pub(super) fn parse(
    text: &str,
    read: impl Fn(&str) -> Result<String, RestError>,
) -> Result<String, RestError> {
    from_elements(elements(text)?.into_iter(), read)
}

/// Parses a member of a JSON object.
pub(super) fn from_json(
    element: PgType,
    json: &str,
    key: &str,
    read: impl Fn(&str) -> Result<String, RestError>,
) -> Result<String, RestError> {
    let values: Vec<&RawValue> = serde_json::from_str(json).map_err(|_| {
        let hint = format!("See the value of key \"{key}\".");
        RestError::sql("22P02", "expected JSON array").hint(Some(hint))
    })?;
    let is_document = matches!(element, PgType::Json | PgType::Jsonb);
    let text = |value: &&RawValue| match value.get() {
        "null" => Ok(None),
        json if is_document => Ok(Some(json.to_owned())),
        json if json.starts_with('"') => {
            serde_json::from_str(json).map(Some).map_err(|_| RestError::invalid_json_input())
        }
        json if json.starts_with('[') => Err(dimensions()),
        json => Ok(Some(json.to_owned())),
    };
    let elements: Vec<_> = values.iter().map(text).collect::<Result<_, RestError>>()?;
    from_elements(elements.into_iter(), read)
}

fn from_elements(
    elements: impl ExactSizeIterator<Item = Option<String>>,
    read: impl Fn(&str) -> Result<String, RestError>,
) -> Result<String, RestError> {
    if elements.len() > MAX_VALUES {
        return Err(RestError::too_many_values(MAX_VALUES));
    }
    let json =
        |text: Option<String>| text.map_or_else(|| Ok("null".to_owned()), |text| read(&text));
    let elements: Vec<_> = elements.map(json).collect::<Result<_, RestError>>()?;
    Ok(format!("[{}]", elements.join(",")))
}

fn dimensions() -> RestError {
    RestError::not_implemented("The local Supabase has no arrays of more than one dimension.")
}

fn malformed(literal: &str, details: &str) -> RestError {
    let message = format!("malformed array literal: \"{literal}\"");
    RestError::sql("22P02", message).details(details)
}

/// The elements of `{a,"b c",NULL}`.
pub fn elements(literal: &str) -> Result<Vec<Option<String>>, RestError> {
    let wrong = |details: &str| malformed(literal, details);
    let Some(inside) = literal.trim_start().strip_prefix('{') else {
        let details = "Array value must start with \"{\" or dimension information.";
        return Err(if literal.trim_start().starts_with('[') {
            dimensions()
        } else {
            wrong(details)
        });
    };
    let mut rest = inside.trim_start();
    let mut elements = Vec::new();
    if let Some(after) = rest.strip_prefix('}') {
        return if after.trim().is_empty() { Ok(elements) } else { Err(wrong(JUNK)) };
    }
    loop {
        rest = rest.trim_start();
        let (element, after) = match rest.chars().next() {
            None => return Err(wrong(END)),
            Some('{') => return Err(dimensions()),
            Some('}') => return Err(wrong("Unexpected \"}\" character.")),
            Some(',') => return Err(wrong("Unexpected \",\" character.")),
            Some('"') => quoted(&rest[1..]).ok_or_else(|| wrong(END))?,
            Some(_) => unquoted(rest).ok_or_else(|| wrong(END))?,
        };
        elements.push(element);
        rest = after.trim_start();
        match rest.chars().next() {
            Some(',') => rest = &rest[1..],
            Some('}') if rest[1..].trim().is_empty() => return Ok(elements),
            Some('}') => return Err(wrong(JUNK)),
            None => return Err(wrong(END)),
            Some(_) => return Err(wrong("Incorrectly quoted array element.")),
        }
    }
}

const END: &str = "Unexpected end of input.";
const JUNK: &str = "Junk after closing right brace.";

/// An element and what follows it; nothing where the text ends before.
type Element<'a> = Option<(Option<String>, &'a str)>;

fn quoted(text: &str) -> Element<'_> {
    let mut element = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((Some(element), chars.as_str())),
            '\\' => element.push(chars.next()?),
            other => element.push(other),
        }
    }
}

fn unquoted(text: &str) -> Element<'_> {
    let mut element = String::new();
    let mut kept = 0;
    let mut chars = text.chars();
    loop {
        let rest = chars.as_str();
        match chars.next()? {
            ',' | '}' | '"' => {
                let has_escape = text[..text.len() - rest.len()].contains('\\');
                element.truncate(kept);
                let is_null = element.eq_ignore_ascii_case("null") && !has_escape;
                return Some(((!is_null).then_some(element), rest));
            }
            '\\' => {
                element.push(chars.next()?);
                kept = element.len();
            }
            other => {
                element.push(other);
                kept = if other.is_whitespace() { kept } else { element.len() };
            }
        }
    }
}

/// A stored array as PostgreSQL prints it: `{a,"b c",NULL}`.
pub fn print(element: PgType, stored: &str) -> String {
    let mut text = String::from("{");
    for (index, json) in parts(stored).enumerate() {
        text.push_str(if index > 0 { "," } else { "" });
        match json {
            "null" => text.push_str("NULL"),
            json => push_element(&mut text, &element_text(element, json)),
        }
    }
    text.push('}');
    text
}

/// What a cast to text makes of an element.
fn element_text(element: PgType, json: &str) -> String {
    match element {
        PgType::Json | PgType::Jsonb => json.to_owned(),
        PgType::Boolean => json.get(..1).unwrap_or_default().to_owned(),
        PgType::Timestamp | PgType::Timestamptz => {
            let text = to_text(json).unwrap_or_default().replacen('T', " ", 1);
            text.strip_suffix(":00")
                .filter(|_| text.ends_with("+00:00"))
                .unwrap_or(&text)
                .to_owned()
        }
        _ => to_text(json).unwrap_or_default(),
    }
}

fn push_element(text: &mut String, element: &str) {
    let special = |c: char| c.is_ascii_whitespace() || "{},\"\\\u{b}".contains(c);
    if !element.is_empty() && !element.eq_ignore_ascii_case("null") && !element.contains(special) {
        text.push_str(element);
        return;
    }
    text.push('"');
    for c in element.chars() {
        if c == '"' || c == '\\' {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
}

/// The elements of a literal as values of a type, for `any` and `all`.
pub fn values(
    literal: &str,
    value: impl Fn(&str) -> Result<Value, RestError>,
) -> Result<Vec<Value>, RestError> {
    let elements = elements(literal)?.into_iter();
    elements.map(|text| text.map_or(Ok(Value::Null), |text| value(&text))).collect()
}
