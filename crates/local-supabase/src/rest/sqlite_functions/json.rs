//! `json_row` and `json_rows`: SQLite's `json_object` and `json_group_array` with a limit on memory.

use rusqlite::functions::{Aggregate, Context, FunctionFlags, SubType};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

use super::arguments::{pure, text_argument};
use crate::database::limits::{check, check_length, count_output};

/// SQLite's subtype of text that is JSON, so that it is not quoted.
const JSON: SubType = Some('J' as u32);

pub(super) fn register(connection: &Connection) -> Result<()> {
    let marks = pure() | FunctionFlags::SQLITE_RESULT_SUBTYPE;
    connection
        .create_scalar_function("as_json", 1, marks, |context| Ok((sized(context)?, JSON)))?;
    connection.create_scalar_function("sized", 1, pure(), sized)?;
    connection.create_scalar_function("json_text", 1, marks, |context| {
        Ok((text_argument(context, 0)?.map(quote).transpose()?, JSON))
    })?;
    let reads = marks | FunctionFlags::SQLITE_SUBTYPE;
    connection
        .create_scalar_function("json_row", -1, reads, |context| Ok((row(context)?, JSON)))?;
    connection.create_aggregate_function("json_rows", 1, marks, Rows)
}

/// A value whose size is counted: SQLite holds all columns of a row at the same time, and one column
/// may be selected many times.
fn sized(context: &Context<'_>) -> Result<Value> {
    check()?;
    if let ValueRef::Text(text) = context.get_raw(0) {
        count_output(text.len())?;
    }
    context.get(0)
}

fn quote(text: &str) -> Result<String> {
    check()?;
    // A text can always be serialized.
    let quoted = serde_json::to_string(text).unwrap_or_default();
    count_output(quoted.len())?;
    Ok(quoted)
}

/// Names and values in turn; texts are JSON already, but for the short ones.
fn row(context: &Context<'_>) -> Result<String> {
    let mut row = String::from("{");
    for at in (0..context.len()).step_by(2) {
        row.push_str(if at > 0 { "," } else { "" });
        row.push_str(&quote(text_argument(context, at)?.unwrap_or_default())?);
        row.push(':');
        push_value(&mut row, context, at + 1)?;
        check_length(row.len())?;
    }
    row.push('}');
    Ok(row)
}

fn push_value(row: &mut String, context: &Context<'_>, at: usize) -> Result<()> {
    match context.get_raw(at) {
        ValueRef::Null | ValueRef::Blob(_) => row.push_str("null"),
        ValueRef::Integer(number) => row.push_str(&number.to_string()),
        ValueRef::Real(number) => row.push_str(&number.to_string()),
        value if Some(context.get_subtype(at)) == JSON => row.push_str(value.as_str()?),
        value => row.push_str(&quote(value.as_str()?)?),
    }
    Ok(())
}

/// An array of values that are JSON already.
struct Rows;

impl Aggregate<String, (String, SubType)> for Rows {
    fn init(&self, _: &mut Context<'_>) -> Result<String> {
        Ok(String::new())
    }

    fn step(&self, context: &mut Context<'_>, rows: &mut String) -> Result<()> {
        let row = text_argument(context, 0)?.unwrap_or("null");
        count_output(row.len() + 1)?;
        check_length(rows.len() + row.len())?;
        rows.push(if rows.is_empty() { '[' } else { ',' });
        rows.push_str(row);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, rows: Option<String>) -> Result<(String, SubType)> {
        let mut rows = rows.unwrap_or_default();
        rows.push_str(if rows.is_empty() { "[]" } else { "]" });
        Ok((rows, JSON))
    }
}
