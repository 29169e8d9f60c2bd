//! What can be set about the providers. Whoever starts them reads it from wherever it is kept.

use std::time::Duration;

use crate::{ApiKey, AuthHeader};

/// The settings of all providers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// OpenAI, or a server that speaks its protocol.
    pub openai: OpenAiSettings,
    /// Anthropic, or a server that speaks its protocol.
    pub anthropic: AnthropicSettings,
    /// The pause before each word of the scripted model.
    pub scripted_pace: Duration,
    /// The model when none is asked for.
    pub default_model: Option<String>,
    /// Models to ask, in this order, when a provider is overloaded or down.
    pub fallback_models: Vec<String>,
    /// The model that finds titles for new chats.
    pub title_model: Option<String>,
}

/// OpenAI, or a server that speaks its protocol.
#[derive(Clone, Debug)]
pub struct OpenAiSettings {
    /// The key; empty for a server that wants none.
    pub api_key: ApiKey,
    /// The address of the API.
    pub base_url: String,
}

/// Anthropic, or a server that speaks its protocol.
#[derive(Clone, Debug)]
pub struct AnthropicSettings {
    /// The key; empty for a server that wants none.
    pub api_key: ApiKey,
    /// The address of the API.
    pub base_url: String,
    /// The version of the API.
    pub version: String,
    /// Which header carries the key.
    pub auth_header: AuthHeader,
}
