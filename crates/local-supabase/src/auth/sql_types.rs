//! How values are stored in columns.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A point in time in whole microseconds, as in PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(Timestamp);

impl Time {
    pub(super) fn as_second(self) -> i64 {
        self.0.as_second()
    }

    /// The time `seconds` earlier, or the beginning of time.
    pub(super) fn minus_seconds(self, seconds: i64) -> Self {
        let duration = jiff::SignedDuration::from_secs(seconds);
        Self(self.0.checked_sub(duration).unwrap_or(Timestamp::MIN))
    }
}

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl ToSql for Time {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_microsecond().into())
    }
}

impl FromSql for Time {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let micros = value.as_i64()?;
        Timestamp::from_microsecond(micros)
            .map(Self)
            .map_err(|error| FromSqlError::Other(error.into()))
    }
}

/// Reads an id.
pub(super) fn uuid(row: &Row<'_>, column: &str) -> rusqlite::Result<Uuid> {
    let text: String = row.get(column)?;
    Uuid::try_parse(&text).map_err(|error| unreadable(row, column, error))
}

/// Reads a JSON object.
pub(super) fn object(row: &Row<'_>, column: &str) -> rusqlite::Result<Map<String, Value>> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| unreadable(row, column, error))
}

/// The text that a JSON object is stored as.
pub(super) fn object_text(object: &Map<String, Value>) -> String {
    Value::Object(object.clone()).to_string()
}

fn unreadable(
    row: &Row<'_>,
    column: &str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or_default();
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
}

/// GoTrue writes the members of free-form objects in alphabetical order.
pub(super) fn sorted<S: Serializer>(
    object: &Map<String, Value>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(object.iter().collect::<BTreeMap<_, _>>())
}
