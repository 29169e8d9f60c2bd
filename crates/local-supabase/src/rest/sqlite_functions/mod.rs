//! Functions that make SQLite answer as PostgreSQL does.
//!
//! SQLite is not interrupted within a call of one, so those that take long texts count their steps
//! (`database::work`), and those that make long texts the bytes.

pub(super) mod arrays;
mod json;
mod jsonb;
mod output;
mod text;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};
use uuid::Uuid;

use clock::Clock;

/// Registers the functions on a connection.
pub(super) fn register(connection: &Connection, clock: &Clock) -> Result<()> {
    register_generators(connection, clock)?;
    output::register(connection)?;
    arrays::register(connection)?;
    json::register(connection)?;
    jsonb::register(connection)?;
    text::register(connection)
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

fn text_argument<'a>(context: &'a Context<'_>, index: usize) -> Result<Option<&'a str>> {
    match context.get_raw(index) {
        ValueRef::Null => Ok(None),
        value => Ok(Some(value.as_str()?)),
    }
}
