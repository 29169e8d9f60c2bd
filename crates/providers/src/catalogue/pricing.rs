//! The prices of a model's tokens.

use serde::Deserialize;

/// The prices of a model. Unknown prices are absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Pricing {
    /// Input tokens that neither read nor write the cache.
    pub input: Price,
    /// Output tokens, including reasoning.
    pub output: Price,
    /// Input tokens read from the cache.
    pub cached_input: Option<Price>,
    /// Input tokens written to the cache.
    pub cache_write: Option<Price>,
    /// Input tokens written to the cache with a longer lifetime.
    pub long_cache_write: Option<Price>,
}

/// A price in picodollars per token, which is the same number as microdollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "f64")]
pub struct Price(u64);

impl Price {
    /// The price in USD per million tokens.
    pub fn usd_per_mtok(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The price in picodollars per token.
    pub(super) fn picodollars(self) -> u64 {
        self.0
    }
}

impl From<f64> for Price {
    fn from(usd_per_mtok: f64) -> Self {
        Self((usd_per_mtok * 1e6).round() as u64)
    }
}

/// The prices of requests whose input is longer than `above_tokens`. They apply to the whole request.
#[derive(Clone, Debug, Deserialize)]
pub struct LongContextPricing {
    /// The longest input at the standard prices.
    pub above_tokens: u64,
    /// The prices.
    #[serde(flatten)]
    pub pricing: Pricing,
}
