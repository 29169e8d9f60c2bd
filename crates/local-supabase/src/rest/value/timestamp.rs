//! `timestamp without time zone`, stored as microseconds since the beginning of 1970.

use super::{date, time};
use crate::rest::error::RestError;

const DAY: i64 = 86_400_000_000;

/// Parses a date and a time; a zone is ignored.
pub fn parse(text: &str, now: i64) -> Result<i64, RestError> {
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case("now") {
        return Ok(now);
    }
    let Some((fields, rest)) = date::split(trimmed) else {
        let days = date::parse(trimmed, now);
        return days
            .map(|days| days * DAY)
            .map_err(|_| RestError::invalid_datetime("timestamp", text));
    };
    let clock = if rest.is_empty() { Some((0, 0, 0)) } else { clock(rest) };
    let clock = clock.ok_or_else(|| RestError::invalid_datetime("timestamp", text))?;
    let days = date::days(fields, text)?;
    let micros = time::micros(clock).ok_or_else(|| RestError::datetime_out_of_range(text))?;
    Ok(days * DAY + micros)
}

fn clock(text: &str) -> Option<time::Fields> {
    time::split_zone(text).and_then(|(clock, _)| time::parts(clock))
}

/// `2024-02-29T13:14:15.5`, as in JSON.
pub fn to_json(micros: i64) -> String {
    print(micros, 'T')
}

/// `2024-02-29 13:14:15.5`, as a cast to text prints it.
pub fn to_text(micros: i64) -> String {
    print(micros, ' ')
}

fn print(micros: i64, separator: char) -> String {
    let (days, time) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
    format!("{}{separator}{}", date::print(days), time::print(time))
}
