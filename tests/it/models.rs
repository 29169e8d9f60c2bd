//! Which models there are, which one answers when another is down, and who finds titles.

use serde_json::{Value, json};

use crate::support::{Answer, FakeProvider, Frames, TestApp, User, live};

async fn listed(alice: &User, id: &str) -> Option<Value> {
    let models = alice.get("/api/ai/models").await.expect(200);
    models.as_array().unwrap().iter().find(|model| model["id"] == id).cloned()
}

#[tokio::test]
async fn the_list_tells_what_a_server_offers() {
    let provider = FakeProvider::with([Answer::Fixture("openai-chat/text_stream.sse")]).await;
    provider.set_models(json!({ "data": [{ "id": "Qwen/Qwen3-8B", "max_model_len": 32768 }] }));
    let app =
        TestApp::with(&[("OPENAI_BASE_URL", provider.url.as_str()), ("DEFAULT_MODEL", "llama3.2")])
            .await;
    let alice = app.user("alice").await;
    app.refresh_models().await;
    let qwen = listed(&alice, "Qwen/Qwen3-8B").await.unwrap();
    assert_eq!(
        (&qwen["context_window"], &qwen["available"], &qwen["pricing"]),
        (&json!(32768), &json!(true), &Value::Null)
    );
    // The server is not OpenAI and does not have this one.
    assert_eq!(listed(&alice, "gpt-6-sol").await.unwrap()["available"], false);
    for id in ["Qwen/Qwen3-8B", "openai/Qwen/Qwen3-8B"] {
        provider.enqueue(Answer::Fixture("openai-chat/text_stream.sse"));
        let body = json!({ "model": id, "prompt": "Hello" });
        let answer = alice.post("/api/ai/generate", body).await.expect(200);
        assert_eq!(
            (&answer["model"], &answer["cost_usd"]),
            (&json!("Qwen/Qwen3-8B"), &Value::Null)
        );
    }
    assert_eq!(provider.requests()[0]["model"], "Qwen/Qwen3-8B");
}

#[tokio::test]
async fn settings_must_name_models_that_can_be_asked() {
    for (variable, value) in [
        ("DEFAULT_MODEL", "gpt-6-sol"),
        ("TITLE_MODEL", "scripted/dema"),
        ("FALLBACK_MODELS", "scripted/demo, claude-opus-5-5"),
    ] {
        let error = TestApp::refused(&[(variable, value)]).await;
        assert!(error.starts_with(&format!("{variable}: ")), "{error}");
    }
}

/// An application on two providers: OpenAI's model is the default, Anthropic's stands by.
struct Pair {
    openai: FakeProvider,
    anthropic: FakeProvider,
    alice: User,
    chat: String,
    _app: TestApp,
}

async fn pair(openai: &[&'static str], anthropic: &[&'static str]) -> Pair {
    let openai = FakeProvider::with(openai.iter().map(|name| Answer::Fixture(name))).await;
    let anthropic = FakeProvider::with(anthropic.iter().map(|name| Answer::Fixture(name))).await;
    let app = TestApp::with(&[
        ("OPENAI_BASE_URL", openai.url.as_str()),
        ("ANTHROPIC_BASE_URL", anthropic.url.as_str()),
        ("DEFAULT_MODEL", "gpt-6-sol"),
        ("FALLBACK_MODELS", "gpt-6-sol, claude-opus-5-5"),
    ])
    .await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    Pair { openai, anthropic, alice, chat, _app: app }
}

#[tokio::test]
async fn another_model_answers_when_one_is_down() {
    let down = "openai-chat/err_429_retry_after_ms.json";
    let pair = pair(&[down, down, down], &["anthropic/text_stream.sse"]).await;
    let answer = pair.alice.ask(&pair.chat, "Hello").await;
    let message = &answer["message"];
    assert_eq!(
        (&message["model"], &message["metadata"]["provider"]),
        (&json!("claude-opus-5-5"), &json!("anthropic"))
    );
    let logs = pair.alice.usage_logs().await;
    assert_eq!(logs.len(), 1);
    assert_eq!(
        (&logs[0]["provider"], &logs[0]["usage_source"]),
        (&json!("anthropic"), &json!("reported"))
    );
    assert_eq!(logs[0]["cost_usd"], answer["cost_usd"]);
    assert!(answer["cost_usd"].as_f64().unwrap() > 0.0);
    assert_eq!((pair.openai.requests().len(), pair.anthropic.requests().len()), (3, 1));
}

#[tokio::test]
async fn a_refusal_is_no_reason_to_ask_another_model() {
    let pair = pair(&["openai-chat/err_422.json"], &[]).await;
    pair.alice.generate(&pair.chat, json!({ "content": "Hello" })).await.problem(422);
    assert!(pair.anthropic.requests().is_empty());
}

#[tokio::test]
async fn nobody_else_finishes_what_one_model_has_begun() {
    let pair = pair(&["openai-chat/error_midstream.sse"], &[]).await;
    let reply = pair.alice.generate(&pair.chat, json!({ "content": "Hello" })).await;
    assert!(reply.status >= 500);
    assert!(pair.anthropic.requests().is_empty());
    assert_eq!(pair.alice.messages(&pair.chat).await[1]["status"], "failed");
}

async fn title(alice: &User, chat: &str) -> Value {
    alice.get(&format!("/api/chats/{chat}")).await.expect(200)["title"].clone()
}

async fn stream(alice: &User, chat: &str, text: &str) -> Frames {
    let body = json!({ "content": text, "stream": true });
    alice.stream(&format!("/api/ai/chat/{chat}/generate"), body).await
}

#[tokio::test]
async fn a_title_of_the_users_own_stays() {
    let app = TestApp::with(&[]).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let frames = stream(&alice, &chat, "Hello").await.rest().await;
    assert!(frames.iter().all(|frame| frame["type"] != "data-chat-title"));
    assert_eq!(title(&alice, &chat).await, "Trip");
}

struct TitledChat {
    alice: User,
    chat: String,
    title: Value,
    _app: TestApp,
}

/// Asks a model that answers only once the title has come; the chat with its title.
async fn generate_title(settings: &[(&str, &str)], asked: &str) -> TitledChat {
    let (sender, answer) = live();
    let openai = FakeProvider::with([answer]).await;
    let mut all = vec![("OPENAI_BASE_URL", openai.url.as_str()), ("DEFAULT_MODEL", "gpt-6-sol")];
    all.extend(settings);
    let app = TestApp::with(&all).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("New chat").await;
    let begin = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"So\"}}]}\n\n";
    sender.send(begin.into()).unwrap();
    let mut frames = stream(&alice, &chat, asked).await;
    let titled = frames.until("data-chat-title").await["data"]["title"].clone();
    sender.send("data: [DONE]\n\n".into()).unwrap();
    frames.rest().await;
    assert_eq!(title(&alice, &chat).await, titled);
    TitledChat { alice, chat, title: titled, _app: app }
}

#[tokio::test]
async fn a_new_chat_is_named_after_its_question() {
    let titled = generate_title(&[], "## Plan a *trip*\nplease").await;
    assert_eq!(titled.title, "Plan a *trip");
    let path = format!("/api/chats/{}", titled.chat);
    titled.alice.patch(&path, json!({ "title": "Rome" })).await.expect(200);
    let again = json!({ "content": "And then?", "model": "scripted/demo" });
    titled.alice.generate(&titled.chat, again).await.expect(200);
    assert_eq!(title(&titled.alice, &titled.chat).await, "Rome");
}

#[tokio::test]
async fn a_model_can_find_the_title() {
    let asked = "what is the weather like in rome today";
    let titled = generate_title(&[("TITLE_MODEL", "scripted/demo")], asked).await;
    assert_eq!(titled.title, "What is the weather like in");
    let logs = titled.alice.usage_logs().await;
    let log = logs.iter().find(|log| log["operation"] == "title").unwrap();
    assert_eq!((&log["chat_id"], &log["usage_source"]), (&json!(titled.chat), &json!("reported")));
}

#[tokio::test]
async fn a_title_that_no_model_finds_is_taken_from_the_question() {
    let anthropic = FakeProvider::with([Answer::Fixture("anthropic/err_401.json")]).await;
    let titled = generate_title(
        &[("TITLE_MODEL", "claude-haiku-5"), ("ANTHROPIC_BASE_URL", &anthropic.url)],
        "Plan a trip",
    )
    .await;
    assert_eq!(titled.title, "Plan a trip");
}

#[tokio::test]
async fn what_cannot_be_an_id_of_a_model_is_unknown() {
    let app = TestApp::with(&[
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9"),
    ])
    .await;
    let alice = app.user("alice").await;
    for model in ["openai/", "anthropic/", " ", "openai/ ", "a\0b", "openai/a\nb"] {
        let body = json!({ "model": model, "prompt": "Hello" });
        let reply = alice.post("/api/ai/generate", body).await;
        assert_eq!(reply.status, 422, "{model:?}: {}", reply.text);
    }
}

#[tokio::test]
async fn several_compatible_servers_answer_under_their_names() {
    let text = "openai-chat/text_stream.sse";
    let [one, two] =
        [FakeProvider::with([Answer::Fixture(text)]).await, FakeProvider::with([]).await];
    two.set_models(json!({ "data": [{ "id": "qwen" }] }));
    let app = TestApp::with(&[
        ("OPENAI_COMPATIBLE_ONE_BASE_URL", one.url.as_str()),
        ("OPENAI_COMPATIBLE_ONE_MODELS", "meta/llama, mixtral"),
        ("OPENAI_COMPATIBLE_TWO_BASE_URL", two.url.as_str()),
        ("DEFAULT_MODEL", "one/meta/llama"),
    ])
    .await;
    let alice = app.user("alice").await;
    app.refresh_models().await;
    for (id, is_default) in [("one/meta/llama", true), ("one/mixtral", false), ("two/qwen", false)]
    {
        let model = listed(&alice, id).await.expect(id);
        assert_eq!((&model["available"], &model["is_default"]), (&json!(true), &json!(is_default)));
        assert_eq!(model["provider"], id.split('/').next().unwrap());
    }
    let answer = alice.post("/api/ai/generate", json!({ "prompt": "Hello" })).await.expect(200);
    assert_eq!((&answer["model"], &answer["provider"]), (&json!("one/meta/llama"), &json!("one")));
    assert_eq!(one.requests()[0]["model"], "meta/llama");
    two.enqueue(Answer::Fixture(text));
    let body = json!({ "model": "two/qwen", "prompt": "Hello" });
    alice.post("/api/ai/generate", body).await.expect(200);
    assert_eq!(two.requests()[0]["model"], "qwen");
    let logs = alice.usage_logs().await;
    let mut billed: Vec<_> = logs.iter().map(|log| log["provider"].as_str().unwrap()).collect();
    billed.sort_unstable();
    assert_eq!(billed, ["one", "two"]);
    let checks = app.get("/health").await.expect(200)["checks"].clone();
    assert_eq!(checks["one"]["status"], "configured");
    assert_eq!(checks["openai"]["status"], "not_configured");
}

#[tokio::test]
async fn a_name_that_is_taken_stops_the_server() {
    let error =
        TestApp::refused(&[("OPENAI_COMPATIBLE_OPENAI_BASE_URL", "http://localhost:9")]).await;
    assert!(error.starts_with("OPENAI_COMPATIBLE_OPENAI_BASE_URL: another provider"), "{error}");
}
