use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::iter;
use futures_util::{Stream, StreamExt};

use super::*;
use crate::decoder::{Decoder as _, Events, Flow};
use crate::reader::{self, ErrorContext};
use crate::{EventStream, testing};

async fn decode(body: String) -> Outcome {
    let outcome = testing::replay(decoder(), vec![Bytes::from(body)]).await;
    outcome.check();
    outcome
}

/// Chunks with these deltas, a finish reason and the mark at the end.
fn stream(deltas: &[Value], finish_reason: &str) -> String {
    let chunk = |delta: &Value, reason: Option<&str>| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        format!("data: {}\n\n", json!({"choices": [choice]}))
    };
    let chunks: String = deltas.iter().map(|delta| chunk(delta, None)).collect();
    format!("{chunks}{}data: [DONE]\n\n", chunk(&json!({}), Some(finish_reason)))
}

#[tokio::test]
async fn parallel_calls_may_interleave() {
    let outcome = replay("openai-chat/tools_parallel_interleaved_stream").await;
    let calls: Vec<_> = outcome.events.iter().filter(|event| is_call(event)).cloned().collect();
    let start = |index, id: &str, name: &str| Event::ToolCallStart {
        index,
        id: id.to_owned(),
        name: name.to_owned(),
    };
    let delta = |index, text: &str| Event::ToolCallDelta { index, arguments: text.to_owned() };
    let end =
        |index, text: &str| Event::ToolCallEnd { index, arguments: text.to_owned(), opaque: None };
    let expected = [
        start(0, "call_A", "read_file"),
        start(1, "call_B", "list_dir"),
        delta(0, "{\"path\":\"src/na"),
        delta(1, "{\"dir\":\""),
        delta(0, "ïve.rs\"}"),
        delta(1, "東京\"}"),
        end(0, "{\"path\":\"src/naïve.rs\"}"),
        end(1, "{\"dir\":\"東京\"}"),
    ];
    assert_eq!(calls, expected);
}

fn is_call(event: &Event) -> bool {
    use Event::{ToolCallDelta, ToolCallEnd, ToolCallStart};
    matches!(event, ToolCallStart { .. } | ToolCallDelta { .. } | ToolCallEnd { .. })
}

#[tokio::test]
async fn details_of_the_usage_are_parts_of_its_totals() {
    let outcome = replay("openai-chat/full_stream").await;
    let usage = outcome.usage().unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens), (2060, 331));
    assert_eq!((usage.cached_input_tokens, usage.cache_write_input_tokens), (1920, 128));
    assert_eq!(usage.reasoning_tokens, 256);
    assert_eq!(usage.raw.as_ref().unwrap()["total_tokens"], 2391);
}

#[tokio::test]
async fn the_price_that_a_server_names_is_kept() {
    let usage = replay("compat/openrouter_ok").await.usage().cloned().unwrap();
    assert_eq!(usage.cost_usd, Some(0.00012));
    let usage = replay("compat/deepseek_reasoning_usage_on_last").await.usage().cloned().unwrap();
    assert_eq!(usage.cached_input_tokens, 8);
}

#[tokio::test]
async fn running_totals_are_emitted_once() {
    let outcome = replay("compat/usage_every_chunk").await;
    let emitted = outcome.events.iter().filter(|event| matches!(event, Event::Usage(_))).count();
    assert_eq!(emitted, 1);
}

#[tokio::test]
async fn errors_inside_a_stream_have_their_kinds() {
    for (name, kind, message) in [
        ("openai-chat/error_midstream", ErrorKind::Server, "The server had an error"),
        ("openai-chat/truncated_stream", ErrorKind::Truncated, "ended before"),
        ("compat/error_event_named", ErrorKind::ContextLength, "Context size"),
        (
            "compat/openrouter_keepalive_error",
            ErrorKind::Server,
            "Provider returned error: upstream",
        ),
        ("compat/vllm_error_then_done", ErrorKind::Server, "EngineCore"),
    ] {
        let outcome = replay(name).await;
        assert_eq!(outcome.kind, Some(kind), "{name}");
        assert!(outcome.error.as_ref().unwrap().contains(message), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_whole_completion_reads_like_a_stream() {
    for name in ["text", "thinking", "tools", "refusal"] {
        let body = fixture(&format!("openai-chat/{name}.json"));
        let sdk = &json("parsed.json")[format!("openai-chat/{name}")];
        let outcome = decode(format!("data: {body}\n\ndata: [DONE]\n\n")).await;
        let refusal = sdk["refusal"].as_str().unwrap_or_default();
        assert_eq!(
            outcome.text(),
            format!("{}{refusal}", sdk["text"].as_str().unwrap_or_default())
        );
        assert_eq!(outcome.reasoning(), sdk["reasoning"].as_str().unwrap());
        assert_eq!(json!(outcome.calls()), sdk["tools"]);
    }
}

#[tokio::test]
async fn content_may_come_in_parts() {
    let thinking = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]);
    let text = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
    let deltas = [json!({"content": thinking}), json!({"content": text})];
    let outcome = decode(stream(&deltas, "stop")).await;
    assert_eq!((outcome.reasoning(), outcome.text()), ("hm".to_owned(), "ab".to_owned()));
}

#[tokio::test]
async fn reasoning_sent_twice_is_emitted_once() {
    let outcome =
        decode(stream(&[json!({"reasoning_content": "x", "reasoning": "x"})], "stop")).await;
    assert_eq!(outcome.reasoning(), "x");
}

#[tokio::test]
async fn fields_of_the_wrong_type_count_as_absent() {
    let delta = json!({"content": "a", "reasoning": {"no": 1}, "refusal": 7, "role": 3});
    let outcome = decode(stream(&[delta], "stop")).await;
    assert_eq!((outcome.text(), outcome.reasoning()), ("a".to_owned(), String::new()));
}

#[tokio::test]
async fn odd_fields_do_not_end_an_answer() {
    let text = json!({"index": 0, "delta": {"content": "a"}, "finish_reason": null});
    for odd in [
        json!({"choices": [{"delta": {"tool_calls": {}}}]}),
        json!({"choices": [{"delta": {"tool_calls": [null, 7]}}]}),
        json!({"choices": [{"delta": {"tool_calls": [{"function": "f"}]}}]}),
        json!({"choices": [{"delta": {"function_call": 5}}]}),
        json!({"choices": [{"delta": 5}]}),
        json!({"choices": [{"finish_reason": 5}]}),
        json!({"choices": [null]}),
        json!({"choices": {}}),
        json!({"choices": [], "x_groq": 5}),
        json!({"choices": [], "usage": [5]}),
    ] {
        let chunk = json!({"choices": [text]});
        let body = format!("data: {chunk}\n\ndata: {odd}\n\n{}", stream(&[], "stop"));
        let outcome = decode(body).await;
        assert_eq!((outcome.text().as_str(), &outcome.error), ("a", &None), "{odd}");
    }
}

#[tokio::test]
async fn a_usage_that_cannot_be_read_replaces_none_that_can() {
    for later in [json!({}), json!("much"), json!({"prompt_tokens": "many"})] {
        let chunk = |usage: &Value| {
            let x_groq = json!({"usage": {}});
            format!("data: {}\n\n", json!({"choices": [], "usage": usage, "x_groq": x_groq}))
        };
        let good = json!({"prompt_tokens": 11.0, "completion_tokens": 2});
        let body =
            [chunk(&good), chunk(&later), stream(&[json!({"content": "a"})], "stop")].concat();
        let usage = decode(body).await.usage().cloned().unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens), (11, 2), "{later}");
    }
}

#[tokio::test]
async fn unknown_finish_reasons_can_be_stored() {
    let outcome = decode(stream(&[json!({"content": "a"})], &"\0é".repeat(100))).await;
    let expected = FinishReason::Other("\u{fffd}é".repeat(50));
    assert_eq!(outcome.finish_reason(), Some(&expected));
}

#[tokio::test]
async fn a_new_id_is_a_new_call_and_a_late_one_is_not() {
    let call = |fields: Value| json!({"tool_calls": [fields]});
    let named = json!({"name": "f", "arguments": "{\"a\":1}"});
    let deltas = [
        call(json!({"index": 0, "id": "c1", "function": named})),
        call(json!({"index": 0, "id": "c2", "function": {"arguments": "{\"b\":"}})),
        call(json!({"index": 0, "function": {"name": "g", "arguments": "2}"}})),
        call(json!({"index": 1, "function": {"name": "h", "arguments": "{"}})),
        call(json!({"index": 1, "id": "late", "function": {"arguments": "}"}})),
    ];
    let outcome = decode(stream(&deltas, "tool_calls")).await;
    let expected = [("c1", "f", "{\"a\":1}"), ("c2", "g", "{\"b\":2}"), ("made-up", "h", "{}")];
    let owned = |(id, name, arguments): (&str, &str, &str)| {
        (id.to_owned(), name.to_owned(), arguments.to_owned())
    };
    assert_eq!(outcome.calls(), expected.map(owned));
}

#[tokio::test]
async fn a_call_waits_for_its_name() {
    let call = |fields: Value| json!({"tool_calls": [fields]});
    let deltas = [
        call(json!({"index": 0, "id": "c1", "function": {"arguments": "{\"a\":"}})),
        call(json!({"index": 0, "function": {"name": "f", "arguments": "1"}})),
        call(json!({"index": 0, "function": {"name": "f", "arguments": "}"}})),
        call(json!({"index": 1, "id": "nameless", "function": {"arguments": "{}"}})),
    ];
    let outcome = decode(stream(&deltas, "tool_calls")).await;
    let expected = [("c1".to_owned(), "f".to_owned(), "{\"a\":1}".to_owned())];
    assert_eq!(outcome.calls(), expected);
}

#[tokio::test]
async fn a_call_of_the_old_form_is_a_call() {
    let deltas = [
        json!({"function_call": {"name": "f", "arguments": ""}}),
        json!({"function_call": {"arguments": "{}"}}),
    ];
    let outcome = decode(stream(&deltas, "function_call")).await;
    assert_eq!(outcome.calls(), [("made-up".to_owned(), "f".to_owned(), "{}".to_owned())]);
    assert_eq!(outcome.finish_reason(), Some(&FinishReason::ToolCalls));
}

#[tokio::test]
async fn what_gemini_attaches_to_a_call_is_kept_as_it_came() {
    let extra = r#"{"google": {"thought_signature":"c2ln", "n": 1.0}}"#;
    let body = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"id\":\"1\",\"function\":{{\"name\":\"f\",\
         \"arguments\":\"{{}}\"}},\"extra_content\":{extra}}}]}},\"finish_reason\":\"stop\"}}]}}\n\n"
    );
    let outcome = decode(body).await;
    let kept = outcome.events.iter().find_map(|event| match event {
        Event::ToolCallEnd { opaque, .. } => opaque.clone(),
        _ => None,
    });
    assert_eq!(kept.unwrap().json, extra);
}

#[tokio::test]
async fn half_an_answer_is_never_whole() {
    let whole = fixture("openai-chat/text_stream.sse");
    let (half, _) = whole.split_once("\"finish_reason\":\"stop\"").unwrap();
    let outcome = decode(half.to_owned()).await;
    assert_eq!(outcome.kind, Some(ErrorKind::Truncated));
    let outcome = decode(String::new()).await;
    assert_eq!(outcome.kind, Some(ErrorKind::Truncated));
    let outcome = decode("data: [DONE]\n\n".to_owned()).await;
    assert_eq!(outcome.kind, Some(ErrorKind::Truncated));
    let outcome = decode("data: {nonsense\n\n".to_owned()).await;
    assert_eq!(outcome.kind, Some(ErrorKind::Protocol));
}

#[tokio::test]
async fn calls_without_end_are_stopped() {
    let delta = json!({"tool_calls": [{"index": 0, "id": "c", "function": {
        "name": "f", "arguments": "x".repeat(1024 * 1024)}}]});
    let outcome = decode(stream(&vec![delta; 17], "tool_calls")).await;
    assert_eq!(outcome.kind, Some(ErrorKind::Protocol));

    let delta = |at: usize| json!({"tool_calls": [{"index": at, "id": at.to_string()}]});
    let outcome = decode(stream(&(0..1001).map(delta).collect::<Vec<_>>(), "tool_calls")).await;
    assert_eq!(outcome.kind, Some(ErrorKind::Protocol));
}

#[tokio::test]
async fn very_many_tiny_deltas_are_survived() {
    let chunk =
        Bytes::from("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".repeat(1000));
    let mut stream = from_stream(iter(std::iter::repeat_n(chunk, 100).map(Ok)));
    let mut count = 0;
    while let Some(event) = stream.next().await {
        count += usize::from(event.is_ok());
    }
    assert_eq!(count, 100_000);
}

#[tokio::test]
async fn a_body_is_read_to_its_end_so_that_the_connection_can_be_used_again() {
    let read = Arc::new(AtomicUsize::new(0));
    let counter = read.clone();
    let answer = Bytes::from(fixture("openai-chat/text_stream.sse"));
    let body = iter([Ok(answer), Ok(Bytes::from_static(b": more\n\n"))]).inspect(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    Outcome::collect(from_stream(body)).await.check();
    assert_eq!(read.load(Ordering::SeqCst), 2);
}

fn from_stream(
    body: impl Stream<Item = reqwest::Result<Bytes>> + Send + Unpin + 'static,
) -> EventStream {
    reader::from_stream(body, Duration::from_secs(1), decoder(), ErrorContext::default())
}

#[test]
fn chunks_of_mere_text_mean_the_same_when_read_in_one_pass() {
    let mut read = 0;
    for name in [names("openai-chat", ".sse"), names("compat", ".sse")].concat() {
        let body = fixture(&format!("{name}.sse"));
        let mut reader = decoder();
        for json in body.lines().filter_map(|line| line.strip_prefix("data:")) {
            let (mut quick, mut thorough) = (Events::new(), Events::new());
            if !reader.accept_text(json, &mut quick) {
                continue;
            }
            read += 1;
            let chunk = serde_json::from_str(json).unwrap();
            let flow = decoder().accept(chunk, json, &mut thorough).unwrap();
            assert_eq!((flow, quick), (Flow::Continue, thorough), "{name}: {json}");
        }
    }
    assert!(read > 50, "{read}");
    for more in [
        r#"{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"delta":{"content":"a","tool_calls":[{}]}}]}"#,
        r#"{"choices":[{"delta":{"content":"a","refusal":"b"}}]}"#,
        r#"{"choices":[{"delta":{"content":["a"]}}]}"#,
        r#"{"choices":[{"delta":{"content":"a"},"index":1}]}"#,
        r#"{"choices":[{"delta":{"content":"a"}}],"usage":{}}"#,
        r#"{"choices":[{"delta":{"content":"a"}}],"error":{}}"#,
        r#"{"choices":[{"delta":{"content":"\ud83d"}}]}"#,
        r#"{"choices":[]}"#,
    ] {
        let mut reader = decoder();
        let plain = r#"{"choices":[{"delta":{"content":"b"}}]}"#;
        assert!(reader.accept_text(plain, &mut Events::new()));
        assert!(!reader.accept_text(more, &mut Events::new()), "{more}");
    }
}
