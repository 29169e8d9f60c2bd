//! PostgreSQL's types: parsing input, in PostgreSQL's notation or in JSON, into the values that SQLite
//! stores.

pub(crate) mod array;
pub(super) mod array_operators;
pub(super) mod contains;
pub(super) mod date;
pub(super) mod float;
pub(super) mod json_text;
pub mod jsonb;
pub(super) mod like;
pub(super) mod numeric;
pub(crate) mod regex;
pub(super) mod time;
pub(super) mod timestamp;
pub mod timestamptz;

use rusqlite::types::Value;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::error::RestError;
use crate::schema::{EnumType, PgType};

/// Parses a value that is not null. `now` is the value of the input `now`, in microseconds.
pub fn parse(pg_type: PgType, text: &str, now: i64) -> Result<Value, RestError> {
    if text.contains('\0') {
        return Err(RestError::sql("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    Ok(match pg_type {
        PgType::Text | PgType::Varchar(None) => Value::Text(text.to_owned()),
        PgType::Varchar(Some(length)) => Value::Text(limited(text, length, pg_type)?),
        PgType::Char(length) => {
            let text = limited(text, length, pg_type)?;
            Value::Text(format!("{text:width$}", width = length as usize))
        }
        PgType::Uuid => Value::Text(uuid(text)?.to_string()),
        PgType::Json => Value::Text(json(text)?),
        PgType::Jsonb => Value::Text(jsonb::normalize(text)?),
        PgType::Boolean => Value::Integer(boolean(text)?.into()),
        PgType::Smallint => Value::Integer(integer::<i16>(text, pg_type)?.into()),
        PgType::Integer => Value::Integer(integer::<i32>(text, pg_type)?.into()),
        PgType::Bigint => Value::Integer(integer::<i64>(text, pg_type)?),
        PgType::Real | PgType::DoublePrecision => Value::Real(float::parse(pg_type, text)?),
        PgType::Numeric(precision) => Value::Real(numeric::parse(text, precision)?),
        PgType::Date => Value::Integer(date::parse(text, now)?),
        PgType::Time => Value::Integer(time::parse(text)?),
        PgType::Timestamp => Value::Integer(timestamp::parse(text, now)?),
        PgType::Timestamptz => Value::Integer(timestamptz::parse(text, now)?),
        PgType::Bytea => Value::Text(bytea(text)?),
        PgType::Enum(enumeration) => Value::Text(label(enumeration, text)?),
        PgType::Array(element) => {
            Value::Text(array::parse(text, |text| element_to_json(*element, text, now))?)
        }
        PgType::Interval => {
            return Err(RestError::not_implemented("The local Supabase has no intervals."));
        }
    })
}

/// An element of an array as answers show it.
fn element_to_json(element: PgType, text: &str, now: i64) -> Result<String, RestError> {
    Ok(to_json(element, &parse(element, text, now)?))
}

/// Reads a value that is compared with those of a column, for which its length and digits count for
/// nothing.
pub(super) fn parse_operand(pg_type: PgType, text: &str, now: i64) -> Result<Value, RestError> {
    match pg_type {
        PgType::Varchar(_) => parse(PgType::Text, text, now),
        PgType::Numeric(_) => parse(PgType::NUMERIC, text, now),
        // Spaces at the end count for nothing.
        PgType::Char(length) => {
            let text = text.trim_end_matches(' ');
            let padded = format!("{text:width$}", width = length as usize);
            parse(PgType::Text, &padded, now)
        }
        _ => parse(pg_type, text, now),
    }
}

/// Reads the member `name` of a JSON object, as `json_to_record` does.
pub(super) fn parse_json(
    pg_type: PgType,
    name: &str,
    json: &RawValue,
    now: i64,
) -> Result<Value, RestError> {
    let json = json.get();
    if json == "null" {
        return Ok(Value::Null);
    }
    if let PgType::Array(element) = pg_type
        && !json.starts_with('"')
    {
        let read = |text: &str| element_to_json(*element, text, now);
        return Ok(Value::Text(array::from_json(*element, json, name, read)?));
    }
    if matches!(pg_type, PgType::Json | PgType::Jsonb) || !json.starts_with('"') {
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
    Some(match (pg_type, value) {
        (PgType::Boolean, Value::Integer(value)) => if *value == 0 { "f" } else { "t" }.to_owned(),
        (PgType::Array(element), Value::Text(json)) => array::print(*element, json),
        (_, value) => cast_to_text(pg_type, value)?,
    })
}

/// `::text`
fn cast_to_text(pg_type: PgType, value: &Value) -> Option<String> {
    Some(match (pg_type, value) {
        (PgType::Boolean, Value::Integer(value)) => (*value != 0).to_string(),
        (PgType::Date, Value::Integer(days)) => date::print(*days),
        (PgType::Time, Value::Integer(micros)) => time::print(*micros),
        (PgType::Timestamp, Value::Integer(micros)) => timestamp::to_text(*micros),
        (PgType::Timestamptz, Value::Integer(micros)) => timestamptz::to_text(*micros),
        (PgType::Numeric(precision), Value::Real(number)) => numeric::print(*number, precision),
        (_, Value::Integer(number)) => number.to_string(),
        (_, Value::Real(number)) => float::print(pg_type, *number),
        (_, Value::Text(text)) => text.clone(),
        (_, Value::Null | Value::Blob(_)) => return None,
    })
}

/// A value as an answer shows it.
fn to_json(pg_type: PgType, value: &Value) -> String {
    match (pg_type, value) {
        (PgType::Json | PgType::Jsonb | PgType::Array(_), Value::Text(json)) => json.clone(),
        (PgType::Timestamp, Value::Integer(micros)) => quoted(&timestamp::to_json(*micros)),
        (PgType::Timestamptz, Value::Integer(micros)) => quoted(&timestamptz::to_json(*micros)),
        (PgType::Real | PgType::DoublePrecision, Value::Real(number)) => {
            float::to_json(pg_type, *number)
        }
        (pg_type, value) => match cast_to_text(pg_type, value) {
            None => "null".to_owned(),
            Some(text) if pg_type.is_number() || pg_type == PgType::Boolean => text,
            Some(text) => quoted(&text),
        },
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text of at most so many characters; spaces beyond them are dropped.
fn limited(text: &str, length: u32, pg_type: PgType) -> Result<String, RestError> {
    let Some((end, _)) = text.char_indices().nth(length as usize) else {
        return Ok(text.to_owned());
    };
    if text[end..].bytes().all(|byte| byte == b' ') {
        return Ok(text[..end].to_owned());
    }
    let message = format!("value too long for type {}", pg_type.full_name());
    Err(RestError::sql("22001", message))
}

/// JSON as it was written.
fn json(text: &str) -> Result<String, RestError> {
    if json_text::count(text.as_bytes(), usize::MAX) > jsonb::MAX_VALUES {
        return Err(RestError::too_many_values(jsonb::MAX_VALUES));
    }
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    if is_json { Ok(text.to_owned()) } else { Err(RestError::invalid_json_input()) }
}

/// Bytes in hexadecimal digits, or as text.
fn bytea(text: &str) -> Result<String, RestError> {
    let hex: String = match text.strip_prefix("\\x") {
        Some(digits) => digits.split_whitespace().collect(),
        None if !text.contains('\\') => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        None => return Err(RestError::sql("22P02", "invalid input syntax for type bytea")),
    };
    if let Some(digit) = hex.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(RestError::sql("22023", format!("invalid hexadecimal digit: \"{digit}\"")));
    }
    if !hex.len().is_multiple_of(2) {
        let message = "invalid hexadecimal data: odd number of digits";
        return Err(RestError::sql("22023", message));
    }
    Ok(format!("\\x{}", hex.to_ascii_lowercase()))
}

fn label(enumeration: &EnumType, text: &str) -> Result<String, RestError> {
    if enumeration.labels.contains(&text) {
        return Ok(text.to_owned());
    }
    let message = format!("invalid input value for enum {}: \"{text}\"", enumeration.name);
    Err(RestError::sql("22P02", message))
}

/// PostgreSQL takes braces around it, and hyphens or none after any four digits.
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
