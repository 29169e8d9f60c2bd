//! `time without time zone`, stored as microseconds since midnight.

use crate::rest::error::RestError;

/// Hours, minutes and microseconds of the minute.
pub(super) type Fields = (i64, i64, i64);

/// Parses `13:14:15.5`, with a zone that is ignored.
pub fn parse(text: &str) -> Result<i64, RestError> {
    let trimmed = text.trim();
    let fields = split_zone(trimmed).and_then(|(clock, _)| parts(clock));
    let fields = fields.ok_or_else(|| RestError::invalid_datetime("time", text))?;
    micros(fields).ok_or_else(|| RestError::datetime_out_of_range(text))
}

/// The time and the zone behind it: `Z` or an offset.
pub(super) fn split_zone(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && !".:".contains(c)).unwrap_or(text.len());
    let (clock, zone) = text.split_at(end);
    let zone = zone.trim_start();
    let is_offset = zone.starts_with(['+', '-'])
        && zone[1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let is_zone =
        zone.is_empty() || is_offset || ["z", "utc"].contains(&&*zone.to_ascii_lowercase());
    is_zone.then_some((clock, zone))
}

/// The numbers of `hours:minutes[:seconds[.fraction]]`.
pub(super) fn parts(clock: &str) -> Option<Fields> {
    let mut fields = clock.split(':');
    let number = |text: &str| match text.len() {
        1 | 2 => text.parse::<i64>().ok(),
        _ => None,
    };
    let hours = number(fields.next()?)?;
    let minutes = number(fields.next()?)?;
    let seconds = fields.next().unwrap_or("0");
    if fields.next().is_some() {
        return None;
    }
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let micros = number(whole)? * 1_000_000 + round(fraction)?;
    Some((hours, minutes, micros))
}

/// A fraction of a second in microseconds, halves to the even one.
fn round(fraction: &str) -> Option<i64> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: f64 = format!("0.{fraction}0").parse().ok()?;
    Some((value * 1e6).round_ties_even() as i64)
}

/// The microseconds since midnight, if there is such a time. A day ends at 24:00.
pub(super) fn micros((hours, minutes, micros): Fields) -> Option<i64> {
    let is_valid = hours <= 24 && minutes < 60 && micros <= 60_000_000;
    let total = (hours * 60 + minutes) * 60_000_000 + micros;
    (is_valid && total <= 86_400_000_000).then_some(total)
}

/// `13:14:15.5`
pub fn print(micros: i64) -> String {
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction == 0 {
        return clock;
    }
    format!("{clock}.{}", format!("{fraction:06}").trim_end_matches('0'))
}
