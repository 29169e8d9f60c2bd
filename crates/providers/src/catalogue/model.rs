//! A model: what it can do and what it costs.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::pricing::{LongContextPricing, Pricing};
use crate::ProviderName;

/// A model.
#[derive(Clone, Debug, Deserialize)]
pub struct Model {
    /// The provider's own id.
    pub id: String,
    /// Its provider.
    pub provider: ProviderName,
    /// A name for people.
    pub name: String,
    /// The most tokens it can take in, where known.
    pub context_window: Option<u32>,
    /// The most tokens it can write, reasoning included, where known.
    pub max_output_tokens: Option<u32>,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// The prices; absent where they are not known.
    pub pricing: Option<Pricing>,
    /// The prices of a request that is longer than most.
    pub long_context_pricing: Option<LongContextPricing>,
    /// The day from which it is gone, where one is announced.
    pub shutdown: Option<Date>,
    /// Which of OpenAI's protocols it speaks.
    #[serde(default)]
    pub endpoint: Endpoint,
    /// Whether it accepts `temperature` and `top_p`.
    #[serde(default = "yes")]
    pub accepts_sampling: bool,
    /// How a Claude model is asked to reason.
    #[serde(default)]
    pub thinking: ThinkingMode,
    /// How long a prompt must be for Anthropic's cache.
    pub prompt_cache_min_tokens: Option<u64>,
}

/// What a model can do.
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

/// Which of OpenAI's protocols a model speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Endpoint {
    /// Chat Completions, and Responses too.
    #[default]
    Chat,
    /// Responses only.
    Responses,
}

/// How a Claude model is asked to reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThinkingMode {
    /// The model decides; an effort guides it.
    #[default]
    Adaptive,
    /// The model decides, and reasoning cannot be turned off.
    Always,
    /// A number of tokens is set aside for reasoning.
    Budget,
}

impl Model {
    /// A model of which nothing is known but that a server has it. Nearly all can call tools.
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

    /// The id with its provider's name before it: `openai/gpt-6-sol`.
    pub fn qualified_id(&self) -> String {
        format!("{}/{}", self.provider, self.id)
    }

    /// Whether the model can do this.
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// Whether the model has been shut down by then.
    pub fn is_gone(&self, today: Date) -> bool {
        self.shutdown.is_some_and(|shutdown| shutdown <= today)
    }
}

fn yes() -> bool {
    true
}
