//! The provider's search.

use serde_json::{Value, json};

use super::requests::body;
use crate::openai::responses::Decoder;
use crate::testing::{fixture, replay_all_ways};
use crate::{
    Event, FinishReason, HostedKind, HostedTool, Request, SearchContextSize, ToolChoice,
    UserLocation,
};

#[tokio::test]
async fn searches_are_shown_counted_and_go_back() {
    let stream = fixture("hosted/openai-web-search.sse");
    let outcome = replay_all_ways("web-search", &stream, Decoder::default).await;
    assert_eq!(outcome.finish_reason(), Some(&FinishReason::Stop));
    let show = |event: &Event| match event {
        Event::HostedCallStart { id, name } => Some(json!([id, name])),
        Event::HostedCall { arguments, .. } => Some(serde_json::from_str(arguments).unwrap()),
        Event::HostedResult { outcome, .. } => Some(outcome.clone().unwrap()),
        Event::Source { url, title } => Some(json!([url, title])),
        _ => None,
    };
    let shown: Vec<Value> = outcome.events.iter().filter_map(show).collect();
    let url = "https://example.com/oslo";
    let query = "population of Oslo 2024";
    assert_eq!(
        shown,
        [
            json!(["ws_01", "web_search"]),
            json!({ "query": query }),
            json!({ "action": { "type": "search", "query": query, "queries": [query] },
                "sources": [{ "type": "url", "url": url },
                            { "type": "url", "url": "https://example.com/norway" }] }),
            json!(["ws_02", "web_search"]),
            json!({ "url": url }),
            json!({ "action": { "type": "openPage", "url": url } }),
            json!(["ws_03", "web_search"]),
            json!({ "url": url, "pattern": "inhabitants" }),
            json!({ "action": { "type": "findInPage", "url": url, "pattern": "inhabitants" } }),
            json!([url, "Oslo in figures"]),
        ]
    );
    let usage = outcome.usage().unwrap();
    assert_eq!((usage.searches, usage.input_tokens), (1, 8754));
    let opaques = outcome.opaques();
    assert_eq!(opaques.len(), 3);
    for (at, item) in opaques.iter().enumerate() {
        assert!(stream.contains(&format!("\"item\":{item}}}")), "{at}: as it came");
    }
    let text = |event: &Event| match event {
        Event::TextEnd { opaque } => opaque.as_ref().map(|opaque| opaque.json.clone()),
        _ => None,
    };
    let annotations = outcome.events.iter().find_map(text).unwrap();
    let annotations: Value = serde_json::from_str(&annotations).unwrap();
    assert_eq!(annotations["annotations"][0]["title"], "Oslo in figures");
}

#[tokio::test]
async fn a_search_that_failed_is_not_paid_for() {
    let stream = fixture("hosted/openai-web-search.sse");
    let stream =
        stream.replace("\"status\":\"completed\",\"action\"", "\"status\":\"failed\",\"action\"");
    let outcome = replay_all_ways("failed", &stream, Decoder::default).await;
    let failed = |event: &&Event| matches!(event, Event::HostedResult { outcome: Err(_), .. });
    assert_eq!(outcome.events.iter().filter(failed).count(), 3);
    assert_eq!(outcome.usage().unwrap().searches, 0);
}

#[tokio::test]
async fn a_whole_response_reads_like_a_stream() {
    let stream = fixture("hosted/openai-web-search.sse");
    let last = stream.lines().rfind(|line| line.contains("response.completed\",\"seq")).unwrap();
    let whole = format!("{last}\n\n");
    let outcome = replay_all_ways("whole", &whole, Decoder::default).await;
    let streamed = replay_all_ways("streamed", &stream, Decoder::default).await;
    assert_eq!(outcome.opaques(), streamed.opaques());
    assert_eq!(outcome.usage(), streamed.usage());
}

#[test]
fn it_is_asked_for_in_its_words() {
    let search = HostedTool {
        kind: HostedKind::WebSearch,
        max_uses: Some(3),
        price_usd: None,
        allowed_domains: vec!["example.com".into()],
        blocked_domains: vec![],
        user_location: Some(UserLocation { country: Some("NO".into()), ..UserLocation::default() }),
        search_context_size: Some(SearchContextSize::Medium),
    };
    let request = Request {
        model: "m".to_owned(),
        hosted_tools: vec![search],
        tool_choice: ToolChoice::None,
        ..Request::default()
    };
    let body = body(request);
    assert_eq!(
        body["tools"],
        json!([{ "type": "web_search", "filters": { "allowed_domains": ["example.com"] },
            "search_context_size": "medium",
            "user_location": { "type": "approximate", "country": "NO" } }])
    );
    assert_eq!((&body["max_tool_calls"], &body["tool_choice"]), (&json!(3), &json!("none")));
    let include = json!(["reasoning.encrypted_content", "web_search_call.action.sources"]);
    assert_eq!(body["include"], include);
}
