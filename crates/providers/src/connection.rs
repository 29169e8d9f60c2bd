//! How to reach a provider. All values are passed in.

use std::time::Duration;

use clock::Clock;
use reqwest::Url;
use secrecy::SecretString;

/// The address of a provider, with its credentials and timeouts.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The API key. `None` for a server that needs none: no authentication header is sent.
    pub api_key: Option<SecretString>,
    /// The base URL of the API, with or without a trailing slash.
    pub base_url: String,
    /// The timeout for connecting.
    pub connect_timeout: Duration,
    /// The maximum time without data within a response.
    pub idle_timeout: Duration,
    /// The maximum number of retries of a call that fails before its answer starts.
    pub max_retries: u32,
    /// Whether the proxy of the operating system is used.
    pub system_proxy: bool,
    /// The clock that turns the date of a `Retry-After` into a duration.
    pub clock: Clock,
}

impl Connection {
    /// A connection to a vendor's own API.
    pub fn vendor(api_key: Option<SecretString>, base_url: impl Into<String>) -> Self {
        Self {
            api_key,
            base_url: base_url.into(),
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(120),
            max_retries: 2,
            system_proxy: true,
            clock: Clock::System,
        }
    }

    /// A connection to another server that speaks a vendor's protocol. It may be silent for ten
    /// minutes, because local servers load a model before they answer.
    pub fn compatible(api_key: Option<SecretString>, base_url: impl Into<String>) -> Self {
        Self { idle_timeout: Duration::from_secs(600), ..Self::vendor(api_key, base_url) }
    }

    /// Whether the base URL has the same host as this URL.
    pub(super) fn is_at(&self, url: &str) -> bool {
        host(&self.base_url) == host(url)
    }
}

fn host(url: &str) -> Option<String> {
    Url::parse(url.trim()).ok()?.host_str().map(str::to_owned)
}
