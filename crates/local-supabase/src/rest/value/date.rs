//! `date`, stored as days since 1970.

use jiff::civil::Date;

use super::time;
use crate::rest::error::RestError;

const EPOCH: Date = Date::constant(1970, 1, 1);
const MICROS: i64 = 86_400_000_000;

/// Parses `2024-02-29`, `20240229`, a word such as `today`, or a time of day behind either, which is
/// ignored.
pub fn parse(text: &str, now: i64) -> Result<i64, RestError> {
    let today = now.div_euclid(MICROS);
    match text.trim().to_ascii_lowercase().as_str() {
        "epoch" => return Ok(0),
        "now" | "today" => return Ok(today),
        "tomorrow" => return Ok(today + 1),
        "yesterday" => return Ok(today - 1),
        _ => {}
    }
    let Some((date, rest)) = split(text.trim()) else {
        return Err(RestError::invalid_datetime("date", text));
    };
    if !rest.is_empty()
        && time::split_zone(rest).is_none_or(|(clock, _)| time::parts(clock).is_none())
    {
        return Err(RestError::invalid_datetime("date", text));
    }
    days(date, text)
}

/// Year, month and day.
pub(super) type Fields = (i16, u32, u32);

/// The date that a text begins with, and what follows the space or `T` behind it.
pub(super) fn split(text: &str) -> Option<(Fields, &str)> {
    let end = text.find([' ', 't', 'T']).unwrap_or(text.len());
    let (date, rest) = text.split_at(end);
    let rest = rest.get(1..).unwrap_or_default().trim_start();
    let fields: Vec<&str> = date.split('-').collect();
    let fields = match fields[..] {
        [year, month, day] if year.len() >= 3 => (year, month, day),
        [compact] if compact.len() == 8 && compact.is_ascii() => {
            (&compact[..4], &compact[4..6], &compact[6..])
        }
        _ => return None,
    };
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { text.parse().ok() } else { None }
    };
    let year = number(fields.0)?;
    Some(((i16::try_from(year).ok()?, number(fields.1)?, number(fields.2)?), rest))
}

/// The day with these numbers; `text` is what was given.
pub(super) fn days((year, month, day): Fields, text: &str) -> Result<i64, RestError> {
    // PostgreSQL takes these for fields in another order.
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        let hint = "Perhaps you need a different \"datestyle\" setting.";
        return Err(RestError::datetime_out_of_range(text).hint(Some(hint.to_owned())));
    }
    let date = if year == 0 { None } else { Date::new(year, month as i8, day as i8).ok() };
    let date = date.ok_or_else(|| RestError::datetime_out_of_range(text))?;
    Ok(i64::from((date - EPOCH).get_days()))
}

/// `2024-02-29`
pub fn print(days: i64) -> String {
    let span = jiff::Span::new().try_days(days).unwrap_or_default();
    let date = EPOCH.checked_add(span).unwrap_or(Date::MAX);
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}
