//! Operators on text. SQLite's own `lower` and `like` handle only ASCII, and the time of its `instr` is
//! the product of the lengths.

use rusqlite::functions::Context;
use rusqlite::{Connection, Result};

use super::arguments::{pure, text_argument};
use crate::database::limits::check;
use crate::rest::value::like::is_like;

pub(super) fn register(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("pg_like", 2, pure(), |context| compare(context, is_like))?;
    connection.create_scalar_function("pg_ilike", 2, pure(), |context| {
        compare(context, |text, pattern| is_like(&lower(text), &lower(pattern)))
    })?;
    connection.create_scalar_function("contains_text", 2, pure(), |context| {
        compare(context, |text, part| Ok(lower(text).contains(&lower(part))))
    })?;
    connection.create_scalar_function("lower", 1, pure(), |context| {
        Ok(text_argument(context, 0)?.map(lower))
    })
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

/// Lower case, letter by letter as in PostgreSQL: the end of a word makes no difference.
fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}
