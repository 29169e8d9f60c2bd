//! Operators on arrays.

use rusqlite::functions::Context;
use rusqlite::{Connection, Result};

use super::arguments::{pure, text_argument};
use crate::database::limits::{check, count_output};
use crate::rest::value::array;
use crate::rest::value::array_operators::{contains, overlaps, sort_key};
use crate::schema::PgType;

pub(super) fn register(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("array_contains", 2, pure(), |context| {
        compare(context, contains)
    })?;
    connection.create_scalar_function("array_overlaps", 2, pure(), |context| {
        compare(context, overlaps)
    })?;
    connection.create_scalar_function("array_sort_key", 2, pure(), |context| {
        check()?;
        let labels = text_argument(context, 1)?.unwrap_or("[]");
        let labels: Vec<String> = serde_json::from_str(labels).unwrap_or_default();
        text_argument(context, 0)?.map(|json| sort_key(json, &labels)).transpose()
    })?;
    connection.create_scalar_function("array_text", 2, pure(), |context| {
        check()?;
        let element = match text_argument(context, 1)? {
            Some("json") => PgType::Json,
            Some("boolean") => PgType::Boolean,
            Some("timestamp") => PgType::Timestamp,
            _ => PgType::Text,
        };
        let Some(json) = text_argument(context, 0)? else { return Ok(None) };
        let text = array::print(element, json);
        count_output(text.len())?;
        Ok(Some(text))
    })
}

/// What `array_text` is to know of the type of an array's elements.
pub(in crate::rest) fn kind(element: PgType) -> &'static str {
    match element {
        PgType::Json | PgType::Jsonb => "json",
        PgType::Boolean => "boolean",
        PgType::Timestamp | PgType::Timestamptz => "timestamp",
        _ => "",
    }
}

fn compare(
    context: &Context<'_>,
    compare: impl Fn(&str, &str) -> Result<bool>,
) -> Result<Option<bool>> {
    check()?;
    match (text_argument(context, 0)?, text_argument(context, 1)?) {
        (Some(a), Some(b)) => compare(a, b).map(Some),
        _ => Ok(None),
    }
}
