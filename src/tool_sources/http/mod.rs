//! HTTP endpoints and Edge Functions as tools.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::{Method, Url};
use serde_json::{Map, Value, json};

pub mod access;
pub mod definition;
pub mod endpoint;
pub mod operation;
mod result;
mod secrets;
mod setup;
pub mod template;

pub use setup::Setup;

use access::{Access, AccessRules};
use definition::Asking;
use endpoint::{Connection, Endpoint};
use operation::{BodyRule, Operation};
use template::UrlTemplate;

use crate::agent::tools::source::{
    Outcome, SourceCall, SourceError, SourceKind, SourceTool, ToolContext, ToolSource, Who,
};
use crate::config::file::http::{self as file, HttpAuth, HttpTool, ResponseRule};

/// An entry of the file.
pub struct HttpSource {
    name: String,
    roles: Vec<String>,
    is_default: bool,
    /// Nothing where the tool is an Edge Function and the local Supabase is in use.
    ready: Option<(Connection, Endpoint)>,
}

impl HttpSource {
    /// Checks an entry. `Err` begins with the field that is wrong.
    pub fn new(entry: &HttpTool, setup: &Setup<'_>) -> Result<Self, String> {
        definition::name(&entry.name)?;
        definition::description(&entry.description)?;
        let ready = match address(entry, setup)? {
            Some(url) => Some(endpoint(entry, setup, UrlTemplate::parse(&url))?),
            None => None,
        };
        let (name, roles) = (entry.name.clone(), entry.roles.clone());
        Ok(Self { name, roles, is_default: entry.default, ready })
    }

    /// Where it is asked; none for an Edge Function while the local Supabase is in use.
    pub fn origin(&self) -> Option<&Url> {
        self.ready.as_ref().map(|(_, endpoint)| endpoint.operation.url.origin())
    }
}

/// The address of an entry's endpoint.
fn address(entry: &HttpTool, setup: &Setup<'_>) -> Result<Option<String>, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match (&entry.edge_function, &entry.url, setup.project) {
        (None, None, _) => {
            Err("url: is missing; every HTTP tool has a url or an edge_function".into())
        }
        (Some(name), _, _) if name.is_empty() || !name.chars().all(fits) => {
            Err(format!("edge_function: `{name}` must be letters, digits, - and _"))
        }
        (Some(name), _, Some(project)) => Ok(Some(format!("{}/functions/v1/{name}", project.url))),
        (_, Some(url), _) => Ok(Some(url.clone())),
        (Some(_), None, None) => Ok(None),
    }
}

fn endpoint(
    entry: &HttpTool,
    setup: &Setup<'_>,
    url: Result<UrlTemplate, String>,
) -> Result<(Connection, Endpoint), String> {
    let url = url.map_err(|problem| format!("url: {problem}"))?;
    let origin = url.origin().clone();
    setup.egress.check(&origin).map_err(|error| format!("url: {error}"))?;
    let method = method(entry.method);
    let body = match &entry.body {
        _ if [Method::GET, Method::DELETE].contains(&method) => BodyRule::None,
        Some(argument) => BodyRule::Argument(argument.clone()),
        None => BodyRule::Rest,
    };
    let operation =
        Operation { method, url, headers: Vec::new(), body, media_type: "application/json".into() };
    let parameters =
        entry.parameters.clone().unwrap_or_else(|| json!({ "type": "object", "properties": {} }));
    check_arguments(entry, &operation, &parameters)?;
    if let Some(ResponseRule::Pick(pointer)) = &entry.response {
        definition::pointers("response.pick", std::slice::from_ref(pointer))?;
    }
    definition::pointers("redact", &entry.redact)?;
    let auth = match (&entry.auth, &entry.edge_function) {
        (Some(auth), _) => auth.clone(),
        (None, Some(_)) => HttpAuth::User,
        (None, None) => HttpAuth::None,
    };
    let rules =
        AccessRules { headers: &entry.headers, auth: &auth, user_header: entry.user_header };
    let access = Access::new(&rules, setup, &origin)?;
    let connection =
        Connection { egress: setup.egress.clone(), access, clock: setup.clock.clone() };
    let host = origin.host_str().unwrap_or_default();
    let request = format!("{} to {host}", operation.method);
    let Asking { policy, reason, may_remember } =
        definition::asking(entry.approval.as_ref(), operation.is_safe(), &request)?;
    let tool = SourceTool {
        name: entry.name.clone(),
        title: entry.title.clone(),
        description: entry.description.clone(),
        parameters,
        policy,
        reason,
        may_edit: entry.edit,
        may_remember,
        is_repeatable: entry.repeatable.unwrap_or(operation.is_safe()),
        deadline: definition::timeout(entry.timeout_ms, setup)?,
        max_result_bytes: definition::max_result_bytes(entry.max_response_bytes, setup)?,
        price_usd: entry.price_usd,
        redact: entry.redact.clone(),
        target: Some(host.to_owned()),
        models: entry.models.clone(),
        ..SourceTool::default()
    };
    Ok((connection, Endpoint { tool, operation, response: entry.response.clone() }))
}

fn method(method: Option<file::Method>) -> Method {
    match method {
        Some(file::Method::Get) => Method::GET,
        None | Some(file::Method::Post) => Method::POST,
        Some(file::Method::Put) => Method::PUT,
        Some(file::Method::Patch) => Method::PATCH,
        Some(file::Method::Delete) => Method::DELETE,
    }
}

/// Whether every argument has a place, and every place an argument.
fn check_arguments(
    entry: &HttpTool,
    operation: &Operation,
    parameters: &Value,
) -> Result<(), String> {
    definition::schema("parameters", parameters)?;
    let none = Map::new();
    let properties = parameters.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let is_required = |name: &str| {
        parameters["required"]
            .as_array()
            .is_some_and(|required| required.iter().any(|other| other == name))
    };
    if let Some(name) = operation.placed().find(|name| !properties.contains_key(*name)) {
        let field = if entry.body.as_deref() == Some(name) { "body" } else { "url" };
        return Err(format!("{field}: `{name}` is not in parameters.properties"));
    }
    if let Some(name) = operation.url.path_arguments().find(|name| !is_required(name)) {
        return Err(format!(
            "parameters.required: must have `{name}`, which the path of the url uses"
        ));
    }
    let is_placed = |name: &String| operation.placed().any(|placed| placed == name);
    match properties.keys().find(|name| operation.body != BodyRule::Rest && !is_placed(name)) {
        Some(name) => Err(format!(
            "parameters.properties.{name}: has no place; {} requests have only what their url uses",
            operation.method
        )),
        None if entry.body.is_some() && operation.body == BodyRule::None => {
            Err(format!("body: {} requests have none", operation.method))
        }
        None => Ok(()),
    }
}

impl ToolSource for HttpSource {
    fn label(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> SourceKind {
        SourceKind::Http
    }

    fn is_default(&self) -> bool {
        self.is_default
    }

    fn list<'a>(&'a self, who: &'a Who) -> BoxFuture<'a, Result<Vec<SourceTool>, SourceError>> {
        let listed = match &self.ready {
            _ if !may_use(&self.roles, who) => Ok(Vec::new()),
            Some((_, endpoint)) => Ok(vec![endpoint.tool.clone()]),
            None => Err(SourceError(
                "Edge Functions need a Supabase project: the local Supabase runs none.".into(),
            )),
        };
        std::future::ready(listed).boxed()
    }

    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        call: &'a SourceCall,
    ) -> BoxFuture<'a, Outcome> {
        async move {
            match &self.ready {
                Some((connection, endpoint)) => connection.call(endpoint, context, call).await,
                None => Outcome::Failed {
                    sentence: "Edge Functions need a Supabase project.".into(),
                    may_have_happened: false,
                },
            }
        }
        .boxed()
    }
}

/// Whether the user's role is among these, where there are any.
pub fn may_use(roles: &[String], who: &Who) -> bool {
    roles.is_empty() || who.role.as_ref().is_some_and(|role| roles.contains(role))
}
