//! Tools that the provider runs.

use serde_json::{Value, json};

use super::super::decoder::Decoder;
use super::requests::{message, sent, to};
use crate::testing::{Outcome, fixture, replay_all_ways};
use crate::{
    Content, Event, FinishReason, HostedKind, HostedTool, Opaque, Request, Role, UserLocation,
};

async fn replay(name: &str) -> Outcome {
    replay_all_ways(name, &fixture(&format!("hosted/anthropic-{name}.sse")), Decoder::default).await
}

/// What people see of the provider's tools.
fn shown(outcome: &Outcome) -> Vec<Value> {
    let show = |event: &Event| match event {
        Event::HostedCallStart { id, name } => Some(json!([id, name])),
        Event::HostedCall { arguments, .. } => Some(serde_json::from_str(arguments).unwrap()),
        Event::HostedResult { outcome: Ok(output), .. } => Some(output.clone()),
        Event::HostedResult { outcome: Err(error), .. } => Some(json!(error)),
        Event::Source { url, title } => Some(json!([url, title])),
        _ => None,
    };
    outcome.events.iter().filter_map(show).collect()
}

/// What goes back, as it came.
fn answered(outcome: &Outcome) -> Vec<Content> {
    let mut text = String::new();
    let mut content = Vec::new();
    for event in &outcome.events {
        match event {
            Event::Text(more) => text.push_str(more),
            Event::TextEnd { opaque } => {
                content.push(Content::Text {
                    text: std::mem::take(&mut text),
                    opaque: opaque.clone(),
                });
            }
            Event::ReasoningEnd { opaque } => {
                content.push(Content::Reasoning { text: String::new(), opaque: opaque.clone() });
            }
            _ => {}
        }
    }
    content
}

fn block(name: &str, at: usize) -> String {
    let start = format!("\"type\":\"content_block_start\",\"index\":{at},\"content_block\":");
    let stream = fixture(&format!("hosted/anthropic-{name}.sse"));
    let line = stream.lines().find(|line| line.contains(&start)).unwrap();
    let block = line.split_once("\"content_block\":").unwrap().1;
    block.strip_suffix('}').unwrap().to_owned()
}

#[tokio::test]
async fn a_search_is_shown_and_goes_back_byte_for_byte() {
    let outcome = replay("web-search").await;
    assert_eq!(outcome.text(), "I'll look that up.In 2024 Oslo had 717,710 inhabitants.");
    let page = |name: &str, title: &str| json!([format!("https://example.com/{name}"), title]);
    let found = |name: &str, title: &str, age: Option<&str>| {
        json!({ "type": "web_search_result", "url": format!("https://example.com/{name}"),
                "title": title, "pageAge": age })
    };
    assert_eq!(
        shown(&outcome),
        [
            json!(["srvtoolu_01", "web_search"]),
            json!({ "query": "population of Oslo 2024" }),
            json!([
                found("oslo", "Oslo in figures", Some("March 3, 2026")),
                found("norway", "Norway", None)
            ]),
            page("oslo", "Oslo in figures"),
            page("norway", "Norway"),
            page("oslo", "Oslo in figures"),
        ]
    );
    assert_eq!(outcome.usage().unwrap().searches, 1);
    let query = "\"input\":{\"query\":\"population of Oslo 2024\"}";
    let call = block("web-search", 1).replace("\"input\":{}", query);
    let citation = r#"{"type":"web_search_result_location","url":"https://example.com/oslo","title":"Oslo in figures","encrypted_index":"Eo8BCioIAhgBIiQyYjQ0OWJmZi1EXAMPLE","cited_text":"As of 1 January 2024 the municipality had 717,710 inhabitants."}"#;
    let citations = format!("{{\"citations\":[{citation}]}}");
    assert_eq!(outcome.opaques(), [&*call, &*block("web-search", 2)]);
    let text = |event: &Event| match event {
        Event::TextEnd { opaque } => opaque.as_ref().map(|opaque| opaque.json.clone()),
        _ => None,
    };
    assert_eq!(outcome.events.iter().find_map(text), Some(citations));
    let request = Request {
        messages: vec![
            message(Role::User, vec![Content::text("How many?")]),
            message(Role::Assistant, answered(&outcome)),
        ],
        ..to("claude-sonnet-5")
    };
    let again = &sent(request)["messages"][1]["content"];
    let raw = |json: &str| serde_json::from_str::<Value>(json).unwrap();
    assert_eq!((&again[1], &again[2]), (&raw(&call), &raw(&block("web-search", 2))));
    let cited = json!({ "type": "text", "text": "Oslo had 717,710 inhabitants",
        "citations": [raw(citation)] });
    assert_eq!(again[4], cited);
    assert_eq!(again[3], json!({ "type": "text", "text": "In 2024 " }));
}

#[tokio::test]
async fn what_failed_is_said_and_not_paid_for() {
    let outcome = replay("web-search-error").await;
    assert_eq!(shown(&outcome)[2], "The search has failed: max_uses_exceeded.");
    assert_eq!(outcome.usage().unwrap().searches, 0);
}

#[tokio::test]
async fn a_page_is_a_source() {
    let outcome = replay("web-fetch").await;
    let page = json!({ "type": "web_fetch_result", "url": "https://example.com/oslo",
        "title": "Oslo in figures", "retrievedAt": "2026-11-25T22:00:00Z" });
    assert_eq!(
        shown(&outcome)[2..],
        [page, json!(["https://example.com/oslo", "Oslo in figures"])]
    );
    assert_eq!(outcome.usage().unwrap().searches, 0);
}

#[tokio::test]
async fn a_paused_answer_ends_with_what_goes_back() {
    let outcome = replay("pause-turn").await;
    assert_eq!(outcome.finish_reason(), Some(&FinishReason::Paused));
    assert_eq!(outcome.opaques().len(), 2);
}

#[tokio::test]
async fn every_error_is_a_sentence() {
    let whole = fixture("hosted/anthropic-web-search-error.sse");
    for code in ["unavailable", "too_many_requests", "query_too_long", "of tomorrow"] {
        let body = whole.replace("max_uses_exceeded", code);
        let outcome = replay_all_ways(code, &body, Decoder::default).await;
        assert_eq!(shown(&outcome)[2], format!("The search has failed: {code}."));
    }
}

#[test]
fn tools_are_asked_for_in_its_words() {
    let search = HostedTool {
        kind: HostedKind::WebSearch,
        max_uses: Some(3),
        price_usd: None,
        allowed_domains: vec!["example.com".into()],
        blocked_domains: vec![],
        user_location: Some(UserLocation { country: Some("NO".into()), ..UserLocation::default() }),
        search_context_size: None,
    };
    let fetch = HostedTool { kind: HostedKind::WebFetch, max_uses: None, ..search.clone() };
    let request = Request { hosted_tools: vec![search, fetch], ..to("claude-sonnet-5") };
    let body = sent(request);
    assert_eq!(
        body["tools"],
        json!([
            { "type": "web_search_20250305", "name": "web_search", "max_uses": 3,
              "allowed_domains": ["example.com"],
              "user_location": { "type": "approximate", "country": "NO" } },
            { "type": "web_fetch_20250910", "name": "web_fetch",
              "allowed_domains": ["example.com"], "citations": { "enabled": true },
              "max_content_tokens": 50_000 },
        ])
    );
    assert!(body.get("tool_choice").is_none());
}

/// A block of the provider's that has no input, or all of it at once.
#[test]
fn calls_are_put_together_whatever_they_begin_with() {
    use serde_json::value::RawValue;

    use super::super::blocks::Blocks;

    for (start, piece, expected) in [
        (
            r#"{"type":"server_tool_use","id":"a","name":"x"}"#,
            "",
            r#"{"type":"server_tool_use","id":"a","name":"x","input":{}}"#,
        ),
        (
            r#"{"type":"server_tool_use","id":"a","input": {},"name":"x"}"#,
            r#"{"q": 1}"#,
            r#"{"type":"server_tool_use","id":"a","input": {"q": 1},"name":"x"}"#,
        ),
        (
            r#"{"type":"server_tool_use","id":"a","name":"x","input":{"q":2}}"#,
            "",
            r#"{"type":"server_tool_use","id":"a","name":"x","input":{"q":2}}"#,
        ),
    ] {
        let (mut blocks, mut events) = (Blocks::default(), crate::decoder::Events::default());
        let start = RawValue::from_string(start.to_owned()).unwrap();
        blocks.start(0, &start, &mut events).unwrap();
        let delta = serde_json::from_value(json!({ "partial_json": piece })).unwrap();
        blocks.delta(0, delta, &mut events).unwrap();
        blocks.stop(0, &mut events);
        let Some(Event::ReasoningEnd { opaque: Some(Opaque { json, .. }) }) = events.pop_back()
        else {
            panic!("{events:?}")
        };
        assert_eq!(json, expected);
    }
}
