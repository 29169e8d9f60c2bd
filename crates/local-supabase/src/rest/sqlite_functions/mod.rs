//! Functions that make SQLite answer as PostgreSQL does.
//!
//! SQLite cannot be interrupted within a call, so functions that read long texts count their steps
//! (`database::limits`), and functions that produce long texts count the bytes.

mod arguments;
pub(super) mod arrays;
mod json;
mod jsonb;
mod output;
mod schema;
mod text;

use rusqlite::functions::FunctionFlags;
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
    schema::register(connection)?;
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
