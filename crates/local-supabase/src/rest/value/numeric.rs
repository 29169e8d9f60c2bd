//! `numeric`, of which SQLite holds a double: numbers that a double cannot hold are refused.

use crate::rest::error::RestError;
use crate::schema::Precision;

/// An exponent beyond which no double has a number.
const MAX_EXPONENT: i32 = 310;

/// A number as it was written: `0.digits × 10^point`, without zeros around the digits.
#[derive(Debug, PartialEq)]
struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    point: i32,
}

/// Parses a number and rounds it to its column's digits.
pub fn parse(text: &str, precision: Option<Precision>) -> Result<f64, RestError> {
    let decimal = Decimal::parse(text.trim());
    let mut decimal = decimal.ok_or_else(|| RestError::invalid_input("numeric", text))?;
    if let Some(precision) = precision {
        decimal.round(precision.scale);
        let whole = precision.precision as i32 - precision.scale;
        if decimal.point > whole && !decimal.digits.is_empty() {
            return Err(overflow(precision, whole));
        }
    }
    let number: f64 = decimal.print().parse().unwrap_or(f64::INFINITY);
    if !number.is_finite() || Decimal::parse(&number.to_string()) != Some(decimal) {
        return Err(RestError::not_implemented(format!(
            "The local Supabase does not store all digits of the number {text}: it holds about 15."
        )));
    }
    Ok(number)
}

fn overflow(precision: Precision, whole: i32) -> RestError {
    let Precision { precision, scale } = precision;
    let limit = if whole == 0 { "1".to_owned() } else { format!("10^{whole}") };
    RestError::sql("22003", "numeric field overflow").details(format!(
        "A field with precision {precision}, scale {scale} must round to an absolute value less than \
         {limit}."
    ))
}

/// A number as text, with all the digits of its column.
pub fn print(number: f64, precision: Option<Precision>) -> String {
    match precision {
        Some(Precision { scale: scale @ 0.., .. }) => {
            let text = format!("{number:.*}", scale as usize);
            let is_zero = text.bytes().all(|byte| b"-0.".contains(&byte));
            if is_zero { text.trim_start_matches('-').to_owned() } else { text }
        }
        _ => (number + 0.0).to_string(),
    }
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let is_negative = text.starts_with('-');
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        if all().next().is_none() || !all().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let leading = all().take_while(|byte| *byte == b'0').count();
        let mut digits: Vec<u8> = all().skip(leading).collect();
        let length = i32::try_from(whole.len()).ok()? - i32::try_from(leading).ok()?;
        let point = exponent.checked_add(length)?;
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        let is_zero = digits.is_empty();
        Some(Self {
            is_negative: is_negative && !is_zero,
            point: if is_zero { 0 } else { point },
            digits,
        })
    }

    /// Rounds halves away from zero.
    fn round(&mut self, scale: i32) {
        let keep = self.point.saturating_add(scale);
        let Ok(keep) = usize::try_from(keep) else { return self.set_zero() };
        if keep >= self.digits.len() {
            return;
        }
        let up = self.digits[keep] >= b'5';
        self.digits.truncate(keep);
        if up {
            self.increment();
        }
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.set_zero();
        }
    }

    /// Adds one to the last digit.
    fn increment(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        self.digits.insert(0, b'1');
        self.point += 1;
    }

    fn set_zero(&mut self) {
        *self = Self { is_negative: false, digits: Vec::new(), point: 0 };
    }

    /// For the parser of doubles.
    fn print(&self) -> String {
        let sign = if self.is_negative { "-" } else { "" };
        let digits = String::from_utf8_lossy(&self.digits);
        format!("{sign}0.{digits}0e{}", self.point.clamp(-2 * MAX_EXPONENT, 2 * MAX_EXPONENT))
    }
}
