//! The cost of a call, exact to the picodollar.

use super::pricing::{Price, Prices, Pricing};
use super::usd::Usd;
use crate::Usage;

impl Prices {
    /// The price of a call's tokens. `None` where a price is not known, never 0.
    pub fn cost(&self, usage: &Usage) -> Option<Usd> {
        let pricing = self.pricing(usage.input_tokens);
        let cached = usage.cached_input_tokens;
        let written = usage.cache_write_input_tokens;
        let long = usage.long_cache_write_input_tokens;
        let uncached = usage.input_tokens.saturating_sub(cached).saturating_sub(written);
        let parts = [
            part(uncached, Some(pricing.input))?,
            part(cached, pricing.cached_input)?,
            part(written.saturating_sub(long), pricing.cache_write)?,
            part(long, pricing.long_cache_write)?,
            part(usage.output_tokens, Some(pricing.output))?,
        ];
        Some(parts.into_iter().sum())
    }

    /// The most that one token of an input of this length, and one of the output, can cost.
    pub fn highest(&self, input_tokens: u64) -> (Price, Price) {
        let pricing = self.pricing(input_tokens);
        let inputs = [pricing.cached_input, pricing.cache_write, pricing.long_cache_write];
        let input = inputs.into_iter().flatten().fold(pricing.input, Price::max);
        (input, pricing.output)
    }

    /// Long inputs have separate prices, which apply to the whole request.
    fn pricing(&self, input_tokens: u64) -> Pricing {
        let long = self.long_context.as_ref();
        match long.filter(|long| input_tokens > long.above_tokens) {
            Some(long) => long.pricing,
            None => self.standard,
        }
    }
}

/// Zero tokens cost nothing at any price.
fn part(tokens: u64, price: Option<Price>) -> Option<Usd> {
    if tokens == 0 {
        return Some(Usd::ZERO);
    }
    price.map(|price| price.times(tokens))
}
