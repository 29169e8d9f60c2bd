//! Recorded answers of OpenAI and of compatible servers.

use serde_json::{Value, json};

use super::decoder::Decoder;
use crate::testing::{Outcome, fixture, json, names, replay_all_ways};
use crate::{ErrorKind, Event, FinishReason, ProviderName};

mod decoding;
mod dialects;
mod requests;

fn decoder() -> Decoder {
    Decoder::new(ProviderName::from_static("openai"))
}

async fn replay(name: &str) -> Outcome {
    replay_all_ways(name, &fixture(&format!("{name}.sse")), decoder).await
}

/// Where the SDK is known to lose something, or has nothing of what we read.
fn corrected(name: &str, mut sdk: Value) -> Value {
    match name {
        "compat/no_space_crlf_bom" => sdk["text"] = json!("ok ✓"),
        "compat/last_event_no_blank_line" => sdk["stop"] = json!("stop"),
        "compat/tool_calls_without_index" => sdk["tools"][1][0] = json!("made-up"),
        "compat/tool_args_object" => sdk["tools"][0][2] = json!("{\"x\":1}"),
        "compat/groq_x_groq_usage" => sdk["usage"] = json!({"i": 9, "o": 2}),
        "compat/vllm_error_then_done" | "compat/error_event_named" => sdk["stop"] = Value::Null,
        _ => {}
    }
    sdk
}

#[tokio::test]
async fn every_recorded_stream_reads_as_the_sdk_reads_it() {
    let parsed = json("parsed.json");
    let streams: Vec<_> = [names("openai-chat", ".sse"), names("compat", ".sse")].concat();
    assert!(streams.len() > 30, "the fixtures are there");
    for name in streams {
        let outcome = replay(&name).await;
        let sdk = corrected(&name, parsed[&name].clone());
        let text = format!("{}{}", sdk["text"].as_str().unwrap(), sdk["refusal"].as_str().unwrap());
        assert_eq!(outcome.text(), text, "{name}: text");
        assert_eq!(outcome.reasoning(), sdk["reasoning"].as_str().unwrap(), "{name}: reasoning");
        assert_eq!(outcome.error.is_some(), sdk.get("error").is_some(), "{name}: error");
        if outcome.error.is_none() {
            assert_eq!(json!(outcome.calls()), sdk["tools"], "{name}: calls");
        }
        let usage = outcome.usage();
        assert_eq!(json!(usage.map(|u| u.input_tokens)), sdk["usage"]["i"], "{name}: input");
        assert_eq!(json!(usage.map(|u| u.output_tokens)), sdk["usage"]["o"], "{name}: output");
        check_finish(&name, &outcome, &sdk["stop"]);
    }
}

fn check_finish(name: &str, outcome: &Outcome, stop: &Value) {
    let has_refused = name.contains("refusal");
    let expected = match (stop.as_str(), outcome.calls().is_empty()) {
        _ if outcome.error.is_some() => None,
        (Some("stop"), true) if has_refused => Some(FinishReason::Refusal),
        (Some("stop" | "eos_token"), true) => Some(FinishReason::Stop),
        (Some("stop" | "tool_calls"), false) => Some(FinishReason::ToolCalls),
        (Some("length"), _) => Some(FinishReason::Length),
        (Some("content_filter"), _) => Some(FinishReason::ContentFilter),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(outcome.finish_reason(), expected.as_ref(), "{name}: finish reason");
}
