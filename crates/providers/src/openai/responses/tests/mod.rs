//! Recorded answers of the Responses API.

use serde_json::{Value, json};

use super::Decoder;
use crate::testing::{self, Outcome, fixture, json, names, replay_all_ways};
use crate::{ErrorKind, Event, FinishReason, Opaque, ProviderName};

mod hosted;
mod requests;
mod sending;

async fn replay(name: &str) -> Outcome {
    replay_all_ways(name, &fixture(&format!("openai-responses/{name}.sse")), Decoder::default).await
}

#[tokio::test]
async fn every_recorded_stream_reads_as_the_sdk_reads_it() {
    let parsed = json("parsed.json");
    let streams = names("openai-responses", ".sse");
    assert!(streams.len() > 12, "the fixtures are there");
    for name in streams {
        let name = name.strip_prefix("openai-responses/").unwrap();
        check(name, &replay(name).await, &parsed[format!("openai-responses/{name}")]);
    }
}

#[tokio::test]
async fn a_whole_response_reads_like_a_stream() {
    let parsed = json("parsed.json");
    for name in ["text", "thinking", "tools"] {
        let body = format!("data: {}\n\n", fixture(&format!("openai-responses/{name}.json")));
        let outcome = testing::replay(Decoder::default(), vec![body.into()]).await;
        outcome.check();
        check(name, &outcome, &parsed[format!("openai-responses/{name}")]);
    }
}

fn check(name: &str, outcome: &Outcome, sdk: &Value) {
    let is_failure = outcome.error.is_some();
    let stop = sdk["stop"][0].as_str();
    let is_reported = sdk.get("error").or(sdk.get("error_event")).is_some();
    assert_eq!(is_failure, is_reported || stop == Some("failed"), "{name}: error");
    let text = format!("{}{}", as_text(&sdk["text"]), as_text(&sdk["refusal"]));
    assert_eq!(outcome.text(), text, "{name}: text");
    assert_eq!(outcome.reasoning(), as_text(&sdk["reasoning"]), "{name}: reasoning");
    if !is_failure {
        assert_eq!(json!(outcome.calls()), sdk["tools"], "{name}: calls");
        check_finish(name, outcome, stop, sdk["stop"][1].as_str());
    }
    let usage = outcome.usage();
    assert_eq!(json!(usage.map(|u| u.input_tokens)), sdk["usage"]["i"], "{name}: input");
    assert_eq!(json!(usage.map(|u| u.output_tokens)), sdk["usage"]["o"], "{name}: output");
}

fn as_text(text: &Value) -> &str {
    text.as_str().unwrap_or_default()
}

fn check_finish(name: &str, outcome: &Outcome, stop: Option<&str>, detail: Option<&str>) {
    let expected = match (stop.unwrap(), detail) {
        ("completed", _) if !outcome.calls().is_empty() => FinishReason::ToolCalls,
        ("completed", _) if name.contains("refusal") => FinishReason::Refusal,
        ("completed", _) => FinishReason::Stop,
        ("incomplete", Some("content_filter")) => FinishReason::ContentFilter,
        ("incomplete", _) => FinishReason::Length,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(outcome.finish_reason(), Some(&expected), "{name}: finish reason");
}

#[tokio::test]
async fn both_shapes_of_errors_and_a_failed_response() {
    for (name, kind, message) in [
        ("error_midstream", ErrorKind::Server, "The server had an error."),
        ("error_midstream_nested", ErrorKind::Quota, "You exceeded your current quota."),
        ("failed_stream", ErrorKind::Server, "The model failed to generate a response."),
        ("content_filter_stream", ErrorKind::Server, "the response failed"),
        ("truncated_stream", ErrorKind::Truncated, "the stream ended before the answer did"),
    ] {
        let outcome = replay(name).await;
        assert_eq!(outcome.kind, Some(kind), "{name}");
        assert_eq!(outcome.error.as_deref(), Some(message), "{name}");
    }
}

#[tokio::test]
async fn items_go_back_as_they_came() {
    let outcome = replay("reasoning_tools_stream").await;
    let thought = r#"{"id":"rs_h1","type":"reasoning","summary":[],"encrypted_content":"gAAAAABhandwritten=="}"#;
    assert_eq!(outcome.opaques(), [thought]);
    let call = r#"{"id":"fc_h1","type":"function_call","status":"completed","call_id":"call_A","name":"read_file","arguments":"{\"path\":\"src/naïve.rs\"}"}"#;
    let kept = outcome.events.iter().find_map(|event| match event {
        Event::ToolCallEnd { index: 0, opaque, .. } => opaque.clone(),
        _ => None,
    });
    assert_eq!(
        kept,
        Some(Opaque { provider: ProviderName::from_static("openai"), json: call.to_owned() })
    );
}

async fn decode(frames: &[Value]) -> Outcome {
    let body: String = frames.iter().map(|frame| format!("data: {frame}\n\n")).collect();
    let outcome = testing::replay(Decoder::default(), vec![body.into()]).await;
    outcome.check();
    outcome
}

fn completed(output: &Value) -> Value {
    json!({"type": "response.completed", "response": {"status": "completed", "output": output}})
}

#[tokio::test]
async fn a_thought_without_its_key_cannot_go_back() {
    let item = json!({"type": "reasoning", "id": "rs_1",
        "summary": [{"text": "One."}, {"text": "Two."}]});
    let outcome = decode(&[completed(&json!([item]))]).await;
    assert_eq!(outcome.reasoning(), "One.\n\nTwo.");
    assert_eq!(outcome.events[2], Event::ReasoningEnd { opaque: None });
}

#[tokio::test]
async fn the_phase_of_a_text_goes_back() {
    let item = json!({"type": "message", "phase": "commentary", "content": [{"text": "Hm."}]});
    let outcome = decode(&[completed(&json!([item]))]).await;
    let json = r#"{"phase":"commentary"}"#.to_owned();
    let opaque = Some(Opaque { provider: ProviderName::from_static("openai"), json });
    assert_eq!(outcome.events[1], Event::TextEnd { opaque });
}

#[tokio::test]
async fn deltas_are_optional() {
    let call =
        json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"});
    let at = |at: usize, kind: &str, item: &Value| json!({"type": kind, "output_index": at, "item": item});
    let message = json!({"type": "message", "content": []});
    let outcome = decode(&[
        at(0, "response.output_item.added", &message),
        json!({"type": "response.output_text.done", "output_index": 0, "text": "Hi."}),
        at(0, "response.output_item.done", &message),
        at(1, "response.output_item.done", &call),
        completed(&json!([])),
    ])
    .await;
    assert_eq!(outcome.text(), "Hi.");
    assert_eq!(outcome.calls(), [("c".to_owned(), "f".to_owned(), "{\"a\":1}".to_owned())]);
}

#[tokio::test]
async fn a_whole_response_may_decline() {
    let item = json!({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]});
    let outcome = decode(&[completed(&json!([item]))]).await;
    assert_eq!(outcome.text(), "No.");
    assert_eq!(outcome.finish_reason(), Some(&FinishReason::Refusal));
}

#[tokio::test]
async fn unknown_items_go_back_too() {
    let item = json!({"type": "web_search_call", "id": "ws_1"});
    let outcome = decode(&[completed(&json!([item]))]).await;
    assert_eq!(outcome.opaques(), [item.to_string()]);
}

#[tokio::test]
async fn a_mark_alone_does_not_end_an_answer() {
    let body = "data: {\"type\":\"response.created\"}\n\ndata: [DONE]\n\n".to_owned();
    let outcome = testing::replay(Decoder::default(), vec![body.into()]).await;
    assert_eq!(outcome.kind, Some(ErrorKind::Truncated));
}
