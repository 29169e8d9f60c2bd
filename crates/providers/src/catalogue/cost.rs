//! The cost of a call, exact to the picodollar.

use super::model::Model;
use super::pricing::{Price, Pricing};
use crate::Usage;

/// What providers take for a search of the web, in picodollars: $10 for a thousand.
const SEARCH: u128 = 10_000_000_000;

/// The price of a call in USD: the provider's own figure if it gave one, else the catalogue's prices.
/// `None` where a price is not known, never 0.
pub fn cost(model: &Model, usage: &Usage) -> Option<f64> {
    if usage.cost_usd.is_some() {
        return usage.cost_usd;
    }
    let pricing = pricing(model, usage.input_tokens)?;
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
        u128::from(usage.searches) * SEARCH,
    ];
    Some(parts.iter().sum::<u128>() as f64 / 1e12)
}

/// Long inputs have separate prices, which apply to the whole request.
fn pricing(model: &Model, input_tokens: u64) -> Option<Pricing> {
    let long = model.long_context_pricing.as_ref();
    match long.filter(|long| input_tokens > long.above_tokens) {
        Some(long) => Some(long.pricing),
        None => model.pricing,
    }
}

/// The cost in picodollars. Zero tokens cost nothing at any price.
fn part(tokens: u64, price: Option<Price>) -> Option<u128> {
    if tokens == 0 {
        return Some(0);
    }
    price.map(|price| u128::from(tokens) * u128::from(price.picodollars()))
}
