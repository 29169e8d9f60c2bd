//! Operations of an OpenAPI document as tools.

use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::{Method, Url};
use serde_json::Value;

mod arguments;
mod document;

use arguments::Arguments;
use document::{Document, Found};

use crate::agent::tools::source::{
    Outcome, SourceCall, SourceError, SourceKind, SourceTool, ToolContext, ToolSource, Who,
};
use crate::config::file::http::HttpAuth;
use crate::config::file::openapi::OpenapiTools;
use crate::tool_sources::http::access::{Access, AccessRules};
use crate::tool_sources::http::definition::{self, Asking};
use crate::tool_sources::http::endpoint::{Connection, Endpoint};
use crate::tool_sources::http::operation::Operation;
use crate::tool_sources::http::template::UrlTemplate;
use crate::tool_sources::http::{Setup, may_use};

/// The most operations of an entry.
const MAX_OPERATIONS: usize = 64;
/// The most characters of a description that a model reads.
const MAX_DESCRIPTION: usize = 1_024;

/// An entry of the file.
pub struct OpenapiSource {
    name: String,
    roles: Vec<String>,
    is_default: bool,
    connection: Connection,
    endpoints: Vec<Endpoint>,
}

impl OpenapiSource {
    /// Checks an entry of a file in this folder. `Err` begins with the field that is wrong.
    pub fn new(
        entry: &OpenapiTools,
        folder: Option<&Path>,
        setup: &Setup<'_>,
    ) -> Result<Self, String> {
        definition::name(&entry.name)?;
        let document =
            Document::read(&folder.map_or_else(PathBuf::new, Path::to_owned).join(&entry.document));
        let document = document.map_err(|problem| format!("document: {problem}"))?;
        if entry.operations.is_empty() || entry.operations.len() > MAX_OPERATIONS {
            return Err(format!("operations: must name 1 to {MAX_OPERATIONS} operations"));
        }
        definition::pointers("redact", &entry.redact)?;
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for (index, id) in entry.operations.iter().enumerate() {
            let endpoint = endpoint(entry, &document, id, setup);
            endpoints.push(endpoint.map_err(|problem| match problem {
                Problem::Operation(problem) => format!("operations[{index}]: {problem}"),
                Problem::Field(problem) => problem,
            })?);
        }
        let origin = endpoints[0].operation.url.origin().clone();
        if endpoints.iter().any(|endpoint| *endpoint.operation.url.origin() != origin) {
            return Err("operations: are at more than one host; write an entry for each".into());
        }
        let auth = entry.auth.clone().unwrap_or(HttpAuth::None);
        let rules =
            AccessRules { headers: &entry.headers, auth: &auth, user_header: entry.user_header };
        let access = Access::new(&rules, setup, &origin)?;
        let connection =
            Connection { egress: setup.egress.clone(), access, clock: setup.clock.clone() };
        let (name, roles) = (entry.name.clone(), entry.roles.clone());
        Ok(Self { name, roles, is_default: entry.default, connection, endpoints })
    }

    /// Where it is asked.
    pub fn origin(&self) -> &Url {
        self.endpoints[0].operation.url.origin()
    }
}

/// What is wrong: in the document's operation, or in a field of the entry.
enum Problem {
    Operation(String),
    Field(String),
}

fn endpoint(
    entry: &OpenapiTools,
    document: &Document,
    id: &str,
    setup: &Setup<'_>,
) -> Result<Endpoint, Problem> {
    let found = document.find(id).map_err(Problem::Operation)?;
    let url = address(entry, document, &found).map_err(Problem::Field)?;
    setup.egress.check(url.origin()).map_err(|error| Problem::Field(format!("url: {error}")))?;
    let host = url.origin().host_str().unwrap_or_default().to_owned();
    let arguments = Arguments::of(document, &found, url);
    let Arguments { schema, url, headers, body, media_type } =
        arguments.map_err(|problem| Problem::Operation(format!("{id} {problem}")))?;
    let method = found.method.to_ascii_uppercase();
    let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
    let operation = Operation { method, url, headers, body, media_type };
    let tool = tool(entry, id, &found, schema, &operation, host, setup).map_err(Problem::Field)?;
    Ok(Endpoint { tool, operation, response: None })
}

fn address(
    entry: &OpenapiTools,
    document: &Document,
    found: &Found<'_>,
) -> Result<UrlTemplate, String> {
    let server = entry.url.clone().or_else(|| document.server(found)).unwrap_or_default();
    if !server.contains("://") {
        return Err("url: is missing, and the document names no server with its host".into());
    }
    let address = format!("{}{}", server.trim_end_matches('/'), found.path);
    UrlTemplate::parse(&address).map_err(|problem| format!("url: {address} {problem}"))
}

fn tool(
    entry: &OpenapiTools,
    id: &str,
    found: &Found<'_>,
    parameters: Value,
    operation: &Operation,
    host: String,
    setup: &Setup<'_>,
) -> Result<SourceTool, String> {
    let text = |name: &str| found.operation[name].as_str().filter(|text| !text.is_empty());
    let request = format!("{} to {host}", operation.method);
    let Asking { policy, reason, may_remember } =
        definition::asking(entry.approval.as_ref(), operation.is_safe(), &request)?;
    let description = text("description").or(text("summary")).map_or_else(
        || format!("{} {}", operation.method, found.path),
        |text| text.chars().take(MAX_DESCRIPTION).collect(),
    );
    Ok(SourceTool {
        name: id.to_owned(),
        title: text("summary").map(|title| title.chars().take(100).collect()),
        description,
        parameters,
        policy,
        reason,
        may_edit: entry.edit,
        may_remember,
        is_repeatable: operation.is_safe(),
        deadline: definition::timeout(entry.timeout_ms, setup)?,
        max_result_bytes: definition::max_result_bytes(entry.max_response_bytes, setup)?,
        price_usd: entry.price_usd,
        redact: entry.redact.clone(),
        target: Some(host),
        models: entry.models.clone(),
        ..SourceTool::default()
    })
}

impl ToolSource for OpenapiSource {
    fn label(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Openapi
    }

    fn is_default(&self) -> bool {
        self.is_default
    }

    fn list<'a>(&'a self, who: &'a Who) -> BoxFuture<'a, Result<Vec<SourceTool>, SourceError>> {
        let listed = match may_use(&self.roles, who) {
            true => self.endpoints.iter().map(|endpoint| endpoint.tool.clone()).collect(),
            false => Vec::new(),
        };
        std::future::ready(Ok(listed)).boxed()
    }

    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        call: &'a SourceCall,
    ) -> BoxFuture<'a, Outcome> {
        async move {
            match self.endpoints.iter().find(|endpoint| endpoint.tool.name == call.tool) {
                Some(endpoint) => self.connection.call(endpoint, context, call).await,
                None => Outcome::Failed {
                    sentence: format!("{} has no operation {}.", self.name, call.tool),
                    may_have_happened: false,
                },
            }
        }
        .boxed()
    }
}
