//! What can be set about the providers. The crate reads no environment and no file: whoever creates
//! [`Providers`](crate::Providers) passes these values in.

use std::time::Duration;

use clock::Clock;

use crate::{Anthropic, ApiKey, AuthHeader, Connection, ProviderName};

/// The settings of all providers. A provider is configured when it has a key, or an address of its
/// own (local servers want no key).
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
    /// The model to ask when a request names none.
    pub default_model: Option<String>,
    /// Models to ask, in this order, when a provider is overloaded or down.
    pub fallback_models: Vec<String>,
    /// The model that finds titles for new chats.
    pub title_model: Option<String>,
}

/// Where a provider is reached.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// The key; empty for a server that wants none.
    pub api_key: ApiKey,
    /// The address of the API. None: the vendor's own.
    pub base_url: Option<String>,
}

/// Anthropic's settings.
#[derive(Clone, Debug)]
pub struct AnthropicSettings {
    /// Where it is reached.
    pub endpoint: Endpoint,
    /// The `anthropic-version` to speak.
    pub version: String,
    /// Which header carries the key.
    pub auth_header: AuthHeader,
}

impl Default for AnthropicSettings {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::default(),
            version: Anthropic::VERSION.to_owned(),
            auth_header: AuthHeader::default(),
        }
    }
}

/// A server that speaks OpenAI's Chat Completions protocol, under a name of its own.
#[derive(Clone, Debug)]
pub struct CompatibleSettings {
    /// The name, which precedes the ids of its models.
    pub name: ProviderName,
    /// The key; empty for a server that wants none.
    pub api_key: ApiKey,
    /// The address of the API.
    pub base_url: String,
    /// The models to offer. Empty: those that the server lists.
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

impl Endpoint {
    /// The connection to the vendor at `vendor_url`, or to the server in its place. `None` if this is
    /// not configured: the vendor wants a key.
    pub(crate) fn connection(&self, vendor_url: &str, clock: &Clock) -> Option<Connection> {
        let base_url = self.base_url.as_deref().unwrap_or(vendor_url);
        let vendor = Connection::vendor(self.api_key.clone(), base_url);
        let connection = match (vendor.is_at(vendor_url), self.api_key.is_empty()) {
            (true, true) => return None,
            (true, false) => vendor,
            (false, _) => Connection::compatible(self.api_key.clone(), base_url),
        };
        Some(Connection { clock: clock.clone(), ..connection })
    }
}
