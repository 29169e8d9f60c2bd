//! What expressions of migrations use besides the operators on text and jsonb.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rusqlite::functions::Context;
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, Error, Result};
use serde_json::Value;

use super::arguments::{pure, text_argument};
use crate::rest::error::RestError;
use crate::rest::value;
use crate::schema::PgType;

const DAY: i64 = 86_400_000_000;

pub(super) fn register(connection: &Connection) -> Result<()> {
    register_numbers(connection)?;
    register_texts(connection)?;
    register_json(connection)?;
    connection.create_scalar_function("type_input", 2, pure(), |context| {
        let name: String = context.get(0)?;
        let Some(text) = text_argument(context, 1)? else { return Ok(Stored::Null) };
        value::parse(input_type(&name), text, 0).map_err(|error| failed(&error))
    })?;
    connection.create_scalar_function("refuse_function", 1, pure(), |context| {
        let name: String = context.get(0)?;
        Err::<Stored, _>(failed(&RestError::permission_denied("function", &name)))
    })?;
    connection.create_scalar_function("only_row", 2, pure(), |context| {
        let message = "more than one row returned by a subquery used as an expression";
        match context.get::<i64>(0)? {
            0 | 1 => context.get::<Stored>(1),
            _ => Err(failed(&RestError::sql("21000", message))),
        }
    })?;
    connection.create_scalar_function("enum_input", 3, pure(), |context| {
        let Some(text) = text_argument(context, 2)? else { return Ok(None) };
        let labels = elements(text_argument(context, 1)?.unwrap_or_default());
        if labels.iter().any(|label| label.as_str() == Some(text)) {
            return Ok(Some(text.to_owned()));
        }
        let name = text_argument(context, 0)?.unwrap_or_default();
        let message = format!("invalid input value for enum {name}: \"{text}\"");
        Err(failed(&RestError::sql("22P02", message)))
    })
}

/// Errors of PostgreSQL within a statement.
fn failed(error: &RestError) -> Error {
    Error::UserFunctionError(error.through_sqlite().into())
}

fn input_type(name: &str) -> PgType {
    match name {
        "uuid" => PgType::Uuid,
        "smallint" => PgType::Smallint,
        "integer" => PgType::Integer,
        "bigint" => PgType::Bigint,
        "boolean" => PgType::Boolean,
        "numeric" => PgType::NUMERIC,
        "timestamp with time zone" => PgType::Timestamptz,
        "jsonb" => PgType::Jsonb,
        _ => PgType::Text,
    }
}

fn register_numbers(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("day_of", 1, pure(), |context| {
        Ok(context.get::<Option<i64>>(0)?.map(|micros| micros.div_euclid(DAY)))
    })?;
    connection.create_scalar_function("add_months", 2, pure(), |context| {
        let (Some(micros), Some(months)) =
            (context.get::<Option<i64>>(0)?, context.get::<Option<i64>>(1)?)
        else {
            return Ok(None);
        };
        Ok(add_months(micros, months))
    })?;
    connection.create_scalar_function("least", -1, pure(), |context| extreme(context, false))?;
    connection.create_scalar_function("greatest", -1, pure(), |context| extreme(context, true))?;
    connection.create_scalar_function("pg_divide", 3, pure(), |context| {
        let remainder = text_argument(context, 0)? == Some("%");
        divide(&context.get(1)?, &context.get(2)?, remainder)
    })
}

fn add_months(micros: i64, months: i64) -> Option<i64> {
    let at = Timestamp::from_microsecond(micros).ok()?.to_zoned(TimeZone::UTC);
    let moved = at.checked_add(Span::new().try_months(months).ok()?).ok()?;
    Some(moved.timestamp().as_microsecond())
}

/// The least or greatest of the values that are not null.
fn extreme(context: &Context<'_>, greatest: bool) -> Result<Stored> {
    let mut found = Stored::Null;
    for at in 0..context.len() {
        let value: Stored = context.get(at)?;
        let (Some(number), other) = (number(&value), number(&found)) else { continue };
        let is_better = match other {
            None => true,
            Some(other) if greatest => number > other,
            Some(other) => number < other,
        };
        if is_better {
            found = value;
        }
    }
    Ok(found)
}

/// Times are below 2^63 and counts far below; what matters is exact up to 2^53, or equal in kind.
fn number(value: &Stored) -> Option<Number> {
    match value {
        Stored::Integer(number) => Some(Number::Integer(*number)),
        Stored::Real(number) => Some(Number::Real(*number)),
        _ => None,
    }
}

#[derive(PartialEq)]
enum Number {
    Integer(i64),
    Real(f64),
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.partial_cmp(b),
            (Self::Integer(a), Self::Real(b)) => (*a as f64).partial_cmp(b),
            (Self::Real(a), Self::Integer(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(b),
        }
    }
}

fn divide(a: &Stored, b: &Stored, remainder: bool) -> Result<Stored> {
    let by_zero = || failed(&RestError::sql("22012", "division by zero"));
    let (Some(a), Some(b)) = (number(a), number(b)) else { return Ok(Stored::Null) };
    match (a, b) {
        (Number::Integer(_), Number::Integer(0)) => Err(by_zero()),
        (Number::Integer(a), Number::Integer(b)) => {
            Ok(Stored::Integer(if remainder { a.wrapping_rem(b) } else { a.wrapping_div(b) }))
        }
        (a, b) => {
            let real = |number| match number {
                Number::Integer(number) => number as f64,
                Number::Real(number) => number,
            };
            let (a, b) = (real(a), real(b));
            if b == 0.0 {
                Err(by_zero())
            } else {
                Ok(Stored::Real(if remainder { a % b } else { a / b }))
            }
        }
    }
}

fn register_texts(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("pg_upper", 1, pure(), |context| {
        Ok(text_argument(context, 0)?.map(str::to_uppercase))
    })?;
    connection.create_scalar_function("starts_with", 2, pure(), |context| {
        Ok(match (text_argument(context, 0)?, text_argument(context, 1)?) {
            (Some(text), Some(start)) => Some(text.starts_with(start)),
            _ => None,
        })
    })?;
    connection.create_scalar_function("split_part", 3, pure(), |context| {
        let (Some(text), Some(by)) = (text_argument(context, 0)?, text_argument(context, 1)?)
        else {
            return Ok(None);
        };
        let field: Option<i64> = context.get(2)?;
        Ok(field.map(|field| part(text, by, field)))
    })?;
    connection.create_scalar_function("pg_substring", -1, pure(), |context| {
        let Some(text) = text_argument(context, 0)? else { return Ok(None) };
        let Some(from) = context.get::<Option<i64>>(1)? else { return Ok(None) };
        let length =
            if context.len() > 2 { context.get::<Option<i64>>(2)? } else { Some(i64::MAX) };
        Ok(length.map(|length| substring(text, from, length)))
    })
}

fn part(text: &str, by: &str, field: i64) -> String {
    if by.is_empty() {
        return if field == 1 { text.to_owned() } else { String::new() };
    }
    let parts: Vec<&str> = text.split(by).collect();
    let at = if field > 0 {
        Some(field as usize - 1)
    } else {
        parts.len().checked_sub(field.unsigned_abs() as usize)
    };
    at.and_then(|at| parts.get(at)).copied().unwrap_or_default().to_owned()
}

/// Positions before the first character count, as in PostgreSQL.
fn substring(text: &str, from: i64, length: i64) -> String {
    let end = from.saturating_add(length.max(0));
    let start = from.max(1);
    let count = (end - start).max(0) as usize;
    text.chars().skip(start as usize - 1).take(count).collect()
}

fn register_json(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("jsonb_typeof", 1, pure(), |context| {
        Ok(text_argument(context, 0)?.map(type_of))
    })?;
    connection.create_scalar_function("jsonb_array_length", 1, pure(), |context| {
        let Some(text) = text_argument(context, 0)? else { return Ok(None) };
        match json(text) {
            Value::Array(elements) => Ok(Some(elements.len() as i64)),
            _ => Err(failed(&RestError::sql("22023", "cannot get array length of a non-array"))),
        }
    })?;
    connection.create_scalar_function("jsonb_has_key", 2, pure(), |context| {
        let (Some(text), Some(key)) = (text_argument(context, 0)?, text_argument(context, 1)?)
        else {
            return Ok(None);
        };
        Ok(Some(match json(text) {
            Value::Object(members) => members.contains_key(key),
            Value::Array(elements) => elements.iter().any(|element| element.as_str() == Some(key)),
            Value::String(text) => text == key,
            _ => false,
        }))
    })?;
    connection.create_scalar_function("array_has", 2, pure(), |context| {
        let Some(array) = text_argument(context, 0)? else { return Ok(None) };
        Ok(has(&elements(array), context.get_raw(1)))
    })
}

fn type_of(text: &str) -> &'static str {
    match text.trim_start().bytes().next() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "boolean",
        Some(b'n') => "null",
        _ => "number",
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn elements(array: &str) -> Vec<Value> {
    match json(array) {
        Value::Array(elements) => elements,
        _ => Vec::new(),
    }
}

/// `value = any (array)`: unknown where only a null could be equal.
fn has(elements: &[Value], value: ValueRef<'_>) -> Option<bool> {
    let is_equal = |element: &Value| match value {
        ValueRef::Integer(number) => element.as_i64() == Some(number),
        ValueRef::Text(text) => element.as_str().map(str::as_bytes) == Some(text),
        _ => false,
    };
    match value {
        ValueRef::Null if elements.is_empty() => Some(false),
        ValueRef::Null => None,
        _ if elements.iter().any(is_equal) => Some(true),
        _ if elements.iter().any(Value::is_null) => None,
        _ => Some(false),
    }
}
