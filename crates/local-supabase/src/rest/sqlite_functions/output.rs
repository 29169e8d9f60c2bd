//! How stored values are shown.

use rusqlite::functions::{Context, FunctionFlags, SubType};
use rusqlite::types::FromSql;
use rusqlite::{Connection, Result};

use super::arguments::pure;
use crate::rest::value::{date, float, numeric, time, timestamp, timestamptz};
use crate::schema::{PgType, Precision};

/// SQLite's mark on text that is JSON, so that it is not quoted.
const JSON: SubType = Some('J' as u32);

pub(super) fn register(connection: &Connection) -> Result<()> {
    show(connection, "date_text", date::print)?;
    show(connection, "time_text", time::print)?;
    show(connection, "timestamp_json", timestamp::to_json)?;
    show(connection, "timestamp_text", timestamp::to_text)?;
    show(connection, "timestamptz_json", timestamptz::to_json)?;
    show(connection, "timestamptz_text", timestamptz::to_text)?;
    show(connection, "numeric_text", |number| numeric::print(number, None))?;
    show(connection, "real_text", |number| float::print(PgType::Real, number))?;
    show(connection, "double_text", |number| float::print(PgType::DoublePrecision, number))?;
    show_json(connection, "real_json", |number| float::to_json(PgType::Real, number))?;
    show_json(connection, "double_json", |number| float::to_json(PgType::DoublePrecision, number))?;
    connection.create_scalar_function("numeric_text", 2, pure(), |context| {
        let precision = Precision { precision: 0, scale: context.get(1)? };
        let number: Option<f64> = context.get(0)?;
        Ok(number.map(|number| numeric::print(number, Some(precision))))
    })
}

fn show<T: FromSql>(
    connection: &Connection,
    name: &str,
    print: impl Fn(T) -> String + Send + 'static,
) -> Result<()> {
    connection.create_scalar_function(name, 1, pure(), move |context: &Context<'_>| {
        Ok(context.get::<Option<T>>(0)?.map(&print))
    })
}

fn show_json(
    connection: &Connection,
    name: &str,
    print: impl Fn(f64) -> String + Send + 'static,
) -> Result<()> {
    let marks = pure() | FunctionFlags::SQLITE_RESULT_SUBTYPE;
    connection.create_scalar_function(name, 1, marks, move |context: &Context<'_>| {
        Ok((context.get::<Option<f64>>(0)?.map(&print), JSON))
    })
}
