//! `timestamp with time zone`, stored as microseconds since 1970.

use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::tz::Offset;
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};

use super::date;
use crate::rest::error::RestError;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// ISO 8601 with `T` or a space, with or without an offset (UTC then), a date alone, or one of
/// PostgreSQL's words.
pub(crate) fn parse(text: &str, now: i64) -> Result<i64, RestError> {
    let trimmed = text.trim();
    if let Some(micros) = word(&trimmed.to_ascii_lowercase(), now) {
        return Ok(micros);
    }
    iso(trimmed).ok_or_else(|| match date::split(trimmed) {
        Some((date, _)) if looks_like_a_date(trimmed) => {
            let of_date = date::days(date, text).err();
            of_date.unwrap_or_else(|| RestError::datetime_out_of_range(text))
        }
        _ => RestError::invalid_datetime("timestamp with time zone", text),
    })
}

fn word(word: &str, now: i64) -> Option<i64> {
    let day = DAY.as_micros() as i64;
    let today = now - now.rem_euclid(day);
    Some(match word {
        "now" => now,
        "today" => today,
        "tomorrow" => today + day,
        "yesterday" => today - day,
        "epoch" => 0,
        _ => return None,
    })
}

fn iso(text: &str) -> Option<i64> {
    if text.contains('[') {
        return None;
    }
    // A date with a zone is the beginning of its day.
    let date = text.strip_suffix(['Z', 'z']).filter(|date| date.len() == 10);
    let pieces = Pieces::parse(date.unwrap_or(text)).ok()?;
    let time = pieces.time().unwrap_or(Time::midnight());
    let offset = match pieces.offset() {
        Some(PiecesOffset::Numeric(offset)) => offset.offset(),
        Some(PiecesOffset::Zulu) | None => Offset::UTC,
        Some(_) => return None,
    };
    let timestamp = offset.to_timestamp(pieces.date().to_datetime(time)).ok()?;
    let rounding = TimestampRound::new().smallest(Unit::Microsecond).mode(RoundMode::HalfEven);
    Some(timestamp.round(rounding).ok()?.as_microsecond())
}

/// Whether it has the form of a date, so that the error is a number out of range.
fn looks_like_a_date(text: &str) -> bool {
    let shape: Vec<bool> = text.chars().take(10).map(|c| c.is_ascii_digit()).collect();
    let dashes = text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let digits = [0, 1, 2, 3, 5, 6, 8, 9].iter().all(|i| shape.get(*i) == Some(&true));
    let rest = text.get(10..).unwrap_or_default();
    dashes && digits && rest.chars().all(|c| c.is_ascii_digit() || "Tt :.+-Zz".contains(c))
}

/// `2026-11-22T19:53:31.893152+00:00`, as in JSON.
pub fn to_json(micros: i64) -> String {
    print(micros, 'T') + "+00:00"
}

/// `2026-11-22 19:53:31.893152+00`, as a cast to text prints it.
pub(crate) fn to_text(micros: i64) -> String {
    print(micros, ' ') + "+00"
}

fn print(micros: i64, separator: char) -> String {
    let timestamp = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX);
    let at: DateTime = Offset::UTC.to_datetime(timestamp);
    let mut text = format!(
        "{:04}-{:02}-{:02}{separator}{:02}:{:02}:{:02}",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    let fraction = at.subsec_nanosecond() / 1000;
    if fraction > 0 {
        text.push('.');
        text.push_str(format!("{fraction:06}").trim_end_matches('0'));
    }
    text
}
