//! The tools that the caller's requests may offer to a model.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::Ai;
use super::who::who;
use crate::agent::DescribedTool;
use crate::agent::tools::source::{Policy, SourceKind};
use crate::http::auth::CurrentUser;
use crate::providers::catalogue::Usd;

/// A tool of this server, or a source that has none at the moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToolDescription {
    /// Name by which requests and models know it.
    #[schema(example = "run_script")]
    pub name: String,
    /// Title for people.
    #[schema(required = true)]
    pub title: Option<String>,
    /// What it does, as the model reads it.
    pub description: String,
    /// Name of its source, which stands for all of its tools in `tools` of a request.
    #[schema(example = "built_in")]
    pub source: String,
    /// Where it runs: `server`, or `provider` for what the model's provider runs.
    #[schema(example = "server")]
    pub runs_on: &'static str,
    /// Whether a person is asked before it runs: `never`, `always`, or `auto` where that depends on the
    /// arguments.
    #[schema(example = "never")]
    pub approval: &'static str,
    /// What a call costs, in US dollars: it counts against budgets as the tokens do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 0.01)]
    pub price_usd: Option<Usd>,
    /// Whether requests that name no tools offer it.
    pub is_default: bool,
    /// Whether a model can be offered it.
    pub available: bool,
    /// Why it is not available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// List tools
///
/// Returns the tools of this server that the caller's requests can name. A source that cannot be asked at the
/// moment is listed under its own name, with the reason. A tool that the provider runs is available if the
/// default model has it.
#[utoipa::path(get, path = "/api/ai/tools", tag = "ai", operation_id = "list_tools",
    responses((status = 200, description = "The tools", body = Vec<ToolDescription>)))]
pub async fn list_tools(State(ai): State<Ai>, user: CurrentUser) -> Response {
    let tools = ai.sources.describe(&who(&user)).await;
    let model = ai.providers.choose(None).ok();
    let missing =
        |described: &DescribedTool| described.tool.as_ref()?.hosted_for(model.as_ref()?)?.err();
    let tools = tools.into_iter().map(|described| match missing(&described) {
        Some(why) => ToolDescription {
            available: false,
            reason: Some(why),
            ..ToolDescription::from(described)
        },
        None => ToolDescription::from(described),
    });
    let mut tools: Vec<ToolDescription> = tools.collect();
    if ai.seal_keys.is_none() {
        tools.iter_mut().for_each(ToolDescription::cannot_ask);
    }
    axum::Json(tools).into_response()
}

impl ToolDescription {
    /// Without a key no call can wait for a person.
    fn cannot_ask(&mut self) {
        if self.available && self.approval == "always" {
            self.available = false;
            let reason = "It asks a person first, and this server has no SEAL_KEY to do so.";
            self.reason = Some(reason.to_owned());
        }
    }
}

impl From<DescribedTool> for ToolDescription {
    fn from(described: DescribedTool) -> Self {
        let tool = described.tool.as_ref().map(|offered| offered.tool());
        let approval = match tool.map(|tool| &tool.policy) {
            Some(Policy::Never) => "never",
            Some(Policy::Unless(_)) => "auto",
            Some(Policy::Always) | None => "always",
        };
        Self {
            title: tool.and_then(|tool| tool.title.clone()),
            description: tool.map(|tool| tool.description.clone()).unwrap_or_default(),
            runs_on: if described.kind == SourceKind::Hosted { "provider" } else { "server" },
            approval,
            price_usd: tool.and_then(|tool| tool.price_usd),
            is_default: described.is_default,
            available: described.tool.is_some(),
            name: described.name,
            source: described.source,
            reason: described.reason,
        }
    }
}
