//! `json_row` and `json_rows`: SQLite's `json_object` and `json_group_array`, but for the memory
//! that they may take.

use rusqlite::functions::{Aggregate, Context, FunctionFlags, SubType};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

use super::{pure, text_argument};
use crate::local_supabase::db::work::{check, make};

/// SQLite's mark on text that is JSON, so that it is not quoted.
const JSON: SubType = Some('J' as u32);

pub(super) fn register(connection: &Connection) -> Result<()> {
    let marks = pure() | FunctionFlags::SQLITE_RESULT_SUBTYPE;
    connection.create_scalar_function("as_json", 1, marks, |context| {
        Ok((context.get::<Value>(0)?, JSON))
    })?;
    let reads = marks | FunctionFlags::SQLITE_SUBTYPE;
    connection
        .create_scalar_function("json_row", -1, reads, |context| Ok((row(context)?, JSON)))?;
    connection.create_aggregate_function("json_rows", 1, marks, Rows)
}

/// Names and values in turn.
fn row(context: &Context<'_>) -> Result<String> {
    check()?;
    let mut row = String::from("{");
    let mut counted = 0;
    for at in (0..context.len()).step_by(2) {
        row.push_str(if at > 0 { "," } else { "" });
        push_text(&mut row, text_argument(context, at)?.unwrap_or_default());
        row.push(':');
        push_value(&mut row, context, at + 1)?;
        make(row.len() - counted)?;
        counted = row.len();
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
        value => push_text(row, value.as_str()?),
    }
    Ok(())
}

fn push_text(row: &mut String, text: &str) {
    // A text can always be written.
    row.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// An array of values that are JSON already.
struct Rows;

impl Aggregate<String, (String, SubType)> for Rows {
    fn init(&self, _: &mut Context<'_>) -> Result<String> {
        Ok(String::new())
    }

    fn step(&self, context: &mut Context<'_>, rows: &mut String) -> Result<()> {
        let row = text_argument(context, 0)?.unwrap_or("null");
        make(row.len() + 1)?;
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
