//! Anthropic's settings.

use crate::Endpoint;

/// The default API version.
pub(super) const VERSION: &str = "2026-10-21";

/// Which header carries the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthHeader {
    /// `Authorization: Bearer …`, as Anthropic's own SDKs send it.
    #[default]
    Authorization,
    /// `x-api-key: …`, the only header that older gateways read.
    XApiKey,
}

/// Anthropic's settings.
#[derive(Clone, Debug)]
pub struct AnthropicSettings {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The `anthropic-version` to send.
    pub version: String,
    /// Which header carries the key.
    pub auth_header: AuthHeader,
}

impl Default for AnthropicSettings {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::default(),
            version: VERSION.to_owned(),
            auth_header: AuthHeader::default(),
        }
    }
}
