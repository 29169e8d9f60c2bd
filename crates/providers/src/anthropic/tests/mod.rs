//! Recorded answers of Anthropic.

use serde_json::{Value, json};

use super::decoder::Decoder;
use crate::testing::{self, Outcome, fixture, json, names, replay_all_ways};
use crate::{ErrorKind, Event, FinishReason};

mod hosted;
mod requests;
mod sending;

async fn replay(name: &str) -> Outcome {
    replay_all_ways(name, &fixture(&format!("anthropic/{name}.sse")), Decoder::default).await
}

#[tokio::test]
async fn every_recorded_stream_reads_as_the_sdk_reads_it() {
    let parsed = json("parsed.json");
    let streams = names("anthropic", ".sse");
    assert!(streams.len() > 15, "the fixtures are there");
    for name in streams {
        let name = name.strip_prefix("anthropic/").unwrap();
        let outcome = replay(name).await;
        let sdk = &parsed[format!("anthropic/{name}")];
        assert_eq!(outcome.text(), sdk["text"].as_str().unwrap(), "{name}: text");
        assert_eq!(outcome.reasoning(), sdk["thinking"].as_str().unwrap(), "{name}: thinking");
        assert_eq!(outcome.error.is_some(), sdk.get("error").is_some(), "{name}: error");
        check_calls(name, &outcome, &sdk["tools"]);
        check_usage(name, &outcome, &sdk["usage"]);
        check_finish(name, &outcome, sdk["stop"][0].as_str());
    }
}

/// The SDK sorts a call's input and completes one that was cut off; ours is as it came.
fn check_calls(name: &str, outcome: &Outcome, sdk: &Value) {
    if outcome.error.is_some() || name == "max_tokens_in_tool_stream" {
        return;
    }
    let own = |tool: &&Value| !tool[1].as_str().unwrap().starts_with("server:");
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let sdk = sdk.as_array().unwrap().iter().filter(own);
    let sdk: Vec<_> =
        sdk.map(|tool| json!([tool[0], tool[1], parsed(tool[2].as_str().unwrap())])).collect();
    let calls = outcome.calls();
    let calls: Vec<_> =
        calls.iter().map(|(id, name, input)| json!([id, name, parsed(input)])).collect();
    assert_eq!(calls, sdk, "{name}: calls");
}

fn check_usage(name: &str, outcome: &Outcome, sdk: &Value) {
    let Some(usage) = outcome.usage() else {
        return assert!(sdk["i"].is_null(), "{name}: usage");
    };
    if sdk.is_null() {
        return;
    }
    let count = |key: &str| sdk[key].as_u64().unwrap_or(0);
    let cached = (usage.cached_input_tokens, usage.cache_write_input_tokens);
    assert_eq!(usage.input_tokens, count("i") + count("read") + count("write"), "{name}: input");
    assert_eq!(cached, (count("read"), count("write")), "{name}: cache");
    assert_eq!(usage.output_tokens, count("o"), "{name}: output");
    assert_eq!(usage.reasoning_tokens, count("think"), "{name}: thinking");
}

fn check_finish(name: &str, outcome: &Outcome, stop: Option<&str>) {
    let expected = stop.filter(|_| outcome.error.is_none()).map(|stop| match stop {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence,
        "tool_use" => FinishReason::ToolCalls,
        "max_tokens" => FinishReason::Length,
        "model_context_window_exceeded" => FinishReason::ContextWindow,
        "refusal" => FinishReason::Refusal,
        "pause_turn" => FinishReason::Paused,
        other => FinishReason::Other(other.to_owned()),
    });
    assert_eq!(outcome.finish_reason(), expected.as_ref(), "{name}: finish reason");
}

#[tokio::test]
async fn thoughts_keep_what_must_go_back() {
    let outcome = replay("tools_thinking_stream").await;
    let thinking = r#"{"type":"thinking","thinking":"User wants two files; call both tools.","signature":"ErUBCkYIBxgCIkBoYW5kd3JpdHRlblNpZw=="}"#;
    let redacted = r#"{"type":"redacted_thinking","data":"EmwKAhgBEgyUmVkYWN0ZWQ="}"#;
    assert_eq!(outcome.opaques(), [thinking, redacted]);
    let outcome = replay("thinking_omitted_stream").await;
    let thinking = r#"{"type":"thinking","thinking":"","signature":"EosnCkYIBxgCKkBvbWl0dGVk"}"#;
    assert_eq!((outcome.opaques(), outcome.reasoning()), (vec![thinking], String::new()));
}

#[tokio::test]
async fn blocks_of_the_provider_s_own_tools_go_back_too() {
    let outcome = replay("pause_turn_stream").await;
    let block = r#"{"type":"server_tool_use","id":"srvtoolu_01","name":"web_search","input":{"query":"rust sse"}}"#;
    assert_eq!((outcome.opaques(), outcome.calls()), (vec![block], vec![]));
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_emitted_as_it_is() {
    let outcome = replay("max_tokens_in_tool_stream").await;
    let arguments = r#"{"path":"a.txt","content":"The quick bro"#;
    assert_eq!(outcome.calls()[0].2, arguments);
}

#[tokio::test]
async fn usage_is_emitted_before_the_answer_and_after() {
    let outcome = replay("error_midstream").await;
    assert!(matches!(&outcome.events[0], Event::Usage(usage) if usage.input_tokens == 25));
    assert_eq!(outcome.kind, Some(ErrorKind::Overloaded));
    let usage = replay("full_stream").await.usage().cloned().unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (2572, 31));
    assert_eq!(usage.raw.unwrap()["service_tier"], "standard");
}

#[tokio::test]
async fn errors_have_their_kinds() {
    assert_eq!(replay("error_first_event").await.kind, Some(ErrorKind::Server));
    assert_eq!(replay("truncated_stream").await.kind, Some(ErrorKind::Truncated));
    let whole = fixture("anthropic/text_stream.sse");
    let unfinished =
        whole.replace("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", "");
    assert_ne!(whole, unfinished);
    let (before_end, _) = unfinished.split_once("event: message_delta").unwrap();
    let outcome = testing::replay(Decoder::default(), vec![before_end.to_owned().into()]).await;
    assert_eq!(outcome.kind, Some(ErrorKind::Truncated));
    // With the reason why it stops everything that counts has come.
    let outcome = testing::replay(Decoder::default(), vec![unfinished.into()]).await;
    assert_eq!(outcome.kind, None);
}

#[tokio::test]
async fn gateways_may_leave_out_the_event_lines() {
    let whole = fixture("anthropic/tools_stream.sse");
    let bare: String = whole
        .lines()
        .filter(|line| !line.starts_with("event:"))
        .map(|line| format!("{line}\n"))
        .collect();
    let bare = testing::replay(Decoder::default(), vec![bare.into()]).await;
    assert_eq!(bare, testing::replay(Decoder::default(), vec![whole.into()]).await);
}

#[tokio::test]
async fn a_whole_message_reads_like_a_stream() {
    for name in ["text", "thinking", "tools", "refusal"] {
        let body = format!("data: {}\n\n", fixture(&format!("anthropic/{name}.json")));
        let outcome = testing::replay(Decoder::default(), vec![body.into()]).await;
        outcome.check();
        let sdk = &json("parsed.json")[format!("anthropic/{name}")];
        assert_eq!(outcome.text(), sdk["text"].as_str().unwrap(), "{name}");
        assert_eq!(outcome.reasoning(), sdk["thinking"].as_str().unwrap(), "{name}");
        check_calls(name, &outcome, &sdk["tools"]);
        check_usage(name, &outcome, &sdk["usage"]);
        check_finish(name, &outcome, sdk["stop"][0].as_str());
    }
}
