//! The endpoint of a provider, from the settings.

use clock::Clock;
use secrecy::SecretString;

use crate::Connection;

/// The endpoint of a provider.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// The API key. `None` for a server that needs none.
    pub api_key: Option<SecretString>,
    /// The base URL of the API. `None` for the vendor's own.
    pub base_url: Option<String>,
}

impl Endpoint {
    /// The connection to the vendor at `vendor_url`, or to the server in its place. `None` if the
    /// provider is not configured: the vendor requires a key.
    pub(crate) fn connection(&self, vendor_url: &str, clock: &Clock) -> Option<Connection> {
        let base_url = self.base_url.as_deref().unwrap_or(vendor_url);
        let vendor = Connection::vendor(self.api_key.clone(), base_url);
        let connection = match (vendor.is_at(vendor_url), self.api_key.is_some()) {
            (true, false) => return None,
            (true, true) => vendor,
            (false, _) => Connection::compatible(self.api_key.clone(), base_url),
        };
        Some(Connection { clock: clock.clone(), ..connection })
    }
}
