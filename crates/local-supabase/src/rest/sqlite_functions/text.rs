//! Operators on text. SQLite's own `lower` and `like` handle only ASCII, and the time of its `instr` is
//! the product of the lengths.

use rusqlite::functions::Context;
use rusqlite::{Connection, Error, Result};

use super::arguments::{pure, text_argument};
use crate::database::limits::check;
use crate::rest::value::like::is_like;
use crate::rest::value::regex::Pattern;

pub(super) fn register(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("pg_like", 2, pure(), |context| compare(context, is_like))?;
    connection.create_scalar_function("pg_ilike", 2, pure(), |context| {
        compare(context, |text, pattern| is_like(&lower(text), &lower(pattern)))
    })?;
    connection.create_scalar_function("pg_match", 2, pure(), |c| matches(c, false))?;
    connection.create_scalar_function("pg_imatch", 2, pure(), |c| matches(c, true))?;
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

/// `text ~ pattern`. A pattern that is a constant is compiled once in a statement.
fn matches(context: &Context<'_>, ignores_case: bool) -> Result<Option<bool>> {
    check()?;
    let (Some(text), Some(pattern)) = (text_argument(context, 0)?, text_argument(context, 1)?)
    else {
        return Ok(None);
    };
    let compiled = context.get_or_create_aux(1, |_| {
        let compiled = Pattern::new(pattern, ignores_case);
        compiled.map_err(|error| Error::UserFunctionError(error.to_string().into()))
    })?;
    compiled.is_match(text).map(Some)
}

/// Lower case, letter by letter as in PostgreSQL: the end of a word makes no difference.
fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}
