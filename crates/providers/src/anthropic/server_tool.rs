//! Tools that the provider runs: their blocks go back as they came, and people see what they did.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::name::NAME;
use crate::decoder::Events;
use crate::{Event, HostedKind, Opaque, lenient};

/// A call whose input arrives in pieces: the block before its input and after it, as they came.
#[derive(Debug)]
pub(super) struct ServerCall {
    id: String,
    is_shown: bool,
    before: String,
    input: String,
    after: String,
}

impl ServerCall {
    pub(super) fn start(
        json: &RawValue,
        id: String,
        name: &str,
        input: Option<&RawValue>,
        events: &mut Events,
    ) -> Self {
        // What else they do is nothing for people.
        let is_shown =
            [HostedKind::WebSearch, HostedKind::WebFetch].iter().any(|kind| kind.name() == name);
        if is_shown {
            events.push_back(Event::HostedCallStart { id: id.clone(), name: name.to_owned() });
        }
        let json = json.get();
        let (before, input, after) = match input {
            Some(input) => {
                let input = input.get();
                let at = input.as_ptr() as usize - json.as_ptr() as usize;
                let whole = if input == "{}" { "" } else { input };
                (&json[..at], whole, &json[at + input.len()..])
            }
            None => (json.trim_end().trim_end_matches('}'), "", "}"),
        };
        let before = if after == "}" && !before.trim_end().ends_with(':') {
            format!("{before},\"input\":")
        } else {
            before.to_owned()
        };
        Self { id, is_shown, before, input: input.to_owned(), after: after.to_owned() }
    }

    pub(super) fn grow(&mut self, piece: &str) {
        self.input.push_str(piece);
    }

    pub(super) fn end(self, events: &mut Events) {
        let Self { id, is_shown, before, input, after } = self;
        let arguments = if input.trim().is_empty() { "{}".to_owned() } else { input };
        let json = format!("{before}{arguments}{after}");
        let is_json = serde_json::from_str::<&RawValue>(&json).is_ok();
        let opaque = is_json.then_some(Opaque { provider: NAME, json });
        events.push_back(Event::ReasoningEnd { opaque });
        if is_shown {
            events.push_back(Event::HostedCall { id, arguments });
        }
    }
}

#[derive(Deserialize)]
struct ResultBlock<'a> {
    #[serde(rename = "type")]
    kind: String,
    tool_use_id: String,
    #[serde(borrow)]
    content: &'a RawValue,
}

/// A result, without what only the provider understands.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Found {
    #[serde(rename = "type")]
    kind: String,
    #[serde(deserialize_with = "lenient::string")]
    url: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    title: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    page_age: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    retrieved_at: Option<String>,
    #[serde(deserialize_with = "lenient::string")]
    error_code: Option<String>,
    content: Value,
}

/// What a block says that came of a call, and what was found. Nothing if it is no such block.
pub(super) fn result(json: &str) -> Vec<Event> {
    let Ok(ResultBlock { kind, tool_use_id: id, content }) = serde_json::from_str(json) else {
        return Vec::new();
    };
    let (outcome, found) = match kind.as_str() {
        "web_search_tool_result" => searched(content.get()),
        "web_fetch_tool_result" => fetched(content.get()),
        _ => return Vec::new(),
    };
    let sources = found
        .into_iter()
        .filter_map(|found| Some(Event::Source { url: found.url?, title: found.title }));
    std::iter::once(Event::HostedResult { id, outcome }).chain(sources).collect()
}

fn searched(content: &str) -> (Result<Value, String>, Vec<Found>) {
    let Ok(found) = serde_json::from_str::<Vec<Found>>(content) else {
        return (Err(failure(content, "The search")), Vec::new());
    };
    let show = |found: &Found| {
        json!({ "type": "web_search_result", "url": found.url, "title": found.title,
                "pageAge": found.page_age })
    };
    (Ok(found.iter().map(show).collect()), found)
}

fn fetched(content: &str) -> (Result<Value, String>, Vec<Found>) {
    match serde_json::from_str::<Found>(content) {
        Ok(mut found) if found.kind == "web_fetch_result" => {
            found.title = found.content["title"].as_str().map(str::to_owned);
            let output = json!({ "type": "web_fetch_result", "url": found.url, "title": found.title,
                "retrievedAt": found.retrieved_at });
            (Ok(output), vec![found])
        }
        _ => (Err(failure(content, "Reading the page")), Vec::new()),
    }
}

fn failure(content: &str, what: &str) -> String {
    let error: Found = serde_json::from_str(content).unwrap_or_default();
    let code = error.error_code.unwrap_or_else(|| "unavailable".to_owned());
    let code: String = code.chars().take(100).collect();
    format!("{what} has failed: {code}.")
}

/// The page that a citation is from.
pub(super) fn cited(citation: &RawValue) -> Option<Event> {
    let found: Found = serde_json::from_str(citation.get()).ok()?;
    Some(Event::Source { url: found.url?, title: found.title })
}
