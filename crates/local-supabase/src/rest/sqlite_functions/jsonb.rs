//! Operators on jsonb.

use rusqlite::functions::Context;
use rusqlite::{Connection, Result};
use serde_json::Value;

use super::arguments::{pure, text_argument};
use crate::database::limits::check;
use crate::rest::query::Step;
use crate::rest::value::contains::contains;
use crate::rest::value::json_text;

pub(super) fn register(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("jsonb_get", 2, pure(), |context| {
        Ok(get(context)?.map(str::to_owned))
    })?;
    connection.create_scalar_function("jsonb_get_text", 2, pure(), |context| {
        Ok(get(context)?.and_then(json_text::to_text))
    })?;
    connection.create_scalar_function("jsonb_contains", 2, pure(), |context| {
        check()?;
        match (text_argument(context, 0)?, text_argument(context, 1)?) {
            (Some(a), Some(b)) => Ok(Some(contains(a, b)?)),
            _ => Ok(None),
        }
    })?;
    connection.create_scalar_function("jsonb_sort_key", 1, pure(), |context| {
        check()?;
        Ok(text_argument(context, 0)?.map(json_text::sort_key))
    })
}

/// The second argument is the path: a JSON array of keys and indexes.
fn get<'a>(context: &'a Context<'_>) -> Result<Option<&'a str>> {
    check()?;
    let (Some(value), Some(path)) = (text_argument(context, 0)?, text_argument(context, 1)?) else {
        return Ok(None);
    };
    let path: Vec<Value> = serde_json::from_str(path).unwrap_or_default();
    let path: Vec<Step> = path.into_iter().filter_map(step).collect();
    Ok(json_text::get(value, &path))
}

fn step(value: Value) -> Option<Step> {
    match value {
        Value::String(key) => Some(Step::Key(key)),
        other => other.as_i64().and_then(|index| i32::try_from(index).ok()).map(Step::Index),
    }
}
