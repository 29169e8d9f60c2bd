//! Constants.

use rusqlite::types::Value as Stored;

use super::value::{Kind, ROWS, ROWS_END, Value};
use crate::migrations::not_understood::{Result, not_understood};
use crate::rest::value;
use crate::schema::PgType;

/// A text for SQLite.
pub fn quoted(text: &str) -> Result<String> {
    if text.contains([ROWS, ROWS_END, '\0']) {
        return not_understood("a text has control characters in it");
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// A number, of the type that PostgreSQL gives it.
pub fn number(number: &str) -> Result<Value> {
    if let Ok(whole) = number.parse::<i64>() {
        let pg_type = if i32::try_from(whole).is_ok() { PgType::Integer } else { PgType::Bigint };
        return Ok(Value::new(number, pg_type));
    }
    match number.parse::<f64>() {
        Ok(real) if real.is_finite() => Ok(Value::new(format!("{real:?}"), PgType::NUMERIC)),
        _ => not_understood(format!("{number} is not a number")),
    }
}

/// A quoted constant as a value of a type.
pub fn typed(text: &str, pg_type: PgType) -> Result<String> {
    // These mean another time each time.
    let word = text.trim().to_ascii_lowercase();
    let is_time =
        matches!(pg_type, PgType::Date | PgType::Time | PgType::Timestamp | PgType::Timestamptz);
    if is_time && ["now", "today", "tomorrow", "yesterday"].contains(&word.as_str()) {
        return not_understood(format!("the time '{text}' is not implemented"));
    }
    if pg_type == PgType::Interval {
        let value = super::interval::parse(text)?;
        return match value.kind {
            Kind::Months(_) => not_understood("months have no fixed length"),
            _ => Ok(value.sql),
        };
    }
    match value::parse(pg_type, text, 0) {
        Ok(Stored::Null) => Ok("null".to_owned()),
        Ok(Stored::Integer(number)) => Ok(number.to_string()),
        Ok(Stored::Real(number)) => Ok(format!("{number:?}")),
        Ok(Stored::Text(text)) => quoted(&text),
        Ok(Stored::Blob(_)) => not_understood("a constant of bytes"),
        Err(error) => not_understood(error.to_string()),
    }
}
