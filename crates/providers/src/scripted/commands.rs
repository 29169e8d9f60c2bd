//! Chooses the answer to a request.

use serde_json::json;

use super::name::NAME;
use super::script::{Call, Ending, Script};
use super::{example, texts};
use crate::{
    Content, ErrorKind, FinishReason, HostedKind, Message, ProviderError, Request, ResponseFormat,
    Role, ToolDefinition,
};

/// Maximum length of `/long` and `/slow`, in words.
/// The demo tool that asks a person first.
const POSTCARD: &str = "send_postcard";
const MAX_POSTCARDS: usize = 50;
const MAX_WORDS: usize = 20_000;

/// How a message with files that tools have made begins.
const MADE_BY_TOOLS: &str = "(Files that the tools have made";

/// How much of a tool's result is repeated.
const MAX_OF_RESULT: usize = 500;

/// The answer to a request.
pub(super) fn script(request: &Request) -> Result<Script, ProviderError> {
    let mut newest = request.messages.iter().rev().filter(|message| message.role != Role::System);
    let mut last = newest.next();
    if last.is_some_and(|message| text(message).starts_with(MADE_BY_TOOLS)) {
        // It follows the results.
        last = newest.next();
    }
    if let Some(results) = last.filter(|message| message.role == Role::Tool) {
        return Ok(Script::text(summary(results)));
    }
    let asked = last.map(text).unwrap_or_default();
    let asked = asked.trim();
    if wants_title(request) {
        return Ok(Script::text(title(asked)));
    }
    match asked.split_once(char::is_whitespace).unwrap_or((asked, "")) {
        (command, rest) if command.starts_with('/') => run_command(command, rest.trim(), request),
        _ => Ok(Script::text(reply(asked, last, request))),
    }
}

fn run_command(command: &str, rest: &str, request: &Request) -> Result<Script, ProviderError> {
    let count = |default: usize| rest.parse().unwrap_or(default).min(MAX_WORDS);
    let finish = |reason| Ending::Finish(reason);
    Ok(match command {
        "/help" => Script::text(texts::HELP),
        "/long" => Script::text(texts::words(count(500))),
        "/slow" => Script { slowness: 12, ..Script::text(texts::words(count(20))) },
        "/reasoning" => {
            Script { reasoning: texts::THOUGHTS.to_owned(), ..Script::text(texts::CONCLUSION) }
        }
        "/markdown" => Script::text(texts::MARKDOWN),
        "/tool" => one_call(rest, &request.tools),
        "/tools" => all_calls(&request.tools),
        "/search" => search(rest, request),
        "/approve" => asking_calls(rest, &request.tools),
        "/error" => return Err(failure(rest)),
        "/error-late" => Script::text(texts::PARTIAL).ending_with(Ending::Fail(failure(rest))),
        "/empty" => Script::default(),
        "/refuse" => Script::text(texts::REFUSAL).ending_with(finish(FinishReason::Refusal)),
        "/length" => Script::text(texts::UNFINISHED).ending_with(finish(FinishReason::Length)),
        _ => Script::text(format!("I do not know the command `{command}`. Try `/help`.")),
    })
}

fn one_call(rest: &str, tools: &[ToolDefinition]) -> Script {
    let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let named = tools.iter().find(|tool| tool.name == name);
    match named.or_else(|| tools.first().filter(|_| name.is_empty())) {
        Some(tool) => calling(vec![call(tool, arguments.trim())]),
        None if tools.is_empty() => Script::text(texts::NO_TOOLS),
        None => Script::text(format!("There is no tool `{name}`. There are: {}.", names(tools))),
    }
}

fn search(query: &str, request: &Request) -> Script {
    if request.hosted_tools.iter().all(|tool| tool.kind != HostedKind::WebSearch) {
        return Script::text(texts::NO_SEARCH);
    }
    let query = if query.is_empty() { "example" } else { query };
    Script { search: Some(query.to_owned()), ..Script::text(texts::FOUND) }
}

fn all_calls(tools: &[ToolDefinition]) -> Script {
    if tools.is_empty() {
        return Script::text(texts::NO_TOOLS);
    }
    calling(tools.iter().map(|tool| call(tool, "")).collect())
}

/// A call of the tool that asks first, with these arguments, or so many calls.
fn asking_calls(rest: &str, tools: &[ToolDefinition]) -> Script {
    let Some(tool) = tools.iter().find(|tool| tool.name == POSTCARD) else {
        return Script::text(texts::NO_TOOLS);
    };
    let Ok(count) = rest.parse::<usize>() else { return calling(vec![call(tool, rest)]) };
    let postcard = |number| json!({ "to": "Ada", "text": format!("Postcard {number}") });
    let postcards = (1..=count.min(MAX_POSTCARDS)).map(postcard);
    calling(postcards.map(|card| call(tool, &card.to_string())).collect())
}

fn calling(calls: Vec<Call>) -> Script {
    let names: Vec<_> = calls.iter().map(|call| format!("`{}`", call.name)).collect();
    Script { calls, ..Script::text(format!("I call {}.", names.join(" and "))) }
}

fn call(tool: &ToolDefinition, arguments: &str) -> Call {
    let given = Some(arguments.to_owned()).filter(|arguments| !arguments.is_empty());
    let arguments = given.unwrap_or_else(|| example::value(&tool.parameters).to_string());
    Call { name: tool.name.clone(), arguments }
}

fn names(tools: &[ToolDefinition]) -> String {
    let names: Vec<_> = tools.iter().map(|tool| format!("`{}`", tool.name)).collect();
    names.join(", ")
}

fn failure(kind: &str) -> ProviderError {
    let (kind, status) = match kind {
        "overloaded" => (ErrorKind::Overloaded, 529),
        "rate_limited" => (ErrorKind::RateLimited, 429),
        "quota" => (ErrorKind::Quota, 402),
        "context_length" => (ErrorKind::ContextLength, 400),
        "timeout" => (ErrorKind::Timeout, 504),
        _ => (ErrorKind::Server, 500),
    };
    let error = ProviderError::new(NAME, kind, "a failure was asked for");
    ProviderError { status: Some(status), ..error }
}

/// The answer to a message that is not a command.
fn reply(asked: &str, last: Option<&Message>, request: &Request) -> String {
    match &request.response_format {
        ResponseFormat::JsonSchema { schema, .. } => return example::value(schema).to_string(),
        ResponseFormat::JsonObject => return json!({ "you_said": asked }).to_string(),
        ResponseFormat::Text => {}
    }
    let attached = last.map_or(0, |message| message.content.iter().filter(|p| is_file(p)).count());
    let files = match attached {
        0 => String::new(),
        1 => " You attached a file.".to_owned(),
        more => format!(" You attached {more} files."),
    };
    let echo = if asked.is_empty() {
        "You said nothing.".to_owned()
    } else {
        format!("You said: “{asked}”")
    };
    format!("{echo}{files}\n\nI am the scripted demo model. Write `/help` to see what I can do.")
}

fn is_file(piece: &Content) -> bool {
    match piece {
        Content::Text { text, .. } => is_named_file(text),
        Content::Image { .. } | Content::Document { .. } => true,
        _ => false,
    }
}

/// What a message has in the place of a file that the model does not get.
fn is_named_file(text: &str) -> bool {
    text.starts_with("[file: ")
}

/// The results of the tools.
fn summary(results: &Message) -> String {
    let sentences = results.content.iter().filter_map(|piece| match piece {
        Content::ToolResult { name, output, is_error, .. } => {
            let outcome = if *is_error { "failed" } else { "answered" };
            let mut shown: String = output.chars().take(MAX_OF_RESULT).collect();
            if shown.len() < output.len() {
                shown.push('…');
            }
            Some(format!("The tool `{name}` {outcome}:\n\n```\n{shown}\n```"))
        }
        _ => None,
    });
    sentences.collect::<Vec<_>>().join("\n\n")
}

/// A request for a title says so in its instructions and offers no tools.
fn wants_title(request: &Request) -> bool {
    let system = request.system.as_deref().unwrap_or_default().to_lowercase();
    system.contains("title") && request.tools.is_empty()
}

fn title(asked: &str) -> String {
    let words: Vec<_> = asked.split_whitespace().take(6).collect();
    let title = words.join(" ");
    let title = title.trim_matches(|c: char| !c.is_alphanumeric());
    let mut letters = title.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).take(60).collect(),
        None => "New chat".to_owned(),
    }
}

fn text(message: &Message) -> String {
    let texts = message.content.iter().filter_map(|piece| match piece {
        Content::Text { text, .. } => Some(text.as_str()).filter(|text| !is_named_file(text)),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}
