//! Answers in a chat, with the scripted model.

mod sdk;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{User, app, frames};

fn id(message: &Value) -> String {
    message["id"].as_str().unwrap().to_owned()
}

fn statuses(messages: &[Value]) -> Vec<String> {
    let short = |message: &Value| {
        format!("{} {}", message["role"].as_str().unwrap(), message["status"].as_str().unwrap())
    };
    messages.iter().map(short).collect()
}

async fn all_messages(user: &User, chat: &str) -> Vec<Value> {
    let path = format!("/api/messages/chat/{chat}?active=any");
    user.get(&path).await.expect(200).as_array().unwrap().clone()
}

#[tokio::test]
async fn an_answer_is_stored_with_its_question_and_usage() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let answer = alice.ask(&chat, "Hello").await;
    let messages = alice.messages(&chat).await;
    assert_eq!(statuses(&messages), ["user complete", "assistant complete"]);
    assert_eq!(messages[0], answer["user_message"]);
    assert_eq!(messages[1], answer["message"]);
    let message = &answer["message"];
    assert!(message["content"].as_str().unwrap().contains("Hello"));
    assert_eq!(message["parent_id"], answer["user_message"]["id"]);
    assert_eq!(message["model"], "scripted/demo");
    assert_eq!(message["finish_reason"], "stop");
    assert_eq!(message["usage"], answer["usage"]);
    assert_eq!(message["cost_usd"].as_f64(), Some(0.0));
    assert_eq!(message["metadata"]["usage"], answer["usage"]);

    let logs = alice.usage_logs().await;
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0]["operation"], "chat");
    assert_eq!(logs[0]["provider"], "scripted");
    assert_eq!(logs[0]["model"], "scripted/demo");
    assert_eq!(logs[0]["message_id"], message["id"]);
    assert_eq!(logs[0]["usage_source"], "reported");
    assert_eq!(logs[0]["status"], "complete");
    assert_eq!(logs[0]["input_tokens"], answer["usage"]["input_tokens"]);
    assert!(logs[0]["time_to_first_token_ms"].is_number());
}

#[tokio::test]
async fn the_stream_speaks_the_ai_sdks_protocol() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/ai/chat/{chat}/generate");
    let stream = alice.stream(&path, json!({ "content": "Hello", "stream": true })).await;
    assert_eq!(stream.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-cache"),
        ("x-vercel-ai-ui-message-stream", "v1"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(stream.headers[name], value);
    }
    let all = stream.rest().await;
    let stored = alice.messages(&chat).await.pop().unwrap();
    let text = stored["content"].as_str().unwrap();
    let delta = format!("text-delta {text}");
    assert_eq!(
        frames(&all),
        ["start", "start-step", "text-start", &delta, "text-end", "finish-step", "finish"]
    );
    assert_eq!(all[0]["messageId"], stored["id"]);
    assert_eq!(all[0]["messageMetadata"]["user_message_id"], stored["parent_id"]);
    // A price of nothing is written as 0 by the database and as 0.0 by Rust.
    let mut sent = all.last().unwrap()["messageMetadata"].clone();
    sent["cost_usd"] = stored["metadata"]["cost_usd"].clone();
    assert_eq!(sent, stored["metadata"]);
}

#[tokio::test]
async fn a_stream_is_what_the_accept_header_asks_for() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/ai/chat/{chat}/generate");
    let request = alice.request(reqwest::Method::POST, &path).json(&json!({ "content": "Hello" }));
    let response = request.header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
}

#[tokio::test]
async fn tools_and_thoughts_are_streamed_and_stored() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/ai/chat/{chat}/generate");
    let stream = alice.stream(&path, json!({ "content": "/tool", "stream": true })).await;
    let kinds: Vec<_> = frames(&stream.rest().await);
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.split(' ').next().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "start-step").count(), 2);
    for kind in ["tool-input-start", "tool-input-available", "tool-output-available", "finish"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let stored = alice.messages(&chat).await.pop().unwrap();
    let types: Vec<_> =
        stored["parts"].as_array().unwrap().iter().map(|p| p["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["step-start", "text", "tool-get_weather", "step-start", "text"]);

    let stream = alice.stream(&path, json!({ "content": "/reasoning", "stream": true })).await;
    let kinds = frames(&stream.rest().await).join(" ");
    assert!(kinds.contains("reasoning-start reasoning-delta"), "{kinds}");
}

#[tokio::test]
async fn a_failure_before_the_first_word_is_a_problem_and_the_chat_goes_on() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    for stream in [false, true] {
        let message = json!({ "content": "/error overloaded" });
        let body = json!({ "message": message, "stream": stream });
        let reply = alice.generate(&chat, body).await;
        assert_ne!(reply.header("retry-after"), "");
        assert_eq!(reply.problem(503), "provider_overloaded");
    }
    assert_eq!(statuses(&alice.messages(&chat).await), ["user complete", "user complete"]);
    let all = all_messages(&alice, &chat).await;
    assert_eq!(all.iter().filter(|message| message["status"] == "failed").count(), 2);
    let logs = alice.usage_logs().await;
    assert_eq!(logs.len(), 2);
    assert_eq!(logs[0]["status"], "failed");
    assert_eq!(logs[0]["error_code"], "provider_error");
    alice.ask(&chat, "Hello").await;
}

#[tokio::test]
async fn a_failure_after_the_first_word_keeps_what_there_is() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/ai/chat/{chat}/generate");
    let stream = alice.stream(&path, json!({ "content": "/error-late", "stream": true })).await;
    let all = stream.rest().await;
    let last = &all[all.len() - 2..];
    assert_eq!(last[0]["type"], "data-error");
    assert_eq!(last[0]["transient"], true);
    assert_eq!(last[0]["data"]["code"], "provider_failed");
    assert_eq!(last[1]["type"], "error");
    assert_eq!(last[1]["errorText"], last[0]["data"]["detail"]);
    let stored = alice.messages(&chat).await.pop().unwrap();
    assert_eq!(stored["status"], "failed");
    assert!(!stored["content"].as_str().unwrap().is_empty());
    let logs = alice.usage_logs().await;
    assert_eq!(logs[0]["usage_source"], "estimated");
    assert!(logs[0]["output_tokens"].as_u64().unwrap() > 0);

    let reply = alice.generate(&chat, json!({ "content": "/error-late" })).await;
    assert_eq!(reply.problem(502), "provider_failed");
}

#[tokio::test]
async fn the_same_message_is_answered_once() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let body = json!({ "message": { "id": Uuid::new_v4(), "content": "Hello" } });
    let first = alice.generate(&chat, body.clone()).await.expect(200);
    let again = alice.generate(&chat, body.clone()).await.expect(200);
    assert_eq!(first["message"], again["message"]);
    assert_eq!(first["user_message"], again["user_message"]);

    let path = format!("/api/ai/chat/{chat}/generate");
    let mut body = body;
    body["stream"] = json!(true);
    let replay = alice.stream(&path, body.clone()).await.rest().await;
    let text = format!("text-delta {}", first["message"]["content"].as_str().unwrap());
    assert!(frames(&replay).contains(&text));
    assert_eq!(replay[0]["messageId"], first["message"]["id"]);
    assert_eq!(alice.usage_logs().await.len(), 1);

    body["message"]["content"] = json!("Something else");
    assert_eq!(alice.generate(&chat, body).await.problem(409), "id_conflict");
}

#[tokio::test]
async fn a_failed_message_gets_one_new_attempt() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let body = json!({ "message": { "id": Uuid::new_v4(), "content": "/error-late" } });
    alice.generate(&chat, body.clone()).await.problem(502);
    alice.generate(&chat, body).await.problem(502);
    assert_eq!(alice.usage_logs().await.len(), 2);
    assert_eq!(statuses(&alice.messages(&chat).await), ["user complete", "assistant failed"]);
}

#[tokio::test]
async fn regenerating_replaces_the_answer_and_what_followed() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let first = alice.ask(&chat, "first").await;
    alice.ask(&chat, "second").await;
    let body = json!({ "regenerate": id(&first["message"]) });
    let again = alice.generate(&chat, body).await.expect(200);
    assert_ne!(again["message"]["id"], first["message"]["id"]);
    assert_eq!(again["message"]["parent_id"], first["user_message"]["id"]);
    let active = alice.messages(&chat).await;
    assert_eq!(
        active.iter().map(id).collect::<Vec<_>>(),
        [id(&first["user_message"]), id(&again["message"])]
    );
    assert_eq!(all_messages(&alice, &chat).await.len(), 5);
    let unknown = json!({ "regenerate": Uuid::new_v4() });
    assert_eq!(alice.generate(&chat, unknown).await.problem(404), "message_not_found");
}

#[tokio::test]
async fn an_edit_keeps_the_id_and_the_old_version() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let first = alice.ask(&chat, "first").await;
    let second = alice.ask(&chat, "second").await;
    let message = json!({ "id": id(&first["user_message"]), "content": "edited" });
    let body = json!({ "message": message, "trigger": "submit-message", "stream": false });
    let edited = alice.generate(&chat, body).await.expect(200);
    assert_eq!(edited["user_message"]["id"], first["user_message"]["id"]);
    assert!(edited["message"]["content"].as_str().unwrap().contains("edited"));
    let active = alice.messages(&chat).await;
    assert_eq!(active.len(), 2);
    assert_eq!(active[0]["content"], "edited");
    let all = all_messages(&alice, &chat).await;
    let old = all.iter().find(|message| message["content"] == "first").unwrap();
    assert_eq!(old["is_active"], false);
    let old_answer = all.iter().find(|message| message["id"] == first["message"]["id"]).unwrap();
    assert_eq!(old_answer["parent_id"], old["id"]);
    assert!(all.iter().any(|message| message["id"] == second["message"]["id"]));
}

#[tokio::test]
async fn without_a_message_the_newest_unanswered_one_is_answered() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    assert_eq!(alice.generate(&chat, json!({})).await.problem(422), "nothing_to_answer");
    let question = alice.add_message(&chat, "Hello").await;
    let answer = alice.generate(&chat, json!({})).await.expect(200);
    assert_eq!(answer["message"]["parent_id"], question["id"]);
    assert_eq!(alice.generate(&chat, json!({})).await.problem(422), "nothing_to_answer");
}

#[tokio::test]
async fn an_early_refusal_can_be_regenerated() {
    let app = app().await;
    let alice = app.user("alice").await;
    let question =
        json!({ "id": "msg-1", "role": "user", "parts": [{ "type": "text", "text": "Hello" }] });
    let body = json!({ "id": "new-chat", "messages": [question], "trigger": "regenerate-message", "messageId": "never-stored" });
    let all = alice.stream("/api/ai/chat", body).await.rest().await;
    assert_eq!(all.last().unwrap()["type"], "finish");
}

#[tokio::test]
async fn bad_options_are_refused_before_anything_is_stored() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    for (option, pointer) in [
        (json!({ "temperature": 3 }), "/temperature"),
        (json!({ "top_p": -0.1 }), "/top_p"),
        (json!({ "max_output_tokens": 0 }), "/max_output_tokens"),
        (json!({ "max_steps": 51 }), "/max_steps"),
        (json!({ "reasoning_effort": "extreme" }), "/reasoning_effort"),
        (json!({ "if_running": "wait" }), "/if_running"),
        (json!({ "tools": ["teleport"] }), "/tools/0"),
        (json!({ "model": "gpt-99" }), "/model"),
        (json!({ "message": { "content": "twice" } }), "/content"),
    ] {
        let mut body = json!({ "content": "Hello" });
        body.as_object_mut().unwrap().extend(option.as_object().unwrap().clone());
        let reply = alice.generate(&chat, body).await;
        assert_eq!(reply.pointers(), [pointer], "{option}");
    }
    assert_eq!(all_messages(&alice, &chat).await.len(), 0);
}

#[tokio::test]
async fn the_chats_model_and_instructions_count() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/chats/{chat}");
    alice.patch(&path, json!({ "model": "claude-opus-5-5" })).await.expect(200);
    let reply = alice.generate(&chat, json!({ "content": "Hello" })).await;
    assert_eq!(reply.problem(503), "provider_not_configured");
    let reply =
        alice.generate(&chat, json!({ "content": "Hello", "model": "scripted/demo" })).await;
    assert_eq!(reply.expect(200)["message"]["model"], "scripted/demo");
}

#[tokio::test]
async fn stateless_answers_store_nothing_but_usage() {
    let app = app().await;
    let alice = app.user("alice").await;
    let answer = alice.post("/api/ai/generate", json!({ "prompt": "Hello" })).await.expect(200);
    assert!(answer["content"].as_str().unwrap().contains("Hello"));
    assert_eq!(answer["model"], "scripted/demo");
    assert_eq!(answer["provider"], "scripted");
    assert_eq!(answer["finish_reason"], "stop");
    let messages = json!([{ "role": "system", "content": "Be brief" }, { "role": "user", "content": [{ "type": "text", "text": "Hello" }] }]);
    let body = json!({ "messages": messages, "stream": true });
    let all = alice.stream("/api/ai/generate", body).await.rest().await;
    assert_eq!(all.last().unwrap()["type"], "finish");
    let logs = alice.usage_logs().await;
    assert_eq!(logs.len(), 2);
    assert_eq!(logs[0]["operation"], "generate");
    assert_ne!(logs[0]["id"], answer["id"], "nobody knows it before the row is there");
    assert_eq!((&logs[0]["chat_id"], &logs[0]["message_id"]), (&Value::Null, &Value::Null));
    assert_eq!(alice.get("/api/chats/").await.expect(200), json!([]));
    for (body, pointer) in [
        (json!({}), "/messages"),
        (json!({ "messages": [] }), "/messages"),
        (json!({ "prompt": "a", "messages": [] }), "/prompt"),
        (json!({ "prompt": "" }), "/messages/0/content"),
        (json!({ "prompt": "a", "stop": ["a", "b", "c", "d", "e"] }), "/stop"),
        (json!({ "messages": [{ "role": "robot", "content": "a" }] }), "/messages/0/role"),
    ] {
        let reply = alice.post("/api/ai/generate", body.clone()).await;
        assert_eq!(reply.pointers(), [pointer], "{body}");
    }
}

#[tokio::test]
async fn models_are_listed_with_what_is_known() {
    let app = app().await;
    let alice = app.user("alice").await;
    let models = alice.get("/api/ai/models").await.expect(200);
    let models = models.as_array().unwrap();
    let demo = models.iter().find(|model| model["id"] == "scripted/demo").unwrap();
    assert_eq!(demo["available"], true);
    assert_eq!(demo["is_default"], true);
    let opus = models.iter().find(|model| model["id"] == "claude-opus-5-5").unwrap();
    assert_eq!(opus["provider"], "anthropic");
    assert_eq!(opus["available"], false);
    assert_eq!(opus["pricing"]["input_usd_per_mtok"], 4.0);
    assert!(opus["capabilities"].as_array().unwrap().contains(&json!("tools")));
    assert_eq!(models.iter().filter(|model| model["is_default"] == true).count(), 1);
}
