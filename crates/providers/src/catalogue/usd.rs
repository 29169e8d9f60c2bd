//! An amount of money, exact to the picodollar.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of US dollars in picodollars. As JSON it is a number of dollars, which is exact up to a
/// thousand dollars; sums are exact in any case.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u128);

const PICO: f64 = 1e12;

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// This many picodollars.
    pub const fn from_picodollars(picodollars: u128) -> Self {
        Self(picodollars)
    }

    /// The amount in picodollars.
    pub const fn picodollars(self) -> u128 {
        self.0
    }

    /// An amount of dollars, rounded to the picodollar; less than nothing is nothing.
    pub fn from_f64(usd: f64) -> Self {
        Self((usd * PICO).round() as u128)
    }

    /// The amount in dollars.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PICO
    }

    /// So many times as much.
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(u128::from(count)))
    }

    /// What is left of it.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::add)
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// With as many digits as it has: `$0.0077`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WHOLE: u128 = 1_000_000_000_000;
        let fraction = format!("{:012}", self.0 % WHOLE);
        let fraction = fraction.trim_end_matches('0');
        let dot = if fraction.is_empty() { "" } else { "." };
        write!(f, "${}{dot}{fraction}", self.0 / WHOLE)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let usd = f64::deserialize(deserializer)?;
        if !(0.0..1e12).contains(&usd) {
            return Err(serde::de::Error::custom("must be an amount of dollars, 0 or more"));
        }
        Ok(Self::from_f64(usd))
    }
}

#[cfg(test)]
mod tests {
    use super::Usd;

    #[test]
    fn amounts_keep_their_digits() {
        for (text, shown) in [
            ("0.1", "$0.1"),
            ("0.000000000001", "$0.000000000001"),
            ("999.123456789012", "$999.123456789012"),
            ("12", "$12"),
        ] {
            let usd: Usd = serde_json::from_str(text).unwrap();
            assert_eq!(usd.to_string(), shown);
            let again: Usd = serde_json::from_str(&serde_json::to_string(&usd).unwrap()).unwrap();
            assert_eq!(again, usd);
        }
        let tenth: Usd = serde_json::from_str("0.1").unwrap();
        let sum: Usd = std::iter::repeat_n(tenth, 10_000).sum();
        assert_eq!(sum.to_string(), "$1000");
        assert!(serde_json::from_str::<Usd>("-1").is_err());
    }
}
