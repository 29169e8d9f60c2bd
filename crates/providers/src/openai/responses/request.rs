//! Converts a neutral request to the body of a Responses request.

use serde::Serialize;
use serde_json::Value;

use super::input::{Input, input};
use crate::chat_completions::Dialect;
use crate::{
    HostedTool, ReasoningEffort, Request, ResponseFormat, SearchContextSize, ToolChoice,
    ToolDefinition, UserLocation,
};

/// The body in this dialect. Nothing is stored at the provider, so reasoning is returned encrypted and
/// sent back with each request.
pub(crate) fn body(request: &Request, dialect: Dialect) -> Body<'_> {
    let encrypted = dialect.encrypted_reasoning.then_some("reasoning.encrypted_content");
    let sources = (!request.hosted_tools.is_empty()).then_some("web_search_call.action.sources");
    let uses = request.hosted_tools.iter().filter_map(|tool| tool.max_uses);
    Body {
        model: &request.model,
        input: input(request),
        stream: true,
        stream_options: StreamOptions { include_obfuscation: false },
        store: false,
        include: encrypted.into_iter().chain(sources).collect(),
        max_output_tokens: request.max_output_tokens,
        temperature: request.temperature,
        top_p: request.top_p,
        reasoning: Reasoning {
            effort: request.reasoning_effort,
            summary: dialect.reasoning_summary.then_some("auto"),
        },
        text: format(&request.response_format).map(|format| Text { format }),
        tools: request
            .tools
            .iter()
            .map(tool)
            .chain(request.hosted_tools.iter().map(search))
            .collect(),
        max_tool_calls: uses.reduce(u32::saturating_add),
        tool_choice: tool_choice(request),
        parallel_tool_calls: request.parallel_tool_calls.filter(|_| !request.tools.is_empty()),
    }
}

#[derive(Serialize)]
pub(crate) struct Body<'a> {
    model: &'a str,
    input: Vec<Input<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    store: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    reasoning: Reasoning,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    /// Of the tools that the provider runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tool_calls: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_obfuscation: bool,
}

#[derive(Serialize)]
struct Reasoning {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<ReasoningEffort>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'static str>,
}

#[derive(Serialize)]
struct Text<'a> {
    format: Format<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format<'a> {
    JsonObject,
    JsonSchema {
        name: &'a str,
        schema: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

fn format(format: &ResponseFormat) -> Option<Format<'_>> {
    match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonObject => Some(Format::JsonObject),
        ResponseFormat::JsonSchema { name, schema, strict } => {
            Some(Format::JsonSchema { name, schema, strict: *strict })
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Tool<'a> {
    Function {
        name: &'a str,
        description: &'a str,
        parameters: &'a Value,
        strict: bool,
    },
    WebSearch {
        #[serde(skip_serializing_if = "Option::is_none")]
        filters: Option<Filters<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        search_context_size: Option<SearchContextSize>,
        #[serde(skip_serializing_if = "Option::is_none")]
        user_location: Option<Location<'a>>,
    },
}

#[derive(Serialize)]
struct Filters<'a> {
    allowed_domains: &'a [String],
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Location<'a> {
    Approximate(&'a UserLocation),
}

/// The only tool that this provider runs here; see `hosts`.
fn search(tool: &HostedTool) -> Tool<'_> {
    let allowed_domains = &*tool.allowed_domains;
    Tool::WebSearch {
        filters: (!allowed_domains.is_empty()).then_some(Filters { allowed_domains }),
        search_context_size: tool.search_context_size,
        user_location: tool.user_location.as_ref().map(Location::Approximate),
    }
}

/// Without `strict: false` the provider would insist on its own subset of JSON Schema.
fn tool(tool: &ToolDefinition) -> Tool<'_> {
    let ToolDefinition { name, description, parameters } = tool;
    Tool::Function { name, description, parameters, strict: false }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Word(&'static str),
    Named(Named<'a>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Named<'a> {
    Function { name: &'a str },
}

/// The API refuses a choice without tools.
fn tool_choice(request: &Request) -> Option<Choice<'_>> {
    match &request.tool_choice {
        _ if request.tools.is_empty() && request.hosted_tools.is_empty() => None,
        ToolChoice::Auto => None,
        ToolChoice::None => Some(Choice::Word("none")),
        ToolChoice::Required => Some(Choice::Word("required")),
        ToolChoice::Tool(name) => Some(Choice::Named(Named::Function { name })),
    }
}
