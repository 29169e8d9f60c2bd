//! Models: capabilities and prices.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::pricing::{LongContextPricing, PriceSource, Prices, Pricing};
use crate::ProviderName;

/// A model.
#[derive(Clone, Debug, Deserialize)]
pub struct Model {
    /// ID of the model at its provider.
    pub id: String,
    /// The provider.
    pub provider: ProviderName,
    /// Display name.
    pub name: String,
    /// Maximum number of input tokens, if known.
    pub context_window: Option<u32>,
    /// Maximum number of output tokens, including reasoning, if known.
    pub max_output_tokens: Option<u32>,
    /// Capabilities.
    pub capabilities: Vec<Capability>,
    /// The prices, if known.
    pub pricing: Option<Pricing>,
    /// The prices of requests with a long input.
    pub long_context_pricing: Option<LongContextPricing>,
    /// The shutdown date, if announced.
    pub shutdown: Option<Date>,
    /// The OpenAI protocols that it supports.
    #[serde(default)]
    pub endpoint: Endpoint,
    /// Whether it accepts `temperature` and `top_p`.
    #[serde(default = "yes")]
    pub accepts_sampling: bool,
    /// How reasoning is requested from a Claude model.
    #[serde(default)]
    pub thinking: ThinkingMode,
    /// The minimum length of a prompt for Anthropic's cache, in tokens.
    pub prompt_cache_min_tokens: Option<u64>,
}

/// A capability of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// Reads and writes text.
    Text,
    /// Accepts images.
    Vision,
    /// Calls tools.
    Tools,
    /// Reasons before it answers.
    Reasoning,
    /// Reads PDF files.
    Documents,
}

/// The OpenAI protocols that a model supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// Chat Completions and Responses.
    #[default]
    Chat,
    /// Only Responses.
    Responses,
}

/// How reasoning is requested from a Claude model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThinkingMode {
    /// The model decides how much to reason; an effort guides it.
    #[default]
    Adaptive,
    /// The model decides how much to reason, and reasoning cannot be turned off.
    Always,
    /// A budget of tokens is reserved for reasoning.
    Budget,
}

impl Model {
    /// A model about which nothing is known except that a server offers it. Nearly all models can call
    /// tools.
    pub(crate) fn unknown(provider: &ProviderName, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            provider: provider.clone(),
            name: id.to_owned(),
            context_window: None,
            max_output_tokens: None,
            capabilities: vec![Capability::Text, Capability::Tools],
            pricing: None,
            long_context_pricing: None,
            shutdown: None,
            endpoint: Endpoint::Chat,
            accepts_sampling: true,
            thinking: ThinkingMode::Adaptive,
            prompt_cache_min_tokens: None,
        }
    }

    /// The prices, if they are known.
    pub fn prices(&self) -> Option<Prices> {
        let long_context = self.long_context_pricing.clone();
        let of = |standard| Prices { source: PriceSource::Catalogue, standard, long_context };
        self.pricing.map(of)
    }

    /// The id with the provider's name as a prefix: `openai/gpt-6-sol`.
    pub fn qualified_id(&self) -> String {
        format!("{}/{}", self.provider, self.id)
    }

    /// Whether the model has this capability.
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Whether the model has been shut down by this day.
    pub fn is_gone(&self, today: Date) -> bool {
        self.shutdown.is_some_and(|shutdown| shutdown <= today)
    }
}

fn yes() -> bool {
    true
}
