//! The settings of the providers. The crate reads no environment and no file: whoever creates
//! [`Providers`](crate::Providers) passes these values in.

use std::time::Duration;

use secrecy::SecretString;
use thiserror::Error;

use crate::anthropic::AnthropicSettings;
use crate::{Endpoint, ProviderError, ProviderName};

/// The settings of all providers. A provider is configured if it has a key or a base URL of its own
/// (local servers need no key).
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// OpenAI, or a server that speaks its protocol.
    pub openai: Endpoint,
    /// Anthropic, or a server that speaks its protocol.
    pub anthropic: AnthropicSettings,
    /// Google Gemini.
    pub gemini: Endpoint,
    /// More servers that speak OpenAI's Chat Completions protocol.
    pub compatible: Vec<CompatibleSettings>,
    /// The scripted provider, which is always configured.
    pub scripted: ScriptedSettings,
    /// The model to use when a request names none.
    pub default_model: Option<String>,
    /// The fallback models, in order, for when a provider is overloaded or down.
    pub fallback_models: Vec<String>,
    /// The model that generates titles for new chats.
    pub title_model: Option<String>,
}

/// A server that speaks OpenAI's Chat Completions protocol, under a name of its own.
#[derive(Clone, Debug)]
pub struct CompatibleSettings {
    /// The name, which is the prefix of its models' ids.
    pub name: ProviderName,
    /// The API key. `None` for a server that needs none.
    pub api_key: Option<SecretString>,
    /// The base URL of the API.
    pub base_url: String,
    /// The models to offer; if empty, those that the server lists.
    pub models: Vec<String>,
}

/// The scripted provider's settings.
#[derive(Clone, Debug)]
pub struct ScriptedSettings {
    /// The pause before each word.
    pub pace: Duration,
}

impl Default for ScriptedSettings {
    /// A natural pace.
    fn default() -> Self {
        Self { pace: Duration::from_millis(40) }
    }
}

/// An invalid setting.
#[derive(Clone, Debug, Error)]
#[error("{setting}: {problem}")]
pub struct SettingsError {
    /// The setting, such as `openai_base_url`.
    pub setting: String,
    /// What is wrong with it, as a sentence.
    pub problem: String,
}

impl SettingsError {
    /// An error in the settings with this prefix.
    pub(crate) fn provider(settings: &str, error: &ProviderError) -> Self {
        let field = error.param.as_deref().unwrap_or("base_url");
        Self { setting: format!("{settings}_{field}"), problem: error.to_string() }
    }
}
