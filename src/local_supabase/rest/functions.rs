//! Functions that make SQLite answer as PostgreSQL does.

use rusqlite::functions::{Context, FunctionFlags, SubType};
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, Result};
use serde_json::Value;
use uuid::Uuid;

use super::query::Step;
use super::value::{jsonb, timestamptz};
use crate::clock::Clock;

/// SQLite's mark on text that is JSON, so that `json_object` does not quote it.
const JSON: SubType = Some('J' as u32);

/// Registers the functions on a connection.
pub(super) fn register(connection: &Connection, clock: &Clock) -> Result<()> {
    register_generators(connection, clock)?;
    register_output(connection)?;
    register_jsonb(connection)?;
    register_text(connection)
}

/// A function of its arguments alone.
fn pure() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS
}

/// What defaults and triggers use.
fn register_generators(connection: &Connection, clock: &Clock) -> Result<()> {
    let volatile = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    let clock = clock.clone();
    connection.create_scalar_function("clock_timestamp", 0, volatile, move |_| {
        Ok(clock.now().as_microsecond())
    })?;
    connection
        .create_scalar_function("gen_random_uuid", 0, volatile, |_| Ok(Uuid::new_v4().to_string()))
}

/// How stored values are shown.
fn register_output(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("timestamptz_json", 1, pure(), |context| {
        Ok(context.get::<Option<i64>>(0)?.map(timestamptz::to_json))
    })?;
    connection.create_scalar_function("timestamptz_text", 1, pure(), |context| {
        Ok(context.get::<Option<i64>>(0)?.map(timestamptz::to_text))
    })?;
    connection.create_scalar_function("numeric_text", 1, pure(), |context| {
        Ok(context.get::<Option<f64>>(0)?.map(|number| number.to_string()))
    })?;
    let marks = pure() | FunctionFlags::SQLITE_RESULT_SUBTYPE;
    connection.create_scalar_function("as_json", 1, marks, |context| {
        Ok((context.get::<SqlValue>(0)?, JSON))
    })
}

fn register_jsonb(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("jsonb_get", 2, pure(), |context| {
        Ok(jsonb_get(context)?.map(|value| jsonb::print(&value)))
    })?;
    connection.create_scalar_function("jsonb_get_text", 2, pure(), |context| {
        Ok(jsonb_get(context)?.and_then(|value| jsonb::to_text(&value)))
    })?;
    connection.create_scalar_function("jsonb_contains", 2, pure(), |context| {
        let (Some(a), Some(b)) = (json_argument(context, 0)?, json_argument(context, 1)?) else {
            return Ok(None);
        };
        Ok(Some(jsonb::contains(&a, &b)))
    })?;
    connection.create_scalar_function("jsonb_sort_key", 1, pure(), |context| {
        Ok(json_argument(context, 0)?.map(|value| jsonb::sort_key(&value)))
    })
}

/// SQLite's own `lower` and `like` know only ASCII.
fn register_text(connection: &Connection) -> Result<()> {
    connection
        .create_scalar_function("pg_like", 2, pure(), |context| match_text(context, is_like))?;
    connection.create_scalar_function("pg_ilike", 2, pure(), |context| {
        match_text(context, |text, pattern| is_like(&lower(text), &lower(pattern)))
    })?;
    connection.create_scalar_function("lower", 1, pure(), |context| {
        Ok(text_argument(context, 0)?.map(lower))
    })
}

fn text_argument<'a>(context: &'a Context<'_>, index: usize) -> Result<Option<&'a str>> {
    match context.get_raw(index) {
        ValueRef::Null => Ok(None),
        value => Ok(Some(value.as_str()?)),
    }
}

/// Stored jsonb is always valid; anything else counts as null.
fn json_argument(context: &Context<'_>, index: usize) -> Result<Option<Value>> {
    Ok(text_argument(context, index)?.and_then(|text| serde_json::from_str(text).ok()))
}

/// The second argument is the path: a JSON array of keys and indexes.
fn jsonb_get(context: &Context<'_>) -> Result<Option<Value>> {
    let (Some(value), Some(Value::Array(path))) =
        (json_argument(context, 0)?, json_argument(context, 1)?)
    else {
        return Ok(None);
    };
    let path: Vec<Step> = path.into_iter().filter_map(step).collect();
    Ok(jsonb::get(&value, &path).cloned())
}

fn step(value: Value) -> Option<Step> {
    match value {
        Value::String(key) => Some(Step::Key(key)),
        other => other.as_i64().and_then(|index| i32::try_from(index).ok()).map(Step::Index),
    }
}

fn match_text(context: &Context<'_>, matches: impl Fn(&str, &str) -> bool) -> Result<Option<bool>> {
    match (text_argument(context, 0)?, text_argument(context, 1)?) {
        (Some(text), Some(pattern)) => Ok(Some(matches(text, pattern))),
        _ => Ok(None),
    }
}

/// Letter by letter, as PostgreSQL does, so that a word's end does not matter.
fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}

/// `text like pattern`: `%` stands for anything, `_` for one character, `\` takes the next one
/// literally. After a mismatch only the last `%` is tried longer, so the time is bounded by the
/// product of the lengths.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let (mut text, mut pattern) = (text.chars(), pattern.chars());
    let mut retry = None;
    loop {
        let (text_before, pattern_before) = (text.clone(), pattern.clone());
        let matched = match pattern.next() {
            Some('%') => {
                retry = Some((text_before, pattern.clone()));
                continue;
            }
            Some('_') => text.next().is_some(),
            Some('\\') => match pattern.next() {
                Some(literal) => text.next() == Some(literal),
                None => text.next() == Some('\\'),
            },
            Some(literal) => text.next() == Some(literal),
            None => text.next().is_none(),
        };
        if matched && pattern_before.as_str().is_empty() {
            return true;
        }
        if !matched {
            let Some((longer, after)) = retry.as_mut() else { return false };
            if longer.next().is_none() {
                return false;
            }
            (text, pattern) = (longer.clone(), after.clone());
        }
    }
}
