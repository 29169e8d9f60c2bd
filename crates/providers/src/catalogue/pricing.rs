//! The prices of a model's tokens.

use serde::{Deserialize, Serialize, Serializer};

use super::usd::Usd;

/// The prices of a model. Unknown prices are absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pricing {
    /// Input tokens that neither read nor write the cache.
    pub input: Price,
    /// Output tokens, including reasoning.
    pub output: Price,
    /// Input tokens read from the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<Price>,
    /// Input tokens written to the cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<Price>,
    /// Input tokens written to the cache with a longer lifetime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub long_cache_write: Option<Price>,
}

/// A price in picodollars per token, which is the same number as microdollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "f64")]
pub struct Price(u64);

impl Price {
    /// The price in USD per million tokens.
    pub fn usd_per_mtok(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// What this many tokens cost.
    pub fn times(self, tokens: u64) -> Usd {
        Usd::from_picodollars(u128::from(tokens).saturating_mul(u128::from(self.0)))
    }
}

impl TryFrom<f64> for Price {
    type Error = &'static str;

    fn try_from(usd_per_mtok: f64) -> Result<Self, Self::Error> {
        if !(0.0..=1e6).contains(&usd_per_mtok) {
            return Err("must be a price in dollars per million tokens, 0 or more");
        }
        Ok(Self((usd_per_mtok * 1e6).round() as u64))
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.usd_per_mtok())
    }
}

/// The prices of requests whose input is longer than `above_tokens`. They apply to the whole request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LongContextPricing {
    /// The longest input at the standard prices.
    pub above_tokens: u64,
    /// The prices.
    #[serde(flatten)]
    pub pricing: Pricing,
}

/// The prices that a model is used at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// Who says so.
    pub source: PriceSource,
    /// The prices of ordinary requests.
    #[serde(flatten)]
    pub standard: Pricing,
    /// Those of requests with a long input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_context: Option<LongContextPricing>,
}

/// Where prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PriceSource {
    /// The models known to this server.
    Catalogue,
    /// The operator.
    Operator,
    /// The operator, for all models without a price.
    Unpriced,
}

impl Prices {
    /// One price for all tokens.
    pub fn flat(price: Price) -> Self {
        let standard = Pricing {
            input: price,
            output: price,
            cached_input: None,
            cache_write: None,
            long_cache_write: None,
        };
        Self { source: PriceSource::Unpriced, standard, long_context: None }.completed()
    }

    /// The same without gaps, so that each call has a price: what is not known costs as much as the input
    /// that is nearest to it.
    pub fn completed(mut self) -> Self {
        self.standard = self.standard.completed();
        if let Some(long) = &mut self.long_context {
            long.pricing = long.pricing.completed();
        }
        self
    }
}

impl Pricing {
    fn completed(self) -> Self {
        let cache_write = self.cache_write.unwrap_or(self.input);
        Self {
            cached_input: self.cached_input.or(Some(self.input)),
            cache_write: Some(cache_write),
            long_cache_write: self.long_cache_write.or(Some(cache_write)),
            ..self
        }
    }
}
