//! Converts a neutral request to the body of a Messages request.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::messages::{Turn, turns};
use super::name::NAME;
use super::thinking::{Effort, Thinking, thinking};
use super::tool_choice::{Choice, tool_choice};
use crate::catalogue::Model;
use crate::{
    Content, HostedKind, HostedTool, ProviderError, Request, ResponseFormat, Role, UserLocation,
};

/// The output limit of models that are not in the catalogue.
const DEFAULT_MAX_TOKENS: u32 = 8192;

/// The minimum length of a prompt for caching, if the catalogue has none.
const DEFAULT_CACHE_MIN_TOKENS: u64 = 4096;

/// Returns whether the request needs the older API version, which supports sampling. A value equal to
/// the default is omitted. For a model that does not support sampling the request is refused, naming
/// the field, because an answer that silently ignored the setting would be worse.
pub(super) fn sampling(
    request: &mut Request,
    model: Option<&Model>,
) -> Result<bool, ProviderError> {
    let is_default = |value: &f64| (*value - 1.0).abs() < f64::EPSILON;
    request.temperature = request.temperature.filter(|value| !is_default(value));
    request.top_p = request.top_p.filter(|value| !is_default(value));
    let param = match (request.temperature, request.top_p) {
        (Some(_), _) => "temperature",
        (None, Some(_)) => "top_p",
        (None, None) => return Ok(false),
    };
    if model.is_none_or(|model| model.accepts_sampling) {
        return Ok(true);
    }
    let message = format!("{} does not take {param}; leave it out", request.model);
    Err(ProviderError::invalid(NAME, param, &message))
}

/// The body of a prepared request.
pub(super) fn body<'a>(request: &'a Request, model: Option<&Model>) -> Body<'a> {
    let known = model.and_then(|model| model.max_output_tokens);
    let max_tokens = request.max_output_tokens.or(known).unwrap_or(DEFAULT_MAX_TOKENS);
    let tool_choice = tool_choice(request);
    let effort =
        request.reasoning_effort.filter(|_| !tool_choice.as_ref().is_some_and(Choice::is_forced));
    let (thinking, effort) = thinking(effort, model, max_tokens);
    let tools = tools(request);
    Body {
        model: &request.model,
        max_tokens,
        system: system(request),
        messages: turns(&request.messages),
        stream: true,
        stop_sequences: &request.stop,
        temperature: request.temperature,
        top_p: request.top_p,
        thinking,
        output_config: output_config(effort, &request.response_format),
        tool_choice: tool_choice.filter(|_| !tools.is_empty()),
        tools,
        cache_control: should_cache(request, model).then_some(CacheControl::Ephemeral),
    }
}

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Cow<'a, str>>,
    messages: Vec<Turn<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<Effort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format<'a> {
    JsonSchema { schema: &'a Value },
}

fn output_config(effort: Option<Effort>, format: &ResponseFormat) -> Option<OutputConfig<'_>> {
    let format = match format {
        ResponseFormat::JsonSchema { schema, .. } => Some(Format::JsonSchema { schema }),
        ResponseFormat::JsonObject | ResponseFormat::Text => None,
    };
    (effort.is_some() || format.is_some()).then_some(OutputConfig { effort, format })
}

/// The leading instructions are a single text in this protocol.
fn system(request: &Request) -> Option<Cow<'_, str>> {
    let leading = request.messages.iter().take_while(|message| message.role == Role::System);
    let leading = leading.flat_map(|message| &message.content).filter_map(|piece| match piece {
        Content::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let mut texts = request.system.as_deref().into_iter().chain(leading);
    let first = Cow::Borrowed(texts.next()?);
    Some(texts.fold(first, |all, text| format!("{all}\n\n{text}").into()))
}

#[derive(Serialize)]
#[serde(untagged)]
enum Tool<'a> {
    Function { name: &'a str, description: &'a str, input_schema: Cow<'a, Value> },
    Hosted(Hosted<'a>),
}

/// A tool that the provider runs.
#[derive(Serialize)]
struct Hosted<'a> {
    #[serde(rename = "type")]
    version: &'static str,
    name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_uses: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    allowed_domains: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    blocked_domains: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    user_location: Option<Location<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    citations: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_content_tokens: Option<u32>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Location<'a> {
    Approximate(&'a UserLocation),
}

/// How much of a page the model reads: pages of any length would fill its context.
const MAX_PAGE_TOKENS: u32 = 50_000;

fn hosted(tool: &HostedTool) -> Hosted<'_> {
    let is_search = tool.kind == HostedKind::WebSearch;
    let location = tool.user_location.as_ref().filter(|_| is_search);
    Hosted {
        // The versions that write no code of their own.
        version: if is_search { "web_search_20250305" } else { "web_fetch_20250910" },
        name: tool.kind.name(),
        max_uses: tool.max_uses,
        allowed_domains: &tool.allowed_domains,
        blocked_domains: &tool.blocked_domains,
        user_location: location.map(Location::Approximate),
        citations: (!is_search).then(|| json!({ "enabled": true })),
        max_content_tokens: (!is_search).then_some(MAX_PAGE_TOKENS),
    }
}

/// A history with tool calls requires tools, even if none may be called any more.
fn tools(request: &Request) -> Vec<Tool<'_>> {
    let offered = request.tools.iter().map(|tool| Tool::Function {
        name: &tool.name,
        description: &tool.description,
        input_schema: schema(&tool.parameters),
    });
    let hosted = request.hosted_tools.iter().map(|tool| Tool::Hosted(hosted(tool)));
    let mut tools: Vec<_> = offered.chain(hosted).collect();
    if tools.is_empty() {
        let called = request.messages.iter().flat_map(|message| &message.content);
        let mut names: Vec<_> = called.filter_map(called_name).collect();
        names.sort_unstable();
        names.dedup();
        let input_schema = json!({"type": "object"});
        tools.extend(names.into_iter().map(|name| Tool::Function {
            name,
            description: "No longer available.",
            input_schema: Cow::Owned(input_schema.clone()),
        }));
    }
    tools
}

fn called_name(piece: &Content) -> Option<&str> {
    match piece {
        Content::ToolCall { name, .. } => Some(name),
        _ => None,
    }
}

/// The schema must be that of an object.
fn schema(parameters: &Value) -> Cow<'_, Value> {
    if parameters["type"] == "object" {
        return Cow::Borrowed(parameters);
    }
    Cow::Owned(json!({"type": "object"}))
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum CacheControl {
    Ephemeral,
}

/// Writing to the cache costs more than reading without it, so it pays off only if the same prefix is
/// likely to be sent again: in a longer conversation, or with tools.
fn should_cache(request: &Request, model: Option<&Model>) -> bool {
    let goes_on = request.messages.iter().any(|message| message.role == Role::Assistant);
    let least = model.and_then(|model| model.prompt_cache_min_tokens);
    let pieces = request.messages.iter().flat_map(|message| &message.content);
    let tools = request.tools.iter().map(|tool| tool.parameters.to_string().len());
    let bytes = request.system.as_ref().map_or(0, String::len)
        + pieces.map(size).sum::<usize>()
        + tools.sum::<usize>();
    (goes_on || !request.tools.is_empty())
        && bytes as u64 / 4 >= least.unwrap_or(DEFAULT_CACHE_MIN_TOKENS)
}

fn size(piece: &Content) -> usize {
    match piece {
        Content::Text { text, .. } | Content::Reasoning { text, .. } => text.len(),
        Content::ToolCall { arguments, .. } => arguments.len(),
        Content::ToolResult { output, .. } => output.len(),
        Content::Document { base64, .. } => base64.len(),
        Content::Image { .. } => 4 * 1000,
    }
}
