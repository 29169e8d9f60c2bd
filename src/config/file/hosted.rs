//! `kind = "hosted"`: a tool that the model's provider runs.

use std::collections::BTreeMap;

use providers::catalogue::Usd;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use crate::providers::{HostedKind, HostedTool, SearchContextSize, UserLocation};

/// The most domains of a list.
const MAX_DOMAINS: usize = 100;

/// A tool that the model's provider runs. It has run when this server hears of it: nobody can be asked.
#[derive(Clone, Debug)]
pub struct HostedTools {
    /// The label.
    pub name: String,
    /// Whether it is offered to requests that name no tools.
    pub default: bool,
    /// Offered with these models alone; empty: with all that have it.
    pub models: Vec<String>,
    /// Offered to users whose `app_metadata.role` is one of these; empty: to all.
    pub roles: Vec<String>,
    /// The tool.
    pub tool: HostedTool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    /// `web_search` or `web_fetch`.
    #[schemars(with = "String", extend("enum" = ["web_search", "web_fetch"]))]
    name: HostedKind,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    roles: Vec<String>,
    approval: Option<String>,
    max_uses: Option<u32>,
    /// What the provider takes for a search, in US dollars; 0.01 by default.
    #[schemars(with = "Option<f64>")]
    price_usd: Option<Usd>,
    #[serde(default)]
    allowed_domains: Vec<String>,
    #[serde(default)]
    blocked_domains: Vec<String>,
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    user_location: Option<UserLocation>,
    #[schemars(with = "Option<String>")]
    search_context_size: Option<SearchContextSize>,
}

impl<'de> Deserialize<'de> for HostedTools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Raw::deserialize(deserializer)?;
        if let Some(problem) = raw.problem() {
            return Err(de::Error::custom(problem));
        }
        let tool = HostedTool {
            kind: raw.name,
            max_uses: raw.max_uses,
            price_usd: raw.price_usd,
            allowed_domains: raw.allowed_domains,
            blocked_domains: raw.blocked_domains,
            user_location: raw.user_location,
            search_context_size: raw.search_context_size,
        };
        let name = raw.name.name().to_owned();
        Ok(Self { name, default: raw.default, models: raw.models, roles: raw.roles, tool })
    }
}

impl Raw {
    fn problem(&self) -> Option<String> {
        let name = self.name.name();
        let domains = || self.allowed_domains.iter().chain(&self.blocked_domains);
        if self.approval.as_deref().is_some_and(|approval| approval != "never") {
            return Some(format!(
                "approval: the provider runs {name} before anybody could be asked; only \"never\" is \
                 possible"
            ));
        }
        if !self.allowed_domains.is_empty() && !self.blocked_domains.is_empty() {
            return Some("allowed_domains and blocked_domains exclude each other".into());
        }
        if self.max_uses == Some(0) {
            return Some("max_uses must be at least 1".into());
        }
        if self.name == HostedKind::WebFetch
            && (self.user_location.is_some()
                || self.search_context_size.is_some()
                || self.price_usd.is_some())
        {
            return Some(
                "user_location, search_context_size and price_usd are of web_search".into(),
            );
        }
        if domains().count() > MAX_DOMAINS {
            return Some(format!("at most {MAX_DOMAINS} domains can be named"));
        }
        let is_domain = |domain: &&String| {
            !domain.is_empty()
                && !domain.contains("://")
                && domain.chars().all(|c| c.is_ascii_graphic())
        };
        let wrong = domains().find(|domain| !is_domain(domain))?;
        Some(format!("{wrong:?} is no domain such as example.com"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;

    use super::super::{FileConfig, ToolEntry};
    use super::*;

    fn read(settings: &str) -> Result<HostedTools, String> {
        let file = format!("[[tools]]\nkind = \"hosted\"\n{settings}");
        let file = FileConfig::parse(&file, Path::new("."), &HashMap::new())?;
        match file.tools.into_iter().next().unwrap() {
            ToolEntry::Hosted(tools) => Ok(*tools),
            _ => unreachable!(),
        }
    }

    #[test]
    fn a_tool_is_read() {
        let read = read(
            "name = \"web_search\"\nmax_uses = 3\nallowed_domains = [\"example.com\"]\n\
             search_context_size = \"low\"\nuser_location = { country = \"NO\" }\ndefault = true",
        );
        let read = read.unwrap();
        assert_eq!((&*read.name, read.default, read.tool.max_uses), ("web_search", true, Some(3)));
        assert_eq!(read.tool.user_location.unwrap().country.as_deref(), Some("NO"));
    }

    #[test]
    fn what_cannot_be_is_refused_at_the_start() {
        for (settings, problem) in [
            ("name = \"web_search\"\napproval = \"always\"", "before anybody could be asked"),
            ("name = \"shell\"", "unknown variant `shell`"),
            (
                "name = \"web_fetch\"\nallowed_domains = [\"a.b\"]\nblocked_domains = [\"c.d\"]",
                "exclude each other",
            ),
            ("name = \"web_search\"\nallowed_domains = [\"https://a.b\"]", "is no domain"),
            ("name = \"web_search\"\nmax_uses = 0", "max_uses must be at least 1"),
            ("name = \"web_fetch\"\nsearch_context_size = \"low\"", "are of web_search"),
            ("name = \"web_search\"\nprice_usd = -1", "must be an amount"),
            ("name = \"web_search\"\nuser_location = { planet = \"x\" }", "unknown field `planet`"),
        ] {
            let refused = read(settings).unwrap_err();
            assert!(refused.starts_with("tools[0]") && refused.contains(problem), "{refused}");
        }
    }
}
