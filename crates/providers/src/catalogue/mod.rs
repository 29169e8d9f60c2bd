//! The known models: what they can do, what they cost, when they are shut down. The data is
//! `models.json`, whose notes say where it is from and of when.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use cost::{Price, Pricing, cost};

use super::ProviderName;

mod cost;
mod suggest;

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

/// The prices of requests whose input is longer than `above_tokens`. They hold for the whole request.
#[derive(Clone, Debug, Deserialize)]
pub struct LongContextPricing {
    /// The longest input at the ordinary prices.
    pub above_tokens: u64,
    /// The prices.
    #[serde(flatten)]
    pub pricing: Pricing,
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

/// The models that are not retired on this day, the built-in one last.
pub fn current(today: Date) -> impl Iterator<Item = &'static Arc<Model>> {
    CATALOGUE.models.iter().filter(move |model| !model.is_gone(today))
}

/// The model with this id, with or without its provider's name before it.
pub fn find(id: &str) -> Option<&'static Arc<Model>> {
    let qualified = id.split_once('/').and_then(|(provider, id)| {
        let provider = CATALOGUE.models.iter().find(|model| model.provider.as_str() == provider)?;
        arc_of(&provider.provider, id)
    });
    qualified.or_else(|| CATALOGUE.models.iter().find(|model| model.id == id))
}

/// A provider's model with this id.
pub fn find_of(provider: &ProviderName, id: &str) -> Option<&'static Model> {
    arc_of(provider, id).map(Arc::as_ref)
}

fn arc_of(provider: &ProviderName, id: &str) -> Option<&'static Arc<Model>> {
    CATALOGUE.models.iter().find(|model| model.provider == *provider && model.id == id)
}

/// Whether the catalogue describes models of this provider.
pub(crate) fn has_models_of(provider: &ProviderName) -> bool {
    CATALOGUE.models.iter().any(|model| model.provider == *provider)
}

/// The day on which a model was or will be shut down, also of models that are no longer known
/// otherwise.
pub fn shutdown(id: &str) -> Option<Date> {
    let id = id.rsplit('/').next().unwrap_or(id);
    CATALOGUE.shutdowns.get(id).copied()
}

/// Up to three of the `offered` ids that may have been meant by an unknown one, likeliest first.
pub fn close_matches(id: &str, offered: impl Iterator<Item = String>) -> Vec<String> {
    suggest::closest(id, offered)
}

#[derive(Default, Deserialize)]
struct File {
    models: Vec<Model>,
    shutdowns: HashMap<String, Date>,
}

struct Catalogue {
    models: Vec<Arc<Model>>,
    shutdowns: HashMap<String, Date>,
}

/// A test reads the file, so that it can only fail there.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let file = serde_json::from_str(include_str!("models.json"));
    let file: File = file.unwrap_or_default();
    let models = file.models.into_iter().map(Arc::new);
    Catalogue { models: models.collect(), shutdowns: file.shutdowns }
});

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
