//! Functions that make SQLite answer as PostgreSQL does.
//!
//! SQLite cannot be interrupted within a call, so functions that read long texts count their steps
//! (`database::limits`), and functions that produce long texts count the bytes.

mod arguments;
mod json;
mod jsonb;
mod text;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, Result};
use uuid::Uuid;

use self::arguments::pure;
use super::value::timestamptz;
use clock::Clock;

/// Registers the functions on a connection.
pub(super) fn register(connection: &Connection, clock: &Clock) -> Result<()> {
    register_generators(connection, clock)?;
    register_output(connection)?;
    json::register(connection)?;
    jsonb::register(connection)?;
    text::register(connection)
}

/// The functions of defaults and triggers.
fn register_generators(connection: &Connection, clock: &Clock) -> Result<()> {
    let volatile = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_INNOCUOUS;
    let clock = clock.clone();
    connection.create_scalar_function("clock_timestamp", 0, volatile, move |_| {
        Ok(clock.now().as_microsecond())
    })?;
    connection
        .create_scalar_function("gen_random_uuid", 0, volatile, |_| Ok(Uuid::new_v4().to_string()))
}

/// The functions that format stored values.
fn register_output(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("timestamptz_json", 1, pure(), |context| {
        Ok(context.get::<Option<i64>>(0)?.map(timestamptz::to_json))
    })?;
    connection.create_scalar_function("timestamptz_text", 1, pure(), |context| {
        Ok(context.get::<Option<i64>>(0)?.map(timestamptz::to_text))
    })?;
    connection.create_scalar_function("numeric_text", 1, pure(), |context| {
        Ok(context.get::<Option<f64>>(0)?.map(|number| number.to_string()))
    })
}
