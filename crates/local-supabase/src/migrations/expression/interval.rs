//! Lengths of time, in microseconds. A day is 24 hours, because times are in UTC.

use sqlparser::ast::{Interval, Value as Constant};

use sqlparser::ast::Expr;

use super::translator::Translator;
use super::value::{Kind, Value};
use crate::migrations::not_understood::{Result, not_understood};
use crate::schema::PgType;

const SECOND: f64 = 1e6;

impl Translator<'_> {
    pub(super) fn interval(&mut self, interval: &Interval) -> Result<Value> {
        let Expr::Value(value) = &*interval.value else {
            return not_understood(format!("{interval} is not known"));
        };
        let text = match &value.value {
            Constant::SingleQuotedString(text) => text.clone(),
            Constant::Number(number, _) => number.to_string(),
            other => return not_understood(format!("{other} is not an interval")),
        };
        match &interval.leading_field {
            Some(field) => parse(&format!("{text} {field}")),
            None => parse(&text),
        }
    }

    /// A time later or earlier by an interval.
    pub(super) fn shifted(&self, time: Value, sign: &str, interval: &Value) -> Result<Value> {
        let Kind::Of(pg_type) = time.kind else { return not_understood("a time of no type") };
        let (micros, result) = match pg_type {
            PgType::Date => (format!("({} * 86400000000)", time.sql), PgType::Timestamp),
            PgType::Timestamp | PgType::Timestamptz => (time.sql, pg_type),
            other => return not_understood(format!("{} {sign} interval", other.name())),
        };
        let sql = match interval.kind {
            Kind::Months(months) => format!("add_months({micros}, {sign}{months})"),
            _ => format!("({micros} {sign} {})", interval.sql),
        };
        Ok(Value::new(sql, result))
    }
}

/// `1 day 02:30:00`, `-3 hours ago` and their like.
pub fn parse(text: &str) -> Result<Value> {
    let unknown = || not_understood(format!("the interval '{text}' is not known"));
    let (mut months, mut micros) = (0.0, 0.0);
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let mut at = 0;
    while at < words.len() {
        if words[at].contains(':') {
            let Some(clock) = clock(words[at]) else { return unknown() };
            micros += clock;
            at += 1;
            continue;
        }
        let (number, unit) = split_unit(words[at]);
        let unit =
            if unit.is_empty() { words.get(at + 1).copied().unwrap_or("second") } else { unit };
        at += if split_unit(words[at]).1.is_empty() { 2 } else { 1 };
        let Ok(number) = number.parse::<f64>() else { return unknown() };
        match unit.trim_end_matches('s') {
            "microsecond" => micros += number,
            "millisecond" => micros += number * 1e3,
            "second" | "sec" | "" => micros += number * SECOND,
            "minute" | "min" | "m" => micros += number * 60.0 * SECOND,
            "hour" | "hr" | "h" => micros += number * 3600.0 * SECOND,
            "day" | "d" => micros += number * 86400.0 * SECOND,
            "week" | "w" => micros += number * 7.0 * 86400.0 * SECOND,
            "month" | "mon" => months += number,
            "year" | "yr" | "y" => months += 12.0 * number,
            _ => return unknown(),
        }
    }
    if months == 0.0 {
        return Ok(Value::new((micros as i64).to_string(), PgType::Interval));
    }
    if micros != 0.0 || months.fract() != 0.0 {
        return unknown();
    }
    Ok(Value { sql: String::new(), kind: Kind::Months(months as i64) })
}

fn split_unit(word: &str) -> (&str, &str) {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '-' || c == '+';
    word.split_at(word.find(|c| !is_number(c)).unwrap_or(word.len()))
}

/// `hours:minutes:seconds`
fn clock(word: &str) -> Option<f64> {
    let (sign, word) = word.strip_prefix('-').map_or((1.0, word), |rest| (-1.0, rest));
    let mut parts = word.split(':').map(|part| part.parse::<f64>().ok());
    let hours = parts.next()??;
    let minutes = parts.next()??;
    let seconds = parts.next().map_or(Some(0.0), |seconds| seconds)?;
    Some(sign * (hours * 3600.0 + minutes * 60.0 + seconds) * SECOND)
}
