//! Tools that the provider runs itself.

use serde::{Deserialize, Serialize};

use crate::catalogue::Usd;

/// What providers take for a search of the web: $10 for a thousand.
const SEARCH: Usd = Usd::from_picodollars(10_000_000_000);

/// A tool that the provider runs. The model calls it in the middle of its answer, and nobody is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostedTool {
    /// Which one.
    pub kind: HostedKind,
    /// How often it may be called in one answer of the model.
    pub max_uses: Option<u32>,
    /// What its provider takes for a use; none for what is usual.
    pub price_usd: Option<Usd>,
    /// The only domains that it reads; empty: all.
    pub allowed_domains: Vec<String>,
    /// Domains that it does not read. Not together with the others.
    pub blocked_domains: Vec<String>,
    /// Where the results should be of use.
    pub user_location: Option<UserLocation>,
    /// How much of what is found the model reads.
    pub search_context_size: Option<SearchContextSize>,
}

impl HostedTool {
    /// What a use costs besides the tokens.
    pub fn price(&self) -> Usd {
        self.price_usd.unwrap_or(self.kind.usual_price())
    }
}

/// A kind of tool that providers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostedKind {
    /// Searches the web.
    WebSearch,
    /// Reads pages of the web.
    WebFetch,
}

impl HostedKind {
    /// What providers take for a use: reading pages costs tokens alone.
    pub const fn usual_price(self) -> Usd {
        match self {
            Self::WebSearch => SEARCH,
            Self::WebFetch => Usd::ZERO,
        }
    }

    /// The name by which models call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSearch => "web_search",
            Self::WebFetch => "web_fetch",
        }
    }
}

/// About where the user is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserLocation {
    /// The city, such as `Oslo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The country, as two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The region, such as a state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The time zone, such as `Europe/Oslo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// How much of what is found the model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum SearchContextSize {
    Low,
    Medium,
    High,
}
