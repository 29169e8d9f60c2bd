//! How to reach a provider. Everything is passed in.

use std::time::Duration;

use clock::Clock;
use reqwest::Url;
use secrecy::SecretString;

/// Where a provider is reached, and how long to wait for it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The key. None for a server that wants none: no authentication header is sent.
    pub api_key: Option<SecretString>,
    /// The address of the API, with or without a slash at its end.
    pub base_url: String,
    /// The longest wait for a connection.
    pub connect_timeout: Duration,
    /// The longest silence within an answer.
    pub idle_timeout: Duration,
    /// How often a call that failed before its answer began is tried again.
    pub max_retries: u32,
    /// Whether the proxy of the operating system is used.
    pub system_proxy: bool,
    /// The clock that turns the date of a `Retry-After` into a duration.
    pub clock: Clock,
}

impl Connection {
    /// A vendor's own API.
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

    /// Another server that speaks a vendor's protocol. It may be silent for ten minutes: local servers
    /// load a model before its first word.
    pub fn compatible(api_key: Option<SecretString>, base_url: impl Into<String>) -> Self {
        Self { idle_timeout: Duration::from_secs(600), ..Self::vendor(api_key, base_url) }
    }

    /// Whether it leads to the host of this URL.
    pub(super) fn is_at(&self, url: &str) -> bool {
        host(&self.base_url) == host(url)
    }
}

fn host(url: &str) -> Option<String> {
    Url::parse(url.trim()).ok()?.host_str().map(str::to_owned)
}
