//! The tokens and the money that a generation has used and reserved.

use serde_json::{Value, json};

use crate::agent::Terms;
use crate::agent::usage::meter::{UsageMeter, estimated_input, most_for_hosted, most_input};
use crate::agent::usage::reservation::{Budget, Extension, MIN_OUTPUT_TOKENS, Reserved};
use crate::providers::catalogue::Usd;
use crate::providers::{ChosenModel, Request};

/// The part of a budget, in percent, from which on its user is warned.
const WARN_AT: u128 = 80;

/// The tokens and the money of a generation.
#[derive(Default)]
pub(super) struct TokenBudget {
    pub(super) meter: UsageMeter,
    /// `None` without a limit.
    reserved: Option<Reserved>,
}

/// What a call needs beyond the reservation.
pub(super) struct Shortfall {
    /// Everything from the first call to the end of this one.
    pub(super) needed: Extension,
    /// How much of what is reserved is left for the output.
    output_left: u64,
}

impl TokenBudget {
    pub(super) fn set_reserved(&mut self, reserved: Option<Reserved>) {
        self.reserved = reserved;
    }

    /// The output cap of a call: with a limit there always is one.
    pub(super) fn output_cap(
        &self,
        requested: Option<u32>,
        limit: Option<u32>,
        model: &ChosenModel,
    ) -> Option<u32> {
        requested.or_else(|| {
            let reserved = self.reserved.as_ref();
            let reserved = reserved.map(|own| u32::try_from(own.output_tokens).unwrap_or(u32::MAX));
            let own = reserved.into_iter().chain(limit).min()?;
            Some(model.max_output_tokens().map_or(own, |most| most.min(own)))
        })
    }

    /// What is missing for a call, if what is reserved does not cover it. `bytes` is the answer's
    /// length so far.
    pub(super) fn shortfall(
        &self,
        request: &Request,
        model: &ChosenModel,
        bytes: usize,
        terms: &Terms,
    ) -> Option<Shortfall> {
        let reserved = self.reserved.as_ref()?;
        let so_far = self.meter.so_far(bytes);
        let used = so_far.as_ref().map_or(0, |used| used.tokens().total_tokens);
        let input = used + estimated_input(request);
        let output = request.max_output_tokens.map_or(reserved.output_tokens, u64::from);
        let mut output_left = u64::MAX;
        let mut is_short = false;
        if terms.daily_tokens.is_some() {
            output_left = reserved.tokens.saturating_sub(input);
            is_short = input + output > reserved.tokens;
        }
        let mut usd = None;
        if let (Some(own), Some(prices)) = (reserved.usd, model.prices()) {
            let most = most_input(request, model.context_window());
            let (per_input, per_output) = prices.highest(most);
            let used = so_far.and_then(|used| used.cost()).unwrap_or_default();
            let input = used + per_input.times(most) + most_for_hosted(request);
            let needed = input + per_output.times(output);
            let left = own.saturating_sub(input).picodollars();
            let left = left.checked_div(per_output.times(1).picodollars());
            let left = left.map_or(u64::MAX, |left| u64::try_from(left).unwrap_or(u64::MAX));
            // Not even the input is covered.
            let left = if input > own { 0 } else { left };
            output_left = output_left.min(left);
            is_short |= needed > own;
            usd = Some(needed.max(own));
        }
        let needed = Extension {
            limit: terms.daily_tokens,
            budgets: terms.budgets(),
            tokens: (input + output).max(reserved.tokens),
            usd,
        };
        is_short.then_some(Shortfall { needed, output_left })
    }

    /// What is missing for a call of a tool with this price, if what is reserved does not cover it.
    pub(super) fn shortfall_of_tool(
        &self,
        price: Usd,
        bytes: usize,
        terms: &Terms,
    ) -> Option<Extension> {
        let reserved = self.reserved.as_ref()?;
        let own = reserved.usd?;
        let used = self.meter.so_far(bytes).and_then(|used| used.cost()).unwrap_or_default();
        let needed = used + price;
        (needed > own).then(|| Extension {
            limit: terms.daily_tokens,
            budgets: terms.budgets(),
            tokens: reserved.tokens,
            usd: Some(needed),
        })
    }

    /// Records that the database has reserved this in total.
    pub(super) fn extend_to(&mut self, tokens: u64, usd: Option<Usd>) {
        if let Some(reserved) = &mut self.reserved {
            reserved.tokens = tokens;
            reserved.usd = usd.or(reserved.usd);
        }
    }

    /// What the metadata of a message says that has brought its user near a limit.
    pub(super) fn warning(&self) -> Option<Value> {
        let own = self.meter.so_far(0).and_then(|used| used.cost()).unwrap_or_default();
        let used = |budget: &Budget| budget.used_usd + own;
        let is_near = |budget: &&Budget| {
            used(budget).picodollars() * 100 >= budget.limit_usd.picodollars() * WARN_AT
        };
        let budget = self.reserved.as_ref()?.budgets.iter().find(is_near)?;
        Some(json!({ "period": budget.period, "limit_usd": budget.limit_usd,
            "used_usd": used(budget), "resets_at": budget.resets_at }))
    }
}

impl Shortfall {
    /// The output cap with which the call fits the reservation, unless it is too low to be useful.
    pub(super) fn lowered_cap(&self) -> Option<u32> {
        let is_enough = self.output_left >= MIN_OUTPUT_TOKENS;
        is_enough.then(|| u32::try_from(self.output_left).unwrap_or(u32::MAX))
    }
}
