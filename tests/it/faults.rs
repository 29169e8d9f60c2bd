//! A provider that fails at every point of its answer: what is stored, what is accounted and what
//! the client saw agree with what was really produced, and the chat goes on.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, FakeProvider, TestApp, User, fixture};

/// How a stream comes to its untimely end.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The connection is reset.
    Reset,
    /// The body ends cleanly.
    CleanEnd,
    /// The provider says that it has failed.
    Error,
    /// It says something unreadable.
    Garbage,
}

struct Stage {
    provider: FakeProvider,
    alice: User,
    _app: TestApp,
}

async fn stage(protocol: &str) -> Stage {
    let provider = FakeProvider::with([]).await;
    let settings = match protocol {
        "anthropic" => {
            [("ANTHROPIC_BASE_URL", &*provider.url), ("DEFAULT_MODEL", "claude-opus-5-5")]
        }
        _ => [("OPENAI_BASE_URL", &*provider.url), ("DEFAULT_MODEL", "gpt-6-sol")],
    };
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    Stage { provider, alice, _app: app }
}

impl Stage {
    /// Asks in a new chat for an answer that fails so, then once more for a whole one.
    async fn fails_after(&self, whole: &'static str, kept: &[&str], fault: Fault) {
        let context = format!("{whole} after {} events: {fault:?}", kept.len());
        self.provider.enqueue(broken(whole, kept, fault));
        let chat = self.alice.create_chat("Trip").await;
        let question = uuid::Uuid::new_v4();
        let body = json!({ "message": { "id": question, "content": "Hello" }, "stream": true });
        let path = format!("/api/ai/chat/{chat}/generate");
        let stream = self.alice.stream(&path, body.clone()).await;
        let (status, seen, last) = match stream.status {
            200 => {
                let frames = stream.rest().await;
                let text = |frame: &Value| match frame["type"].as_str() {
                    Some("text-delta") => frame["delta"].as_str().map(str::to_owned),
                    _ => None,
                };
                let seen: String = frames.iter().filter_map(text).collect();
                (200, seen, frames.last().unwrap()["type"].clone())
            }
            status => (status, String::new(), Value::Null),
        };
        // An empty failure is not part of the chat's active history.
        let all = format!("/api/messages/chat/{chat}?active=any");
        let messages = self.alice.get(&all).await.expect(200);
        let message = &messages[1];
        let of_message = message["id"].as_str().unwrap();
        let path = format!("/usage_logs?select=*&message_id=eq.{of_message}");
        let logs = self.alice.rest(Method::GET, &path, None).await.expect(200);
        let log = &logs[0];
        assert_eq!(message["content"], seen, "{context}");
        assert_eq!(log["status"], message["status"], "{context}");
        assert_eq!(log["output_tokens"], message["usage"]["output_tokens"], "{context}");
        assert_eq!(log["cost_usd"], message["cost_usd"], "{context}");
        match message["status"].as_str() {
            Some("complete") => assert_eq!((status, last), (200, json!("finish")), "{context}"),
            Some("failed") if status == 200 => {
                assert_eq!(last, "error", "{context}");
                assert_eq!(log["usage_source"], "estimated", "{context}");
                assert!(seen.is_empty() || log["output_tokens"].as_u64() > Some(0), "{context}");
            }
            Some("failed") => {
                assert!((500..600).contains(&status), "{context}: {status}");
                assert_eq!(message["is_active"], false, "{context}");
            }
            other => panic!("{context}: {other:?}"),
        }
        self.goes_on(&chat, whole, body, message["status"] == "complete").await;
    }

    /// The same message gets a whole answer now, or the one that it has.
    async fn goes_on(&self, chat: &str, whole: &'static str, mut body: Value, is_answered: bool) {
        if !is_answered {
            self.provider.enqueue(Answer::Fixture(whole));
        }
        body["stream"] = json!(false);
        let answer = self.alice.generate(chat, body).await.expect(200);
        assert_eq!(answer["message"]["status"], "complete");
        let roles: Vec<_> =
            self.alice.messages(chat).await.iter().map(|m| m["role"].clone()).collect();
        assert_eq!(roles, ["user", "assistant"]);
    }
}

fn broken(whole: &str, kept: &[&str], fault: Fault) -> Answer {
    let mut body = kept.concat();
    match fault {
        Fault::Reset => return Answer::Reset(body.into()),
        Fault::CleanEnd => {}
        Fault::Error if whole.starts_with("anthropic") => body.push_str(
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\
             \"message\":\"Overloaded\"}}\n\n",
        ),
        Fault::Error => {
            body.push_str("data: {\"error\":{\"message\":\"The server had an error\"}}\n\n");
        }
        Fault::Garbage => body.push_str("data: {\"choices\":[{\"index\":0,\"del\n\n"),
    }
    Answer::Body(Bytes::from(body))
}

async fn fails_everywhere(protocol: &str, whole: &'static str) {
    let stage = stage(protocol).await;
    let text = String::from_utf8(fixture(whole)).unwrap();
    let events: Vec<&str> = text.split_inclusive("\n\n").collect();
    let shapes: Vec<_> = events.iter().map(|event| shape(event)).collect();
    // The third piece of a text is no other case than the second.
    let is_new = |count: &usize| {
        let last = &shapes[count.saturating_sub(3)..*count];
        last.len() < 3 || last.iter().any(|shape| *shape != last[0])
    };
    for fault in [Fault::Reset, Fault::CleanEnd, Fault::Error, Fault::Garbage] {
        for count in (0..events.len()).filter(is_new) {
            stage.fails_after(whole, &events[..count], fault).await;
        }
    }
}

/// What an event is, without its text: its type, and what its delta has.
fn shape(event: &str) -> (Value, Vec<String>) {
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let delta = data.pointer("/choices/0/delta").unwrap_or(&data["delta"]);
    let members = delta.as_object().map(|delta| delta.keys().cloned().collect());
    (data["type"].clone(), members.unwrap_or_default())
}

#[tokio::test]
async fn openai_fails_at_every_event() {
    fails_everywhere("openai", "openai-chat/text_stream.sse").await;
}

#[tokio::test]
async fn openai_fails_at_every_event_of_a_thought() {
    fails_everywhere("openai", "openai-chat/thinking_stream.sse").await;
}

#[tokio::test]
async fn anthropic_fails_at_every_event() {
    fails_everywhere("anthropic", "anthropic/text_stream.sse").await;
}

#[tokio::test]
async fn anthropic_fails_at_every_event_of_a_thought() {
    fails_everywhere("anthropic", "anthropic/thinking_stream.sse").await;
}

#[tokio::test]
async fn what_fails_after_the_end_is_complete_with_a_note() {
    for (protocol, whole, end) in [
        ("openai", "openai-chat/text_stream.sse", "\"finish_reason\":\"stop\""),
        ("anthropic", "anthropic/text_stream.sse", "\"stop_reason\":\"end_turn\""),
    ] {
        let stage = stage(protocol).await;
        let text = String::from_utf8(fixture(whole)).unwrap();
        let events: Vec<&str> = text.split_inclusive("\n\n").collect();
        let end = events.iter().position(|event| event.contains(end)).unwrap();
        for fault in [Fault::Reset, Fault::Error, Fault::Garbage] {
            stage.provider.enqueue(broken(whole, &events[..=end], fault));
            let chat = stage.alice.create_chat("Trip").await;
            let answer = stage.alice.ask(&chat, "Hello").await;
            let message = &answer["message"];
            assert_eq!(message["status"], "complete", "{protocol} {fault:?}");
            assert!(message["metadata"]["note"].is_string(), "{protocol} {fault:?}: {message}");
        }
    }
}

#[tokio::test]
async fn arguments_that_are_nested_too_deeply_reach_no_client() {
    let stage = stage("openai").await;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let call = |arguments: &str| {
        json!({ "tool_calls": [{ "index": 0, "id": "c1",
            "function": { "name": "nothing", "arguments": arguments } }] })
    };
    let pieces: Vec<_> =
        deep.as_bytes().chunks(999).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
    let mut events: Vec<_> = pieces.iter().map(|piece| choice(&call(piece), None)).collect();
    events.push(choice(&json!({}), Some("tool_calls")));
    stage.provider.enqueue(sse(&events));
    stage.provider.enqueue(Answer::Fixture("openai-chat/text_stream.sse"));
    let chat = stage.alice.create_chat("Trip").await;
    let path = format!("/api/ai/chat/{chat}/generate");
    let stream = stage.alice.stream(&path, json!({ "content": "Hi", "stream": true })).await;
    let frames = stream.rest().await;
    assert_eq!(frames.last().unwrap()["type"], "finish");
    let pieces = frames.iter().filter_map(|frame| frame["inputTextDelta"].as_str());
    assert_eq!(pieces.map(str::len).sum::<usize>(), "{\"a\":".len() + 63);
}

#[tokio::test]
async fn arguments_go_back_as_they_came() {
    let stage = stage("openai").await;
    let arguments = "{\"zone\": 1.0, \"b\":1e2,\"a\":\"\\u00fc\"}";
    let call = json!({ "tool_calls": [{ "index": 0, "id": "c1",
        "function": { "name": "nothing", "arguments": arguments } }] });
    stage.provider.enqueue(sse(&[choice(&call, None), choice(&json!({}), Some("tool_calls"))]));
    for _ in 0..2 {
        stage.provider.enqueue(Answer::Fixture("openai-chat/text_stream.sse"));
    }
    let chat = stage.alice.create_chat("Trip").await;
    stage.alice.ask(&chat, "Hello").await;
    stage.alice.ask(&chat, "And?").await;
    for request in &stage.provider.requests()[1..] {
        let messages = request["messages"].as_array().unwrap();
        let call =
            messages.iter().find_map(|message| message["tool_calls"][0].as_object()).unwrap();
        assert_eq!(call["function"]["arguments"], arguments);
    }
}

#[tokio::test]
async fn no_count_of_a_provider_keeps_an_answer_from_being_saved() {
    let stage = stage("openai").await;
    let details = |cached: Value| json!({ "cached_tokens": cached });
    for usage in [
        json!({ "prompt_tokens": u64::MAX, "completion_tokens": u64::MAX, "total_tokens": u64::MAX }),
        json!({ "prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": details(json!(9)),
            "completion_tokens_details": { "reasoning_tokens": 9 } }),
        json!({ "prompt_tokens": -5, "completion_tokens": 1.5, "prompt_tokens_details": details(json!("x")) }),
        json!({ "prompt_tokens": 1e300, "completion_tokens": null }),
        json!({ "prompt_tokens": 3, "completion_tokens": 2, "noise": "\u{0}".repeat(5) }),
        json!({ "prompt_tokens": 3, "completion_tokens": 2, "noise": "x".repeat(200_000) }),
        json!("nothing"),
    ] {
        let text = json!({ "choices": [{ "index": 0, "delta": { "content": "So\u{0}" } }] });
        let call = json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [{ "index": 0,
            "id": "a\u{0}", "function": { "name": "f\u{0}", "arguments": "{\"\\u0000\": \"\\u0000\"}" } }] } }] });
        let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }], "usage": usage });
        let body = format!("data: {text}\n\ndata: {call}\n\ndata: {end}\n\ndata: [DONE]\n\n");
        stage.provider.enqueue(Answer::Body(body.into()));
        stage.provider.enqueue(Answer::Fixture("openai-chat/text_stream.sse"));
        let chat = stage.alice.create_chat("Trip").await;
        let path = format!("/api/ai/chat/{chat}/generate");
        let frames = stage.alice.stream(&path, json!({ "content": "Hi", "stream": true })).await;
        let last = frames.rest().await.pop().unwrap();
        assert_eq!(last["type"], "finish", "{usage} {last}");
        let message = stage.alice.messages(&chat).await.pop().unwrap();
        assert_eq!(message["status"], "complete");
        assert!(message["content"].as_str().unwrap().starts_with("So\u{fffd}"));
    }
}

fn sse(events: &[Value]) -> Answer {
    let lines = events.iter().map(|event| format!("data: {event}\n\n"));
    Answer::Body((lines.collect::<String>() + "data: [DONE]\n\n").into())
}

fn choice(delta: &Value, finish_reason: Option<&str>) -> Value {
    json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }] })
}

#[tokio::test]
async fn one_giant_piece_is_cut_like_many_small_ones() {
    let stage = stage("openai").await;
    let giant = "ü".repeat(5 << 20);
    let pieces = ["x".repeat(4_000_000), giant.clone(), giant];
    let deltas: Vec<_> =
        pieces.iter().map(|text| choice(&json!({ "content": text }), None)).collect();
    stage.provider.enqueue(sse(&deltas));
    let chat = stage.alice.create_chat("Trip").await;
    let message = stage.alice.ask(&chat, "Hello").await["message"].clone();
    assert_eq!(
        (&message["status"], &message["finish_reason"]),
        (&json!("complete"), &json!("length"))
    );
    let length = message["content"].as_str().unwrap().len();
    assert!(((4 << 20) - 1..=4 << 20).contains(&length), "{length}");
}

#[tokio::test]
async fn calls_with_one_id_get_ids_of_their_own() {
    let stage = stage("openai").await;
    let call = |index: usize| {
        json!({ "tool_calls": [{ "index": index, "id": "c1",
            "function": { "name": "nothing", "arguments": "{}" } }] })
    };
    stage.provider.enqueue(sse(&[
        choice(&call(0), None),
        choice(&call(1), None),
        choice(&json!({}), Some("tool_calls")),
    ]));
    stage.provider.enqueue(Answer::Fixture("openai-chat/text_stream.sse"));
    let chat = stage.alice.create_chat("Trip").await;
    let message = stage.alice.ask(&chat, "Hello").await["message"].clone();
    let ids: Vec<_> = message["parts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|p| p["toolCallId"].as_str())
        .collect();
    assert_eq!(ids, ["c1", "c1_2"]);
    let sent = stage.provider.requests()[1]["messages"].clone();
    let results = sent.as_array().unwrap().iter().filter(|m| m["role"] == "tool");
    assert_eq!(results.map(|m| m["tool_call_id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn deep_parts_do_not_keep_a_chat_from_going_on() {
    let stage = stage("openai").await;
    let chat = stage.alice.create_chat("Trip").await;
    let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let deep: Value = serde_json::from_str(&deep).unwrap();
    // As a front end may store it with supabase-js.
    let row = json!({ "chat_id": chat, "role": "user", "content": "Hi",
        "parts": [{ "type": "text", "text": "Hi" }, { "type": "data-x", "data": deep }] });
    stage.alice.rest(Method::POST, "/messages", Some(row)).await.expect(201);
    stage.provider.enqueue(Answer::Fixture("openai-chat/text_stream.sse"));
    let answer = stage.alice.generate(&chat, json!({})).await.expect(200);
    assert_eq!(answer["message"]["status"], "complete");
    let sent = stage.provider.requests()[0]["messages"].to_string();
    assert!(sent.contains("Hi"), "{sent}");
}
