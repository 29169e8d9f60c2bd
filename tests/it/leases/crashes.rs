//! Crashed answers are accounted by what was sent.

use reqwest::Method;
use serde_json::{Value, json};

use super::{LAPSE, NEVER, crashed};
use crate::support::{Answer, User, skipped_on_a_real_supabase, stage, stage_with};

/// The usage that the API counts.
async fn counted(user: &User) -> Value {
    user.get("/api/analytics/usage").await.expect(200)["totals"].clone()
}

#[tokio::test]
async fn a_crash_in_the_first_seconds_counts_what_was_sent() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[NEVER]).await;
    let message = crashed(&stage, 40_000).await;
    let totals = counted(&stage.alice).await;
    let tokens = totals["input_tokens"].as_u64().unwrap();
    assert!((20_000..21_000).contains(&tokens), "{totals}");
    let log = stage.alice.usage_logs().await.pop().unwrap();
    assert_eq!((&log["message_id"], &log["provider"]), (&message["id"], &json!("openai")));
    assert_eq!(
        (&log["status"], &log["usage_source"]),
        (&json!("interrupted"), &json!("estimated"))
    );
    assert_eq!(counted(&stage.alice).await, totals, "once");
}

#[tokio::test]
async fn a_crash_in_a_chat_that_is_deleted_is_counted() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[NEVER]).await;
    crashed(&stage, 400).await;
    // As a front end may do it with supabase-js.
    let chat = format!("/chats?id=eq.{}", stage.chat);
    stage.alice.rest(Method::DELETE, &chat, None).await;
    assert_eq!(stage.alice.usage_logs().await, [] as [Value; 0]);
    let other = stage.alice.create_chat("Other").await;
    assert_eq!(stage.alice.delete(&format!("/api/chats/{other}")).await.status, 204);
    let log = stage.alice.usage_logs().await.pop().unwrap();
    assert!(log["chat_id"].is_null() && log["input_tokens"].as_u64() >= Some(200), "{log}");
}

#[tokio::test]
async fn a_crash_of_a_stateless_answer_is_counted() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[NEVER]).await;
    let voice = stage.chunk_sender();
    voice.say("Hello");
    let body = json!({ "prompt": "x".repeat(4_000), "stream": true });
    let mut stream = stage.alice.stream("/api/ai/generate", body).await;
    stream.until("text-delta").await;
    // The first checkpoint may be on its way.
    let mut tokens = Some(0);
    while tokens == Some(0) {
        stage.app.clock.advance(LAPSE);
        tokens = counted(&stage.alice).await["input_tokens"].as_u64();
    }
    assert!(tokens >= Some(1_000), "{tokens:?}");
    // It was only slow: its report takes the estimate's place.
    voice.finish();
    stream.rest().await;
    let logs = stage.alice.usage_logs().await;
    assert_eq!((logs.len(), &logs[0]["usage_source"]), (1, &json!("reported")));
    assert_eq!(logs[0]["operation"], "generate");
}

#[tokio::test]
async fn zeros_are_no_report() {
    let stage = stage().await;
    let chunk = json!({ "choices": [{ "index": 0, "delta": { "content": "x".repeat(16_889) },
        "finish_reason": "stop" }], "usage": { "prompt_tokens": 0, "completion_tokens": 0 } });
    stage.provider.enqueue(Answer::Body(format!("data: {chunk}\n\ndata: [DONE]\n\n").into()));
    let answer = stage.alice.ask(&stage.chat, "How are you today?").await;
    assert_eq!(answer["usage"]["output_tokens"], 4_223);
    assert!(answer["usage"]["input_tokens"].as_u64() > Some(0));
    let log = stage.alice.usage_logs().await.pop().unwrap();
    assert_eq!(log["usage_source"], "estimated");
}
