//! The daily limit of tokens: nothing is overspent, whoever asks how, and nothing stays reserved.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::support::{
    Answer, CHECKPOINT_EVERY_MS, FakeProvider, Reply, TestApp, User, live,
    skipped_on_a_real_supabase, until_found,
};

/// What an answer with a cap of 100 tokens and a short question reserves: the cap and 128 around it.
const ONE: u64 = 228;

struct Limited {
    app: TestApp,
    provider: FakeProvider,
    alice: User,
}

async fn limited(tokens: u64) -> Limited {
    limited_with(tokens, &[]).await
}

async fn limited_with(tokens: u64, more: &[(&str, &str)]) -> Limited {
    let provider = FakeProvider::with([]).await;
    let limit = tokens.to_string();
    let settings = [
        ("OPENAI_BASE_URL", provider.url.as_str()),
        ("DEFAULT_MODEL", "gpt-6-sol"),
        ("DAILY_TOKEN_LIMIT", &limit),
    ];
    let app = TestApp::with(&[&settings, more].concat()).await;
    let alice = app.user("alice").await;
    Limited { app, provider, alice }
}

/// The sender of a model's answer.
type ChunkSender = mpsc::UnboundedSender<bytes::Bytes>;

/// Says something and reports 10 tokens in and 5 out.
fn finish(sender: &ChunkSender) {
    let frames = [
        json!({ "choices": [{ "index": 0, "delta": { "content": "Hello" } }] }).to_string(),
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }).to_string(),
        json!({ "choices": [], "usage": { "prompt_tokens": 10, "completion_tokens": 5 } })
            .to_string(),
        "[DONE]".to_owned(),
    ];
    for frame in frames {
        sender.send(format!("data: {frame}\n\n").into()).unwrap();
    }
}

impl Limited {
    fn chunk_sender(&self) -> ChunkSender {
        let (sender, answer) = live();
        self.provider.enqueue(answer);
        sender
    }

    async fn daily_tokens(&self) -> Value {
        let usage = self.alice.get("/api/analytics/usage").await.expect(200);
        usage["daily_tokens"].clone()
    }
}

fn question() -> Value {
    json!({ "content": "Hi", "max_output_tokens": 100 })
}

/// Sends a question that nobody waits for.
fn ask(user: &User, chat: &str) -> tokio::task::JoinHandle<Reply> {
    let (user, chat) = (user.clone(), chat.to_owned());
    tokio::spawn(async move { user.generate(&chat, question()).await })
}

#[tokio::test]
async fn of_64_at_once_ten_run() {
    let limit = 10 * ONE + ONE / 2;
    let limited = limited(limit).await;
    let other = limited.app.replica(&[]).await;
    let voices: Vec<_> = (0..10).map(|_| limited.chunk_sender()).collect();
    let (sender, mut replies) = mpsc::unbounded_channel();
    for number in 0..64 {
        let user = if number % 2 == 0 { limited.alice.clone() } else { limited.alice.on(&other) };
        let sender = sender.clone();
        tokio::spawn(async move {
            let chat = user.create_chat("Trip").await;
            // Every third request belongs to no chat.
            let reply = match number % 3 {
                0 => {
                    let body = json!({ "prompt": "Hi", "max_output_tokens": 100 });
                    user.post("/api/ai/generate", body).await
                }
                _ => user.generate(&chat, question()).await,
            };
            sender.send(reply).unwrap();
        });
    }
    for _ in 0..54 {
        assert_eq!(replies.recv().await.unwrap().problem(429), "daily_limit_exceeded");
    }
    let tokens = limited.daily_tokens().await;
    // A prompt is estimated at a token more than the same question in a chat.
    let reserved = tokens["reserved"].as_u64().unwrap();
    assert!((10 * ONE..=10 * ONE + 10).contains(&reserved), "{tokens}");
    assert_eq!((&tokens["used"], &tokens["remaining"]), (&json!(0), &json!(limit - reserved)));
    voices.iter().for_each(finish);
    for _ in 0..10 {
        replies.recv().await.unwrap().expect(200);
    }
    assert_eq!(limited.provider.requests().len(), 10);
    let tokens = limited.daily_tokens().await;
    assert_eq!((&tokens["used"], &tokens["reserved"]), (&json!(150), &json!(0)));
}

#[tokio::test]
async fn a_refusal_says_when_it_ends_and_leaves_no_trace() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let limited = limited(100).await;
    let id = Uuid::new_v4();
    let body = json!({ "id": id, "message": { "content": "Hi" }, "stream": false });
    let reply = limited.alice.post("/api/ai/chat", body.clone()).await;
    assert_eq!(reply.header("retry-after"), "57600");
    assert_eq!(reply.header("ratelimit"), "\"daily-tokens\";r=100;t=57600");
    assert_eq!(reply.header("ratelimit-policy"), "\"daily-tokens\";q=100;w=86400");
    let problem = reply.json();
    assert_eq!((&problem["limit"], &problem["remaining"]), (&json!(100), &json!(100)));
    assert_eq!(problem["resets_at"], "2027-01-16T00:00:00Z");
    assert_eq!(reply.problem(429), "daily_limit_exceeded");
    assert_eq!(limited.alice.get("/api/chats/").await.expect(200), json!([]));
    let prompt = json!({ "prompt": "Hi" });
    let reply = limited.alice.post("/api/ai/generate", prompt).await;
    assert_eq!(reply.problem(429), "daily_limit_exceeded");
    assert_eq!(limited.daily_tokens().await["reserved"], 0);
}

#[tokio::test]
async fn tokens_are_full_again_the_next_day() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let limited = limited(ONE + 10).await;
    let chat = limited.alice.create_chat("Trip").await;
    finish(&limited.chunk_sender());
    limited.alice.generate(&chat, question()).await.expect(200);
    assert_eq!(limited.daily_tokens().await["used"], 15);
    let reply = limited.alice.generate(&chat, question()).await;
    assert_eq!(reply.problem(429), "daily_limit_exceeded");
    // The access token ends after an hour.
    limited.app.clock.advance(Duration::from_secs(16 * 3600));
    let tomorrow = limited.alice.refreshed(&limited.app).await;
    finish(&limited.chunk_sender());
    tomorrow.generate(&chat, question()).await.expect(200);
}

#[tokio::test]
async fn a_cap_that_was_not_asked_for_fits_what_is_left() {
    let limited = limited(1_000).await;
    let chat = limited.alice.create_chat("Trip").await;
    finish(&limited.chunk_sender());
    limited.alice.generate(&chat, json!({ "content": "Hi" })).await.expect(200);
    assert_eq!(limited.provider.requests()[0]["max_tokens"], 1_000 - 128);
}

#[tokio::test]
async fn plain_rest_access_frees_nothing() {
    // No checkpoint but the first, so that the owner does not hear of the stop.
    let limited = limited_with(ONE + 50, &[(CHECKPOINT_EVERY_MS, "3600000")]).await;
    let alice = &limited.alice;
    let chat = alice.create_chat("Trip").await;
    let sender = limited.chunk_sender();
    let running = ask(alice, &chat);
    let saved = async || {
        let row = alice.messages(&chat).await.pop();
        row.filter(|row| !row["metadata"]["provider"].is_null())
    };
    let row = until_found("a checkpoint names the provider", saved).await;
    let message = row["id"].as_str().unwrap().to_owned();
    let path = format!("/messages?id=eq.{message}");
    let stored = alice.rest(Method::GET, &format!("{path}&select=*"), None).await.expect(200);
    let digest = stored[0]["run_id"].clone();
    let call = |function: &'static str, arguments: Value| async move {
        alice.rest(Method::POST, &format!("/rpc/{function}"), Some(arguments)).await
    };
    // The row is the user's, its reservation is not.
    let forged = json!({ "lease_expires_at": "2020-01-01T00:00:00Z", "usage": {} });
    alice.rest(Method::PATCH, &path, Some(forged)).await.expect(200);
    call("request_stop", json!({ "p_chat_id": chat })).await.expect(200);
    let end = json!({ "status": "complete", "usage_log": null });
    for run in [&digest, &json!(Uuid::new_v4())] {
        let save =
            json!({ "p_message_id": message, "p_run": run, "p_chat_id": chat, "p_end": end });
        call("save_generation", save).await.expect(200);
    }
    let begin = json!({ "p_chat_id": chat, "p_run": Uuid::new_v4(), "p_message_id": Uuid::new_v4(),
        "p_user_message": { "id": Uuid::new_v4(), "content": "x", "parts": [] } });
    call("begin_generation", begin).await.expect(200);
    for tokens in [json!(-1_000_000), json!("9000000000")] {
        let reserve = json!({ "limit": tokens, "input_tokens": tokens, "output_tokens": tokens,
            "min_output_tokens": tokens });
        call("reserve_tokens", json!({ "p_run": digest, "p_reserve": reserve })).await;
    }
    for table in ["token_reservations", "private.token_reservations"] {
        let reply = alice.rest(Method::DELETE, &format!("/{table}"), None).await;
        assert_eq!(reply.status, 404, "{}", reply.text);
    }
    let usage = json!({ "id": digest, "operation": "chat", "provider": "p", "model": "m",
        "usage_source": "reported", "status": "complete" });
    let reply = alice.rest(Method::POST, "/usage_logs", Some(usage)).await;
    assert_eq!(reply.status, 403, "{}", reply.text);
    let tokens = limited.daily_tokens().await;
    assert!(tokens["reserved"].as_u64().unwrap() >= ONE, "{tokens}");
    let other = alice.create_chat("Other").await;
    let reply = alice.generate(&other, question()).await;
    assert_eq!(reply.problem(429), "daily_limit_exceeded");
    finish(&sender);
    running.await.unwrap();
    let used = |tokens: &Value| tokens["used"].as_u64().unwrap();
    assert!(used(&limited.daily_tokens().await) >= 15);
}

#[tokio::test]
async fn what_a_crash_leaves_reserved_lapses() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let limited = limited(10 * ONE).await;
    let reserve = |run: Uuid| {
        let reserve = json!({ "limit": 10 * ONE, "input_tokens": 128, "output_tokens": 100 });
        json!({ "p_run": run, "p_reserve": reserve })
    };
    let runs = [Uuid::new_v4(), Uuid::new_v4()];
    let calls =
        runs.map(|run| limited.alice.rest(Method::POST, "/rpc/reserve_tokens", Some(reserve(run))));
    join_all(calls).await;
    let saved = json!({ "p_run": runs[0], "p_message_id": Uuid::nil(), "p_chat_id": Uuid::nil(),
        "p_usage": { "input_tokens": 7, "output_tokens": 4 } });
    limited.alice.rest(Method::POST, "/rpc/save_generation", Some(saved)).await.expect(200);
    assert_eq!(limited.daily_tokens().await["reserved"], 2 * ONE);
    limited.app.clock.advance(Duration::from_secs(30));
    // What both are estimated to have sent counts, which is more than the first has told.
    let tokens = limited.daily_tokens().await;
    assert_eq!((&tokens["reserved"], &tokens["used"]), (&json!(0), &json!(2 * 128)));
}

#[tokio::test]
async fn without_a_limit_nothing_is_told() {
    let app = crate::support::app().await;
    let alice = app.user("alice").await;
    let usage = alice.get("/api/analytics/usage").await.expect(200);
    assert_eq!(usage["daily_tokens"], Value::Null);
}

#[tokio::test]
async fn a_later_call_is_reserved_for_too() {
    let limited = limited(ONE + 20).await;
    let provider = &limited.provider;
    let call = json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [{ "index": 0, "id": "a",
        "function": { "name": "get_weather", "arguments": "{}" } }] } }] });
    let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "tool_calls" }],
        "usage": { "prompt_tokens": 80, "completion_tokens": 100 } });
    provider
        .enqueue(Answer::Body(format!("data: {call}\n\ndata: {end}\n\ndata: [DONE]\n\n").into()));
    let chat = limited.alice.create_chat("Trip").await;
    let reply = limited.alice.generate(&chat, question()).await;
    assert_eq!(reply.problem(429), "daily_limit_exceeded");
    assert_eq!(provider.requests().len(), 1);
    let tokens = limited.daily_tokens().await;
    assert_eq!((&tokens["used"], &tokens["reserved"]), (&json!(180), &json!(0)));
}
