//! Answers and refusals of recorded providers, as clients of this server meet them.

use serde_json::json;

use crate::support::{Answer, FakeProvider, Reply, TestApp, User};

struct Stage {
    provider: FakeProvider,
    alice: User,
    chat: String,
    // Keeps the application running.
    _app: TestApp,
}

/// An application on a provider that gives this answer, however often it is asked.
async fn stage(variable: &str, model: &str, fixture: &'static str) -> Stage {
    let provider = FakeProvider::with((0..3).map(|_| Answer::Fixture(fixture))).await;
    let key = variable.replace("BASE_URL", "API_KEY");
    let settings = [
        (variable, provider.url.as_str()),
        (key.as_str(), "sk-very-secret"),
        ("DEFAULT_MODEL", model),
    ];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    Stage { provider, alice, chat, _app: app }
}

impl Stage {
    async fn openai(fixture: &'static str) -> Self {
        stage("OPENAI_BASE_URL", "gpt-6-sol", fixture).await
    }

    async fn anthropic(fixture: &'static str) -> Self {
        stage("ANTHROPIC_BASE_URL", "claude-opus-5-5", fixture).await
    }

    async fn ask(&self) -> Reply {
        self.alice.generate(&self.chat, json!({ "content": "Hello" })).await
    }
}

#[tokio::test]
async fn both_vendors_answer_with_the_usage_they_report() {
    let openai = Stage::openai("openai-chat/text_stream.sse").await;
    let answer = openai.ask().await.expect(200);
    assert_eq!(answer["usage"]["input_tokens"], 21);
    assert_eq!(answer["message"]["metadata"]["provider"], "openai");

    let anthropic = Stage::anthropic("anthropic/text_stream.sse").await;
    let again = anthropic.ask().await.expect(200);
    assert_eq!(again["usage"]["output_tokens"], 25);
    assert_eq!(again["message"]["content"], answer["message"]["content"]);
    assert_eq!(again["message"]["model"], "claude-opus-5-5");
    assert_eq!(anthropic.provider.requests()[0]["messages"][0]["role"], "user");
}

#[tokio::test]
async fn thoughts_are_kept_with_what_must_go_back() {
    let stage = Stage::anthropic("anthropic/thinking_stream.sse").await;
    let answer = stage.ask().await.expect(200);
    let parts = answer["message"]["parts"].as_array().unwrap();
    assert_eq!(parts[1]["type"], "reasoning");
    assert!(parts[1]["providerMetadata"]["anthropic"]["opaque"].is_string());
    stage.ask().await.expect(200);
    let sent = &stage.provider.requests()[1]["messages"];
    assert_eq!(sent[1]["role"], "assistant");
    assert_eq!(sent[1]["content"][0]["type"], "thinking");
}

#[tokio::test]
async fn refusals_of_a_provider_are_told_in_our_words() {
    for (fixture, status, code) in [
        ("openai-chat/err_401.json", 502, "provider_refused"),
        ("openai-chat/err_403.json", 502, "provider_refused"),
        ("openai-chat/err_422.json", 422, "provider_rejected"),
        ("openai-chat/err_429_insufficient_quota.json", 502, "provider_quota_exceeded"),
        ("openai-chat/err_context_length.json", 422, "context_length_exceeded"),
        ("openai-chat/err_model_not_found.json", 422, "model_not_found"),
        ("compat/err_openrouter_402.json", 502, "provider_quota_exceeded"),
        ("compat/err_gemini_array.json", 502, "provider_refused"),
    ] {
        let stage = Stage::openai(fixture).await;
        let reply = stage.ask().await;
        assert!(!reply.text.contains("sk-"), "{fixture}: {}", reply.text);
        assert_eq!(reply.problem(status), code, "{fixture}");
        assert_eq!(stage.alice.messages(&stage.chat).await.len(), 1, "{fixture}");
    }
    for (fixture, status, code) in [
        ("anthropic/err_401.json", 502, "provider_refused"),
        ("anthropic/err_402_billing.json", 502, "provider_quota_exceeded"),
        ("anthropic/err_413.json", 422, "provider_request_too_large"),
        ("anthropic/err_429_spend_limit.json", 502, "provider_quota_exceeded"),
        ("anthropic/err_context_length_hand.json", 422, "context_length_exceeded"),
        ("anthropic/error_first_event.sse", 502, "provider_failed"),
    ] {
        let stage = Stage::anthropic(fixture).await;
        let reply = stage.ask().await;
        assert_eq!(reply.problem(status), code, "{fixture}");
    }
}

#[tokio::test]
async fn a_rejected_parameter_is_named() {
    let stage = Stage::openai("openai-chat/err_unsupported_param.json").await;
    let problem = stage.ask().await.expect(422);
    assert!(problem["detail"].as_str().unwrap().contains('`'), "{problem}");
}

#[tokio::test]
async fn a_silent_provider_is_given_up_with_the_request() {
    let provider = FakeProvider::with([Answer::Silence]).await;
    let settings = [
        ("OPENAI_BASE_URL", provider.url.as_str()),
        ("DEFAULT_MODEL", "local-model"),
        ("GENERATION_TIMEOUT_S", "1"),
    ];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let reply = alice.generate(&chat, json!({ "content": "Hello" })).await;
    assert_eq!(reply.problem(504), "provider_timeout");
    let log = alice.usage_logs().await.pop().unwrap();
    assert_eq!(
        (log["status"].as_str(), log["model"].as_str()),
        (Some("failed"), Some("local-model"))
    );
    // It may have accepted the question, which it has whole.
    assert_eq!(log["usage_source"], "estimated");
    assert!(log["input_tokens"].as_u64().unwrap() > 0, "{log}");
}

#[tokio::test]
async fn an_answer_without_an_end_is_a_bad_gateway() {
    let provider =
        FakeProvider::with((0..3).map(|_| Answer::Json(200, json!({ "hello": 1 })))).await;
    let settings = [("OPENAI_BASE_URL", provider.url.as_str()), ("DEFAULT_MODEL", "local-model")];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let reply = alice.generate(&chat, json!({ "content": "Hello" })).await;
    assert_eq!(reply.problem(502), "provider_truncated");
}

#[tokio::test]
async fn a_question_without_anything_to_say_is_refused_before_it_is_asked() {
    let stage = Stage::openai("openai-chat/text_stream.sse").await;
    let data = json!({ "type": "data-card", "data": { "x": 1 } });
    let blank = json!({ "type": "text", "text": " \n" });
    for parts in [json!([data]), json!([blank, { "type": "step-start" }])] {
        let reply =
            stage.alice.generate(&stage.chat, json!({ "message": { "parts": parts } })).await;
        assert_eq!(reply.pointers(), ["/message/content"], "{parts}");
        let body = json!({ "messages": [{ "role": "user", "content": parts }] });
        let reply = stage.alice.post("/api/ai/generate", body).await;
        assert_eq!(reply.pointers(), ["/messages/0/content"], "{parts}");
    }
    assert!(stage.provider.requests().is_empty());
    assert_eq!(stage.alice.messages(&stage.chat).await.len(), 0);
    let parts = json!([data, { "type": "text", "text": "Hello" }]);
    stage.alice.generate(&stage.chat, json!({ "message": { "parts": parts } })).await.expect(200);
}

/// A tool call of Gemini with its signature, and the answer to its result.
fn signed_call() -> [Answer; 2] {
    let call = json!({ "choices": [{ "index": 0, "finish_reason": "stop", "delta": { "tool_calls": [{
        "id": "", "type": "function", "function": { "name": "files", "arguments": "{\"action\":\"list\"}" },
        "extra_content": { "google": { "thought_signature": "CpcBAdHtim9" } } }] } }] });
    let call = format!("data: {call}\n\ndata: [DONE]\n\n");
    [Answer::Body(call.into()), Answer::Fixture("gemini/text_stream.sse")]
}

#[tokio::test]
async fn gemini_s_signatures_go_back_and_its_reasoning_is_counted() {
    let provider = FakeProvider::with(signed_call()).await;
    provider.set_models(json!({ "data": [{ "id": "models/gemini-3.8-flash" }] }));
    let settings = [("GEMINI_BASE_URL", provider.url.as_str()), ("GEMINI_API_KEY", "k")];
    let app = TestApp::with(&settings).await;
    app.refresh_models().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let body =
        json!({ "content": "Hello", "model": "gemini/gemini-3.8-flash", "tools": ["files"] });
    let answer = alice.generate(&chat, body.clone()).await.expect(200);
    assert_eq!(answer["message"]["content"], "Good morning ☀️.");
    assert_eq!(answer["message"]["model"], "gemini/gemini-3.8-flash");
    assert_eq!(answer["message"]["metadata"]["provider"], "gemini");
    assert_eq!(answer["usage"]["reasoning_tokens"], 54);
    provider.enqueue(Answer::Fixture("gemini/text_stream.sse"));
    alice.generate(&chat, body).await.expect(200);
    let signature = json!({ "google": { "thought_signature": "CpcBAdHtim9" } });
    for request in &provider.requests()[1..] {
        assert_eq!(request["model"], "gemini-3.8-flash");
        assert_eq!(
            request["messages"][1]["tool_calls"][0]["extra_content"], signature,
            "{request}"
        );
    }
    let checks = app.get("/health").await.expect(200)["checks"].clone();
    assert_eq!(checks["gemini"]["status"], "configured");
}
