//! Token usage, in the form of the API and the database.

pub(super) mod meter;
pub(super) mod reservation;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::providers;

/// The tokens used by an answer, over all calls of the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenUsage {
    /// Tokens of the input, cached tokens included.
    #[schema(example = 412)]
    pub input_tokens: u64,
    /// Tokens of the output, reasoning included.
    #[schema(example = 96)]
    pub output_tokens: u64,
    /// Input and output together.
    #[schema(example = 508)]
    pub total_tokens: u64,
    /// Input tokens read from the provider's cache.
    #[schema(example = 256)]
    pub cached_input_tokens: u64,
    /// Input tokens written to the provider's cache.
    #[schema(example = 0)]
    pub cache_write_input_tokens: u64,
    /// Output tokens used for reasoning.
    #[schema(example = 0)]
    pub reasoning_tokens: u64,
}

impl From<&providers::Usage> for TokenUsage {
    fn from(usage: &providers::Usage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            cached_input_tokens: usage.cached_input_tokens,
            cache_write_input_tokens: usage.cache_write_input_tokens,
            reasoning_tokens: usage.reasoning_tokens,
        }
    }
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.total_tokens = self.total_tokens.saturating_add(other.total_tokens);
        self.cached_input_tokens =
            self.cached_input_tokens.saturating_add(other.cached_input_tokens);
        self.cache_write_input_tokens =
            self.cache_write_input_tokens.saturating_add(other.cache_write_input_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(other.reasoning_tokens);
    }
}

/// The source of the token counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UsageSource {
    /// Reported by the provider.
    Reported,
    /// Estimated by this server: the provider reported nothing.
    Estimated,
    /// Unknown.
    Missing,
}

/// About how many tokens a text takes: four bytes each.
pub fn estimated_tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}
