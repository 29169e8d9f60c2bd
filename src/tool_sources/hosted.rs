//! Tools that the model's provider runs: web search and reading pages.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::agent::tools::source::{
    Outcome, Policy, SourceCall, SourceError, SourceKind, SourceTool, ToolContext, ToolSource, Who,
};
use crate::config::file::hosted::HostedTools;
use crate::providers::catalogue::Usd;
use crate::providers::{HostedKind, HostedTool};

/// A tool of the provider's. It is put into the request, and never called here.
pub struct Hosted {
    settings: HostedTools,
}

impl Hosted {
    /// A source with the file's settings.
    pub fn new(settings: HostedTools) -> Self {
        Self { settings }
    }

    fn tool(&self) -> SourceTool {
        let description = match self.settings.tool.kind {
            HostedKind::WebSearch => "Searches the web.",
            HostedKind::WebFetch => "Reads pages of the web.",
        };
        SourceTool {
            name: self.settings.name.clone(),
            description: description.into(),
            parameters: json!({ "type": "object", "properties": {} }),
            policy: Policy::Never,
            models: self.settings.models.clone(),
            price_usd: Some(self.settings.tool.price()).filter(|price| *price > Usd::ZERO),
            ..SourceTool::default()
        }
    }
}

impl ToolSource for Hosted {
    fn label(&self) -> &str {
        &self.settings.name
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Hosted
    }

    fn is_default(&self) -> bool {
        self.settings.default
    }

    fn fixed_names(&self) -> Vec<String> {
        vec![self.settings.name.clone()]
    }

    fn hosted(&self) -> Option<&HostedTool> {
        Some(&self.settings.tool)
    }

    fn list<'a>(&'a self, who: &'a Who) -> BoxFuture<'a, Result<Vec<SourceTool>, SourceError>> {
        let roles = &self.settings.roles;
        let is_for = roles.is_empty() || who.role.as_ref().is_some_and(|role| roles.contains(role));
        let tool = is_for.then(|| self.tool());
        async move { Ok(tool.into_iter().collect()) }.boxed()
    }

    fn call<'a>(&'a self, _: &'a ToolContext, _: &'a SourceCall) -> BoxFuture<'a, Outcome> {
        async { Outcome::Refused("The provider runs this tool.".into()) }.boxed()
    }
}
