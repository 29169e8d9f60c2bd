//! The tokens that a generation has used and reserved.

use crate::agent::usage::meter::{UsageMeter, estimated_input};
use crate::agent::usage::reservation::{MIN_OUTPUT_TOKENS, Reserved};
use crate::providers::{ChosenModel, Request};

/// The tokens of a generation.
#[derive(Default)]
pub(super) struct TokenBudget {
    pub(super) meter: UsageMeter,
    /// `None` without a daily limit.
    reserved: Option<Reserved>,
}

/// The tokens that a call needs beyond the reservation.
pub(super) struct Shortfall {
    /// Everything from the first call to the end of this one.
    pub(super) tokens: u64,
    /// How much of what is reserved is left for the output.
    output_left: u64,
}

impl TokenBudget {
    pub(super) fn set_reserved(&mut self, reserved: Option<Reserved>) {
        self.reserved = reserved;
    }

    /// The output cap of a call: with a daily limit there always is one.
    pub(super) fn output_cap(&self, requested: Option<u32>, model: &ChosenModel) -> Option<u32> {
        requested.or_else(|| {
            let reserved = u32::try_from(self.reserved?.output_tokens).unwrap_or(u32::MAX);
            Some(model.max_output_tokens().map_or(reserved, |most| most.min(reserved)))
        })
    }

    /// What is missing for a call, if what is reserved does not cover it. `bytes` is the answer's
    /// length so far.
    pub(super) fn shortfall(&self, request: &Request, bytes: usize) -> Option<Shortfall> {
        let reserved = self.reserved?;
        let used = self.meter.so_far(bytes).map_or(0, |used| used.tokens().total_tokens);
        let input = used + estimated_input(request);
        let output = request.max_output_tokens.map_or(reserved.output_tokens, u64::from);
        let tokens = input + output;
        let output_left = reserved.tokens.saturating_sub(input);
        (tokens > reserved.tokens).then_some(Shortfall { tokens, output_left })
    }

    /// Records that the database has reserved this many tokens in total.
    pub(super) fn extend_to(&mut self, tokens: u64) {
        if let Some(reserved) = &mut self.reserved {
            reserved.tokens = tokens;
        }
    }
}

impl Shortfall {
    /// The output cap with which the call fits the reservation, unless it is too low to be useful.
    pub(super) fn lowered_cap(&self) -> Option<u32> {
        let is_enough = self.output_left >= MIN_OUTPUT_TOKENS;
        is_enough.then(|| u32::try_from(self.output_left).unwrap_or(u32::MAX))
    }
}
