//! OpenAI's API: what its SDKs send, and what they accept.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, FakeProvider, Reply, TestApp, User, app, live};

const COMPLETIONS: &str = "/v1/chat/completions";

/// The body of a recorded request of OpenAI's SDKs, for the scripted model.
fn recorded(name: &str) -> Value {
    let bodies: Value = serde_json::from_str(include_str!("fixtures/openai-sdk.json")).unwrap();
    bodies[name].clone()
}

/// The events of a stream.
async fn stream(user: &User, body: Value) -> Vec<String> {
    stream_of(user, COMPLETIONS, body).await
}

async fn stream_of(user: &User, path: &str, body: Value) -> Vec<String> {
    let reply = Reply::send(user.request(Method::POST, path).json(&body)).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/event-stream"));
    let events = reply.text.split_terminator("\n\n");
    events.map(|event| event.split_once("data: ").unwrap().1.to_owned()).collect()
}

#[tokio::test]
async fn recorded_requests_are_answered() {
    let app = app().await;
    let alice = app.user("alice").await;
    for name in ["chat", "tool result", "vision, file and schema"] {
        let reply = alice.post(COMPLETIONS, recorded(name)).await.expect(200);
        assert_eq!(reply["object"], "chat.completion");
        let choice = &reply["choices"][0];
        assert_eq!(choice["finish_reason"], "stop", "{name}: {reply}");
        assert_eq!(choice["message"]["role"], "assistant");
        let content = choice["message"]["content"].as_str().unwrap();
        let expected = match name {
            "chat" => "You said: “Hello”",
            "tool result" => "{\"temp\":3}",
            _ => "{\"n\":",
        };
        assert!(content.contains(expected), "{name}: {content}");
        assert_eq!(
            reply["usage"]["total_tokens"].as_u64().unwrap(),
            reply["usage"]["prompt_tokens"].as_u64().unwrap()
                + reply["usage"]["completion_tokens"].as_u64().unwrap()
        );
    }
    let logs = alice.usage_logs().await;
    assert_eq!(logs.len(), 3);
    assert!(logs.iter().all(|log| log["operation"] == "generate" && log["status"] == "complete"));
}

#[tokio::test]
async fn a_stream_is_the_chunks_that_the_sdks_accept() {
    let app = app().await;
    let alice = app.user("alice").await;
    let mut body = recorded("tools");
    body["stream"] = true.into();
    body["stream_options"] = json!({ "include_usage": true });
    body["messages"][0]["content"] = "/tool get_weather {\"city\":\"Oslo\"}".into();
    let mut events = stream(&alice, body).await;
    assert_eq!(events.pop().unwrap(), "[DONE]");
    let chunks: Vec<Value> =
        events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let same = ["id", "object", "created", "model"];
    assert!(chunks.iter().all(|chunk| same.iter().all(|key| chunk[key] == chunks[0][key])));
    assert_eq!(chunks[0]["object"], "chat.completion.chunk");
    let deltas: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    assert_eq!(*deltas[0], json!({ "role": "assistant", "content": "" }));
    let first_call = deltas.iter().position(|delta| !delta["tool_calls"].is_null()).unwrap();
    let call = &deltas[first_call]["tool_calls"][0];
    assert_eq!((&call["index"], &call["type"]), (&json!(0), &json!("function")));
    assert_eq!(call["function"], json!({ "name": "get_weather", "arguments": "" }));
    let arguments: String = deltas[first_call..]
        .iter()
        .filter_map(|delta| delta["tool_calls"][0]["function"]["arguments"].as_str())
        .collect();
    assert_eq!(arguments, "{\"city\":\"Oslo\"}");
    let [.., last, usage] = &chunks[..] else { panic!() };
    assert_eq!(last["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(last["choices"][0]["delta"], json!({}));
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert!(chunks[..chunks.len() - 1].iter().all(|chunk| chunk.get("usage").is_none()));
}

#[tokio::test]
async fn what_a_request_asks_of_tools_reaches_the_provider() {
    let provider = FakeProvider::with([Answer::Fixture("openai-chat/text_stream.sse")]).await;
    let settings = [
        ("OPENAI_BASE_URL", provider.url.as_str()),
        ("OPENAI_API_KEY", "sk-test"),
        ("DEFAULT_MODEL", "gpt-6-sol"),
    ];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let mut body = recorded("tools");
    body["model"] = "gpt-6-sol".into();
    body["parallel_tool_calls"] = false.into();
    body["tool_choice"] = json!({ "type": "function", "function": { "name": "get_weather" } });
    alice.post(COMPLETIONS, body).await.expect(200);
    let sent = &provider.requests()[0];
    assert_eq!(sent["tool_choice"]["function"]["name"], "get_weather", "{sent}");
    assert_eq!(sent["parallel_tool_calls"], false);
    assert_eq!(sent["tools"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn errors_have_openais_shape_and_statuses() {
    let app = TestApp::with(&[("MAX_GENERATE_BODY_BYTES", "4096")]).await;
    let alice = app.user("alice").await;
    let asking = |text: &str| json!({ "messages": [{ "role": "user", "content": text }] });
    let with = |key: &str, value: Value| {
        let mut body = asking("Hello");
        body[key] = value;
        body
    };
    let audio = json!([{ "role": "user", "content": [{ "type": "input_audio" }] }]);
    let orphan = json!([{ "role": "tool", "tool_call_id": "c", "content": "x" }]);
    for (body, status, kind, code, param) in [
        (with("n", json!(2)), 400, "invalid_request_error", "validation_failed", json!("n")),
        (with("model", json!("nope")), 404, "not_found_error", "model_not_found", Value::Null),
        (
            json!({ "messages": audio }),
            400,
            "invalid_request_error",
            "validation_failed",
            json!("messages[0].content[0]"),
        ),
        (
            json!({ "messages": orphan }),
            400,
            "invalid_request_error",
            "validation_failed",
            json!("messages[0].tool_call_id"),
        ),
        (
            with("tool_choice", json!("required")),
            400,
            "invalid_request_error",
            "validation_failed",
            json!("tool_choice"),
        ),
        (asking(" \n"), 400, "invalid_request_error", "validation_failed", json!("messages")),
        (
            asking("/error context_length"),
            400,
            "invalid_request_error",
            "context_length_exceeded",
            Value::Null,
        ),
        (asking("/error-late"), 502, "api_error", "provider_failed", Value::Null),
        (asking(&"x".repeat(5000)), 413, "invalid_request_error", "body_too_large", Value::Null),
    ] {
        let reply = alice.post(COMPLETIONS, body).await;
        assert_eq!(reply.status, status, "{}", reply.text);
        assert_eq!(reply.header("content-type"), "application/json");
        let no_retry = if status == 502 { "false" } else { "" };
        assert_eq!(reply.header("x-should-retry"), no_retry, "{}", reply.text);
        let error = &reply.json()["error"];
        assert_eq!((&error["type"], &error["code"]), (&json!(kind), &json!(code)), "{error}");
        assert_eq!(error["param"], param, "{error}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    let elsewhere =
        [("/v1/embeddings", 404, "route_not_found"), (COMPLETIONS, 405, "method_not_allowed")];
    for (path, status, code) in elsewhere {
        let reply = alice.get(path).await.expect(status);
        assert_eq!(reply["error"]["code"], code);
    }
    let reply = app.get("/v1/models").await;
    assert_eq!(reply.json()["error"]["type"], "authentication_error");
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn a_failure_in_a_stream_is_its_last_event() {
    let app = app().await;
    let alice = app.user("alice").await;
    let body =
        json!({ "stream": true, "messages": [{ "role": "user", "content": "/error-late" }] });
    let events = stream(&alice, body).await;
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "provider_failed");
    assert!(!events.iter().any(|event| event.contains("\"finish_reason\":\"stop\"")));
}

#[tokio::test]
async fn models_are_found_by_the_id_they_are_listed_with() {
    let app = app().await;
    let alice = app.user("alice").await;
    let list = alice.get("/v1/models").await.expect(200);
    assert_eq!(list["object"], "list");
    let model = &list["data"][0];
    assert_eq!(model["id"], "scripted/demo");
    assert_eq!(alice.get("/v1/models/scripted%2Fdemo").await.expect(200), *model);
    let missing = alice.get("/v1/models/nope").await.expect(404);
    assert_eq!(missing["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_answer() {
    let provider = FakeProvider::with([]).await;
    let settings = [("OPENAI_BASE_URL", provider.url.as_str()), ("DEFAULT_MODEL", "gpt-6-sol")];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let (sender, answer) = live();
    provider.enqueue(answer);
    let text = json!({ "choices": [{ "delta": { "content": "Hi" } }] });
    sender.send(format!("data: {text}\n\n").into()).unwrap();
    let body = json!({ "stream": true, "messages": [{ "role": "user", "content": "Hello" }] });
    let request = alice.request(Method::POST, COMPLETIONS).json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    drop(response);
    provider.wait_for_disconnect().await;
}

#[tokio::test]
async fn limits_say_whether_waiting_helps() {
    let app = TestApp::with(&[("GENERATIONS_PER_MINUTE", "1"), ("DAILY_TOKEN_LIMIT", "100")]).await;
    let alice = app.user("alice").await;
    for (code, should_retry) in [("daily_limit_exceeded", "false"), ("generation_rate_limited", "")]
    {
        let reply = alice.post(COMPLETIONS, recorded("chat")).await;
        assert_eq!((reply.status, reply.header("x-should-retry")), (429, should_retry));
        assert_ne!(reply.header("retry-after"), "");
        let error = &reply.json()["error"];
        assert_eq!((&error["code"], &error["type"]), (&json!(code), &json!("rate_limit_error")));
    }
}

#[tokio::test]
async fn responses_are_answered_without_being_stored() {
    let app = app().await;
    let alice = app.user("alice").await;
    let path = "/v1/responses";
    let response = alice.post(path, recorded("responses")).await.expect(200);
    assert_eq!(
        (&response["object"], &response["status"]),
        (&json!("response"), &json!("completed"))
    );
    let text = response["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("The tool `get_weather` answered"), "{text}");
    let refused = json!({ "input": "Hello", "previous_response_id": "resp_1" });
    let refused = alice.post(path, refused).await.expect(400);
    assert_eq!(refused["error"]["param"], "previous_response_id");

    let tools = json!([{ "type": "function", "name": "f", "parameters": { "type": "object" } }]);
    let body = json!({ "stream": true, "input": "/tool f {\"a\":1}", "tools": tools });
    let events = stream_of(&alice, path, body).await;
    let events: Vec<Value> =
        events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let numbers: Vec<_> = events.iter().map(|event| event["sequence_number"].clone()).collect();
    assert_eq!(numbers, (0..events.len()).map(Value::from).collect::<Vec<_>>());
    let mut kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!(output[1]["arguments"], "{\"a\":1}");
    assert_eq!(output[1]["call_id"], events[events.len() - 2]["item"]["call_id"]);
}
