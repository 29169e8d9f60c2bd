//! Sums as PostgreSQL's `numeric` gives them, and exact percentiles.

use serde_json::{Number, Value as Json, json};

/// Digits after the point that a sum keeps: a picodollar has twelve.
const SCALE: usize = 20;

/// A sum of decimal numbers, free of the rounding that adding doubles brings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DecimalSum(i128);

impl DecimalSum {
    /// Adds a number, which is not negative, as it is printed.
    pub fn add(&mut self, number: f64) {
        let text = number.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{fraction:0<SCALE$.SCALE$}");
        self.0 = self.0.saturating_add(digits.parse().unwrap_or(i128::MAX));
    }

    /// The sum of two sums.
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// A number that is not negative.
    pub fn of(number: f64) -> Self {
        let mut sum = Self::default();
        sum.add(number);
        sum
    }

    /// The difference of two sums.
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The number this many times.
    pub fn times(self, count: i64) -> Self {
        Self(self.0.saturating_mul(count.into()))
    }

    /// How often the other one is in it, without a rest, as `div` counts it; none of nothing.
    pub fn count_of(self, other: Self) -> Option<i64> {
        let count = self.0.checked_div(other.0)?;
        Some(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// As a double, for SQLite.
    pub fn as_f64(self) -> f64 {
        self.to_json().as_f64().unwrap_or_default()
    }

    /// As a JSON number.
    pub fn to_json(self) -> Json {
        let digits = format!("{:0>width$}", self.0, width = SCALE + 1);
        let (whole, fraction) = digits.split_at(digits.len() - SCALE);
        let fraction = fraction.trim_end_matches('0');
        let whole_number = || whole.parse::<u64>().ok().map(Number::from);
        let number = match fraction {
            "" => whole_number(),
            _ => format!("{whole}.{fraction}").parse().ok().and_then(Number::from_f64),
        };
        number.map_or(Json::Null, Json::Number)
    }
}

/// A sum of `bigint`s.
pub(super) fn integer(sum: i128) -> Json {
    match i64::try_from(sum) {
        Ok(sum) => sum.into(),
        Err(_) => Number::from_f64(sum as f64).map_or(Json::Null, Json::Number),
    }
}

/// `percentile_cont` of 0.5, 0.95 and 0.99; null without values.
pub(super) fn percentiles(mut values: Vec<i64>) -> Json {
    values.sort_unstable();
    let at = |fraction| percentile(&values, fraction).map(whole_or_not);
    json!({ "p50": at(0.5), "p95": at(0.95), "p99": at(0.99) })
}

fn percentile(sorted: &[i64], fraction: f64) -> Option<f64> {
    let position = fraction * (sorted.len().checked_sub(1)?) as f64;
    let low = *sorted.get(position.floor() as usize)? as f64;
    let high = *sorted.get(position.ceil() as usize)? as f64;
    Some(low + (position - position.floor()) * (high - low))
}

/// PostgreSQL prints a whole number without a fraction.
pub(super) fn whole_or_not(number: f64) -> Number {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return Number::from(number as i64);
    }
    Number::from_f64(number).unwrap_or_else(|| Number::from(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_add_up_exactly() {
        let sum = |numbers: &[f64]| {
            let mut sum = DecimalSum::default();
            numbers.iter().for_each(|number| sum.add(*number));
            sum.to_json().to_string()
        };
        assert_eq!(sum(&[]), "0");
        assert_eq!(sum(&[0.1, 0.2]), "0.3");
        assert_eq!(sum(&[0.5, 1.5]), "2");
        assert_eq!(sum(&[0.000000000001; 3]), "3e-12");
        assert_eq!(sum(&[12.25, 1e-9]), "12.250000001");
    }

    #[test]
    fn percentiles_lie_between_values() {
        assert_eq!(percentiles(vec![]), json!({"p50": null, "p95": null, "p99": null}));
        assert_eq!(percentiles(vec![7]), json!({"p50": 7, "p95": 7, "p99": 7}));
        assert_eq!(percentiles(vec![4, 1, 2, 3])["p50"], json!(2.5));
        assert_eq!(percentiles((0..=100).collect())["p95"], json!(95));
    }
}
