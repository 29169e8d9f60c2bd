//! The tools that a model is offered for a request: the server's and the page's.

use std::sync::Arc;

use axum::http::StatusCode;

use super::Ai;
use super::request::ChatRequest;
use super::requested_tools::RequestedTools;
use super::who::who;
use crate::agent::tools::source::SourceKind;
use crate::agent::{ClientTool, JobTools, Offered};
use crate::http::auth::CurrentUser;
use crate::http::error::ApiError;
use crate::providers::ToolDefinition;

/// The tools that a model is offered.
pub(super) struct OfferedTools {
    /// None where an answer goes on with what it was offered before.
    server: Option<Offered>,
    client: Vec<Arc<ClientTool>>,
}

impl OfferedTools {
    /// What the request asks for; 422 for what there is not.
    pub(super) async fn new(
        ai: &Ai,
        user: &CurrentUser,
        request: &ChatRequest,
    ) -> Result<Self, ApiError> {
        let requested = &request.tools;
        let server = match request.continues {
            Some(_) if requested.is_silent && requested.server.is_none() => None,
            _ => Some(ai.sources.offer(&requested.selection(), &who(user)).await),
        };
        if let Some(server) = &server {
            check_names(ai, requested, server)?;
            check_hosted(ai, request.model.as_deref(), requested, server)?;
        }
        let client = client_tools(ai, &requested.client, server.as_ref())?;
        Ok(Self { server, client })
    }

    pub(super) fn job_tools(&self) -> JobTools {
        self.server.clone().map_or(JobTools::AsBefore, JobTools::Offered)
    }

    pub(super) fn client_tools(&self) -> Vec<Arc<ClientTool>> {
        self.client.clone()
    }

    /// Whether the model may call this tool of the server's own.
    pub(super) fn has(&self, name: &str) -> bool {
        let mut ours = self.server.iter().flat_map(|offered| &offered.tools);
        ours.any(|tool| tool.name == name && tool.kind() == SourceKind::BuiltIn)
    }

    /// What the model is sent.
    pub(super) fn definitions(&self) -> Vec<ToolDefinition> {
        let ours = self.server.iter().flat_map(|offered| &offered.tools);
        let ours = ours.filter(|tool| tool.kind() != SourceKind::Hosted);
        let ours = ours.map(|tool| tool.for_model());
        ours.chain(self.client.iter().map(|tool| tool.definition().clone())).collect()
    }
}

/// A name without a tool is a mistake, unless a source could not be asked whose tool it may be.
fn check_names(ai: &Ai, requested: &RequestedTools, offered: &Offered) -> Result<(), ApiError> {
    let is_unknown = |name: &String| {
        offered.unknown.contains(name)
            && !requested.client.iter().any(|(_, tool)| tool.name() == name)
    };
    let mut names = requested.server.iter().flatten();
    match names.find(|(_, name)| is_unknown(name)) {
        Some((pointer, _)) if !offered.has_failed => {
            let known = ai.sources.known_names().join(", ");
            let detail = format!("is not a tool of this server; it has: {known}");
            Err(ApiError::invalid(pointer, detail))
        }
        _ => Ok(()),
    }
}

/// Who asks for a tool of the provider's and names a model that does not have it is told so.
fn check_hosted(
    ai: &Ai,
    model: Option<&str>,
    requested: &RequestedTools,
    offered: &Offered,
) -> Result<(), ApiError> {
    let Some(Ok(model)) = model.map(|model| ai.providers.choose(Some(model))) else {
        return Ok(());
    };
    for (pointer, name) in requested.server.iter().flatten() {
        let tool = offered.tools.iter().find(|tool| tool.name == *name);
        if let Some(Err(why)) = tool.and_then(|tool| tool.hosted_for(&model)) {
            return Err(ApiError::invalid(pointer, why));
        }
    }
    Ok(())
}

/// The page's own tools. None may answer in the place of one of the server's.
fn client_tools(
    ai: &Ai,
    requested: &[(String, Arc<ClientTool>)],
    offered: Option<&Offered>,
) -> Result<Vec<Arc<ClientTool>>, ApiError> {
    let is_ours = |name: &str| {
        let mut offered = offered.into_iter().flat_map(|offered| &offered.tools);
        ai.sources.has_name(name) || offered.any(|tool| tool.name == name)
    };
    for (pointer, tool) in requested {
        if is_ours(tool.name()) {
            let detail = format!(
                "The tool {} at {pointer} has the name of one of the server's. Give it another name.",
                tool.name()
            );
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(ApiError::new(status, "tool_name_taken", detail));
        }
    }
    Ok(requested.iter().map(|(_, tool)| tool.clone()).collect())
}
