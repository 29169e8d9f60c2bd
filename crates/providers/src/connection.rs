//! How to reach a provider. All values are passed in.

use std::net::IpAddr;
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

    /// How requests get there. No proxy knows the way to this machine.
    pub(super) fn way(&self) -> Way {
        let url = Url::parse(self.base_url.trim()).ok();
        let is_plain = url.as_ref().is_some_and(|url| url.scheme() == "http");
        match url.as_ref().is_some_and(is_this_machine) || !self.system_proxy {
            true if is_plain => Way::Plain,
            true => Way::Direct,
            false => Way::Proxy,
        }
    }

    /// Whether the base URL has the same host as this URL.
    pub(super) fn is_at(&self, url: &str) -> bool {
        host(&self.base_url) == host(url)
    }
}

/// How requests get to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By the proxy of the operating system, where there is one.
    Proxy,
    /// By none.
    Direct,
    /// By none, and without TLS.
    Plain,
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn host(url: &str) -> Option<String> {
    Url::parse(url.trim()).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Connection, Way};

    #[test]
    fn this_machine_is_reached_without_a_proxy() {
        for (base_url, way) in [
            ("https://api.example.com", Way::Proxy),
            ("http://gpu.example.com:8000/v1", Way::Proxy),
            ("http://localhost:11434/v1", Way::Plain),
            ("http://127.0.0.2:1", Way::Plain),
            ("https://[::1]/v1", Way::Direct),
        ] {
            let mut connection = Connection::compatible(None, base_url);
            assert_eq!(connection.way(), way, "{base_url}");
            connection.system_proxy = false;
            assert_ne!(connection.way(), Way::Proxy, "{base_url}");
        }
    }
}
