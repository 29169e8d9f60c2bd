//! PostgreSQL's types: parsing input, in PostgreSQL's notation or in JSON, into the values that SQLite
//! stores.

pub(super) mod array;
pub(super) mod contains;
pub(super) mod json_text;
pub mod jsonb;
pub(super) mod like;
pub mod timestamptz;

use rusqlite::types::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::error::RestError;
use crate::schema::PgType;

/// Parses a value that is not null. `now` is the value of the input `now`, in microseconds.
pub fn parse(pg_type: PgType, text: &str, now: i64) -> Result<Value, RestError> {
    if text.contains('\0') {
        return Err(RestError::sql("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    Ok(match pg_type {
        PgType::Text => Value::Text(text.to_owned()),
        PgType::Uuid => Value::Text(uuid(text)?.to_string()),
        PgType::Jsonb => Value::Text(jsonb::normalize(text)?),
        PgType::Boolean => Value::Integer(boolean(text)?.into()),
        PgType::Integer => Value::Integer(integer::<i32>(text, pg_type)?.into()),
        PgType::Bigint => Value::Integer(integer::<i64>(text, pg_type)?),
        PgType::Numeric => Value::Real(numeric(text)?),
        PgType::Timestamptz => Value::Integer(timestamptz::parse(text, now)?),
    })
}

/// Parses a member of a JSON object, as `json_to_record` does.
pub(super) fn parse_json(pg_type: PgType, json: &RawValue, now: i64) -> Result<Value, RestError> {
    let json = json.get();
    if json == "null" {
        return Ok(Value::Null);
    }
    if pg_type == PgType::Jsonb || !json.starts_with('"') {
        return parse(pg_type, json, now);
    }
    let text: String = serde_json::from_str(json).map_err(|_| RestError::invalid_json_input())?;
    if text.contains('\0') {
        return Err(RestError::null_character());
    }
    parse(pg_type, &text, now)
}

/// A value as PostgreSQL prints it in a row, for CSV and error messages.
pub(super) fn print(pg_type: PgType, value: &Value) -> Option<String> {
    match (pg_type, value) {
        (PgType::Boolean, Value::Integer(value)) => {
            Some(if *value == 0 { "f" } else { "t" }.to_owned())
        }
        (PgType::Timestamptz, Value::Integer(micros)) => Some(timestamptz::to_text(*micros)),
        (_, Value::Integer(value)) => Some(value.to_string()),
        (_, Value::Real(value)) => Some(value.to_string()),
        (_, Value::Text(text)) => Some(text.clone()),
        (_, Value::Null | Value::Blob(_)) => None,
    }
}

/// PostgreSQL accepts braces around it, and optional hyphens after any four digits.
fn uuid(text: &str) -> Result<Uuid, RestError> {
    let bare = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let mut digits = String::new();
    let mut may_break = false;
    for c in bare.chars() {
        if c == '-' && may_break {
            may_break = false;
        } else {
            digits.push(c);
            may_break = digits.len().is_multiple_of(4) && digits.len() < 32;
        }
    }
    let is_hex = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let parsed = if is_hex { Uuid::try_parse(&digits).ok() } else { None };
    parsed.ok_or_else(|| RestError::invalid_input("uuid", text))
}

/// PostgreSQL accepts every unambiguous prefix of a word.
fn boolean(text: &str) -> Result<bool, RestError> {
    let word = text.trim().to_ascii_lowercase();
    let is = |words: &[&str]| {
        words.iter().any(|w| !word.is_empty() && w.starts_with(&word)) && word != "o"
    };
    if is(&["true", "yes", "on", "1"]) {
        return Ok(true);
    }
    if is(&["false", "no", "off", "0"]) {
        return Ok(false);
    }
    Err(RestError::invalid_input("boolean", text))
}

fn integer<T: std::str::FromStr<Err = std::num::ParseIntError>>(
    text: &str,
    pg_type: PgType,
) -> Result<T, RestError> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.trim().parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        PosOverflow | NegOverflow => RestError::out_of_range(text, pg_type),
        _ => RestError::invalid_input(pg_type.name(), text),
    })
}

fn numeric(text: &str) -> Result<f64, RestError> {
    let number: Option<f64> = text.trim().parse().ok();
    number
        .filter(|number| number.is_finite())
        .ok_or_else(|| RestError::invalid_input("numeric", text))
}
