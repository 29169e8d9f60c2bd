//! The provider's search, as people see it.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::decoder::Events;
use crate::{Event, HostedKind, lenient};

/// What the provider adds to addresses.
const TRACKING: [&str; 2] = ["?utm_source=openai", "&utm_source=openai"];

#[derive(Default, Deserialize)]
struct Action {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default, deserialize_with = "lenient::string")]
    query: Option<String>,
    #[serde(default, deserialize_with = "lenient::readable")]
    queries: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient::string")]
    url: Option<String>,
    #[serde(default, deserialize_with = "lenient::string")]
    pattern: Option<String>,
    #[serde(default, deserialize_with = "lenient::readable")]
    sources: Option<Vec<Value>>,
}

pub(super) fn start(id: &str) -> Event {
    Event::HostedCallStart { id: id.to_owned(), name: HostedKind::WebSearch.name().to_owned() }
}

/// The call and its result, which come at once; answers how many searches it was.
pub(super) fn end(
    id: String,
    action: Option<&RawValue>,
    has_failed: bool,
    events: &mut Events,
) -> u64 {
    let action = action.and_then(|action| serde_json::from_str(action.get()).ok());
    let Action { kind, query, queries, url, pattern, sources } = action.unwrap_or_default();
    let queries = queries.filter(|queries| !queries.is_empty());
    let query = queries.as_ref().and_then(|queries| queries.first().cloned()).or(query);
    let members = [("query", query), ("url", url), ("pattern", pattern)];
    let members =
        members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
    let input: Map<String, Value> = members.collect();
    let is_search = kind == "search";
    // The words that the AI SDK has for them.
    let kind = match kind.as_str() {
        "open_page" => "openPage",
        "find_in_page" => "findInPage",
        other => other,
    };
    let mut action = Map::from_iter([("type".to_owned(), kind.into())]);
    action.extend(input.clone());
    if let Some(queries) = queries {
        action.insert("queries".to_owned(), queries.into());
    }
    let mut output = json!({ "action": action });
    if let Some(sources) = sources.filter(|_| is_search) {
        output["sources"] = sources.into();
    }
    let arguments = Value::Object(input).to_string();
    let outcome = if has_failed { Err("The search has failed.".to_owned()) } else { Ok(output) };
    events.push_back(Event::HostedCall { id: id.clone(), arguments });
    events.push_back(Event::HostedResult { id, outcome });
    u64::from(is_search && !has_failed)
}

/// The page that an annotation cites.
pub(super) fn cited(annotation: &RawValue) -> Option<Event> {
    #[derive(Deserialize)]
    struct Annotation {
        #[serde(rename = "type")]
        kind: String,
        url: String,
        title: Option<String>,
    }
    let Annotation { kind, url, title } = serde_json::from_str(annotation.get()).ok()?;
    let plain = TRACKING.iter().find_map(|end| url.strip_suffix(end)).map(str::to_owned);
    (kind == "url_citation").then(|| Event::Source { url: plain.unwrap_or(url), title })
}
