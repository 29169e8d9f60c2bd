//! What tools of the provider add to an answer.

use serde_json::{Value, json};

use super::{Answer, MAX_ERROR, MAX_RESULT_BYTES};
use crate::agent::message::hosted_call::{HostedCall, HostedState};
use crate::agent::message::part::Part;
use crate::agent::message::sanitize;
use crate::json::{MAX_DEPTH, depth};

/// How many sources an answer names, and how long an address and a title are.
const MAX_SOURCES: usize = 100;
const MAX_URL: usize = 2_048;
const MAX_TITLE: usize = 300;

impl Answer {
    pub(super) fn start_hosted_call(&mut self, id: String, name: String) {
        self.close_block();
        let (id, name) = (self.fitting(id), self.fitting(name));
        self.parts.push(HostedCall { id, name, state: HostedState::Started }.into());
    }

    pub(super) fn call_hosted(&mut self, id: &str, arguments: String) {
        let arguments = self.fitting(arguments);
        let is_shallow = depth(&arguments) <= MAX_DEPTH;
        let input = serde_json::from_str(&arguments).ok().filter(Value::is_object);
        let input = input.filter(|_| is_shallow).map_or_else(|| json!({}), sanitize::json);
        if let Some(call) = self.open_call(id) {
            call.state = HostedState::Called(input);
        }
    }

    pub(super) fn end_hosted_call(&mut self, id: &str, outcome: Result<Value, String>) {
        let outcome = outcome.and_then(|output| {
            let text = output.to_string();
            let fits = text.len() <= MAX_RESULT_BYTES && depth(&text) <= MAX_DEPTH;
            if fits { Ok((text.len(), output)) } else { Err("The result is too long.".to_owned()) }
        });
        let Some(call) = self.open_call(id) else { return };
        let input = call.state.input().cloned().unwrap_or_else(|| json!({}));
        let mut bytes = 0;
        call.state = match outcome {
            Ok((length, output)) => {
                bytes = length;
                HostedState::Done { input, output: sanitize::json(output) }
            }
            Err(error) => {
                let error_text = sanitize::text(error.chars().take(MAX_ERROR).collect());
                HostedState::Failed { input, error_text }
            }
        };
        self.tool_bytes += bytes;
    }

    /// Names a source once. Only addresses of web pages: a click on another could run a script.
    pub(super) fn add_source(&mut self, url: &str, title: Option<String>) {
        let is_page = ["https://", "http://"].iter().any(|scheme| {
            url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        let is_plain = url.len() <= MAX_URL && !url.chars().any(|c| c.is_control() || c == ' ');
        let sources = self.parts.iter().filter_map(source_url);
        let (count, is_known) =
            sources.fold((0, false), |(count, known), other| (count + 1, known || other == url));
        if !is_page || !is_plain || is_known || count >= MAX_SOURCES {
            return;
        }
        self.close_block();
        let url = self.fitting(url.to_owned());
        let id = format!("source-{}", self.parts.len());
        let mut part = json!({ "type": "source-url", "sourceId": id, "url": url });
        if let Some(title) = title {
            part["title"] = self.fitting(title.chars().take(MAX_TITLE).collect()).into();
        }
        self.parts.push(Part::Other(part));
    }

    /// Nothing more is heard of calls that have no result.
    pub(super) fn close_hosted_calls(&mut self) {
        for part in &mut self.parts {
            let Part::Hosted(call) = part else { continue };
            if call.state.is_open() {
                let input = call.state.input().cloned().unwrap_or_else(|| json!({}));
                let error_text = "The answer ended before the tool did.".to_owned();
                call.state = HostedState::Failed { input, error_text };
            }
        }
    }

    fn open_call(&mut self, id: &str) -> Option<&mut HostedCall> {
        self.parts.iter_mut().rev().find_map(|part| match part {
            Part::Hosted(call) if call.id == id && call.state.is_open() => Some(&mut **call),
            _ => None,
        })
    }
}

fn source_url(part: &Part) -> Option<&str> {
    match part {
        Part::Other(value) if value["type"] == "source-url" => value["url"].as_str(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Status;
    use crate::providers::Event;

    fn sources(urls: &[&str]) -> Vec<Value> {
        let mut answer = Answer::default();
        for url in urls {
            answer.apply(Event::Source { url: (*url).to_owned(), title: Some("T".into()) });
        }
        answer.parts.iter().filter_map(source_url).map(Value::from).collect()
    }

    #[test]
    fn a_source_is_a_web_page_and_named_once() {
        let named = sources(&[
            "https://example.com/a",
            "https://example.com/a",
            "HTTP://example.com/b?x=1",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://example.com/\u{0}",
            " https://example.com",
            "//example.com",
            &format!("https://example.com/{}", "x".repeat(3_000)),
        ]);
        assert_eq!(named, ["https://example.com/a", "HTTP://example.com/b?x=1"]);
        let many: Vec<_> = (0..1_000).map(|n| format!("https://example.com/{n}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(sources(&many).len(), MAX_SOURCES);
    }

    #[test]
    fn a_call_without_a_result_fails_at_the_end() {
        let mut answer = Answer::default();
        answer.apply(Event::HostedCallStart { id: "1".into(), name: "web_search".into() });
        answer.apply(Event::HostedCall { id: "1".into(), arguments: "[1]".into() });
        answer.apply(Event::HostedResult { id: "2".into(), outcome: Ok(json!(1)) });
        answer.close_all(Status::Complete);
        let stored = json!({
            "type": "tool-web_search", "toolCallId": "1", "state": "output-error", "input": {},
            "errorText": "The answer ended before the tool did.", "providerExecuted": true,
        });
        assert_eq!(json!(answer.parts), json!([stored]));
        let read: Vec<Part> = serde_json::from_value(json!([stored])).unwrap();
        assert_eq!(read, answer.parts);
    }
}
