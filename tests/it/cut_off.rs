//! Answers whose run is at work, or has sent its request, although their row or their chat says otherwise.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::leases::{NEVER, SAVE, behind_a_proxy_with, crashed, stop_without_owner, until_stored};
use crate::support::{
    Answer, TestApp, UNSAVED_PATIENCE_MS, skipped_on_a_real_supabase, stage, stage_with,
};

#[tokio::test]
async fn a_chat_that_is_created_anew_waits_for_the_call_of_before() {
    let stage = stage_with(&[NEVER]).await;
    let other = stage.app.replica(&[]).await;
    let there = stage.alice.on(&other);
    let voice = stage.chunk_sender();
    voice.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    stage.until_saved().await;
    // The owner does not hear of it.
    assert_eq!(there.delete(&format!("/api/chats/{}", stage.chat)).await.status, 204);
    let question = || {
        json!({ "id": stage.chat, "stream": true,
            "message": { "id": Uuid::new_v4(), "content": "Hi again" } })
    };
    let busy = there.post("/api/ai/chat", question()).await.expect(409);
    assert_eq!(busy["code"], "generation_running");
    voice.finish();
    stream.rest().await;
    let voice = stage.chunk_sender();
    voice.say("Now");
    let mut stream = there.stream("/api/ai/chat", question()).await;
    assert_eq!(stream.until("text-delta").await["delta"], "Now");
}

#[tokio::test]
async fn a_stopped_answer_stays_stopped_when_its_owner_comes_back() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage().await;
    let (replica, proxy) = behind_a_proxy_with(&stage, &[(UNSAVED_PATIENCE_MS, "50")]).await;
    let voice = stage.chunk_sender();
    voice.say("Hel");
    let question = json!({ "content": "Hi", "stream": true });
    let mut stream = stage.alice.on(&replica).stream(&stage.path(), question).await;
    stream.until("text-delta").await;
    until_stored(&stage, "Hel").await;
    proxy.block(SAVE.0, SAVE.1);
    proxy.met_one().await;
    voice.say("lo");
    stream.until("text-delta").await;
    assert_eq!(stop_without_owner(&stage, &stage.alice).await["status"], "stopped");
    stage.app.clock.advance(Duration::from_secs(28));
    stage.provider.wait_for_disconnect().await;
    stream.rest().await;
    proxy.unblock();
    until_stored(&stage, "Hello").await;
    let message = stage.last_message().await;
    assert_eq!(
        (&message["status"], &message["finish_reason"], &message["metadata"]["error"]),
        (&json!("stopped"), &json!("stopped"), &Value::Null)
    );
}

#[tokio::test]
async fn what_has_arrived_while_a_server_was_paused_is_kept() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[NEVER]).await;
    let voice = stage.chunk_sender();
    let (alice, path) = (stage.alice.clone(), stage.path());
    let body = json!({ "content": "Hi", "stream": true });
    let answer = tokio::spawn(async move { alice.stream(&path, body).await.rest().await });
    stage.provider.until_asked(1).await;
    stage.until_saved().await;
    // The lease is over before the first word is read, and the database's is not.
    stage.app.clock.advance(Duration::from_secs(28));
    let words: Vec<_> = (0..200).map(|number| format!("{number} ")).collect();
    words.iter().for_each(|word| voice.say(word));
    voice.finish();
    answer.await.unwrap();
    let message = stage.last_message().await;
    assert_eq!(message["content"], words.concat());
    assert_eq!(message["status"], "complete", "{message}");
    let log = stage.alice.usage_logs().await.pop().unwrap();
    assert_eq!(log["usage_source"], "reported");
    assert_eq!((&log["input_tokens"], &log["output_tokens"]), (&json!(10), &json!(5)));
}

#[tokio::test]
async fn a_claim_whose_answers_were_lost_is_given_up_when_the_database_is_back() {
    let stage = stage().await;
    let (replica, proxy) = behind_a_proxy_with(&stage, &[]).await;
    let there = stage.alice.on(&replica);
    proxy.block(SAVE.0, SAVE.1);
    proxy.lose_answers("POST", "/rest/v1/rpc/begin_generation");
    let question = || json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" } });
    assert_eq!(there.generate(&stage.chat, question()).await.status, 503);
    let given_up = proxy.until_next("/rest/v1/rpc/save_generation");
    tokio::join!(given_up, async { proxy.unblock() });
    let voice = stage.chunk_sender();
    voice.say("Hello");
    voice.finish();
    let mut answer = stage.alice.generate(&stage.chat, question()).await;
    while answer.status == 409 {
        answer = stage.alice.generate(&stage.chat, question()).await;
    }
    answer.expect(200);
    assert_eq!(stage.alice.usage_logs().await.len(), 1, "what was never asked counts nothing");
}

#[tokio::test]
async fn what_a_crash_is_estimated_at_is_what_was_sent() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[NEVER]).await;
    crashed(&stage, 40_000).await;
    let totals = stage.alice.get("/api/analytics/usage").await.expect(200)["totals"].clone();
    assert_eq!(totals["input_tokens"], 20_000, "{totals}");
}

#[tokio::test]
async fn a_stop_before_the_provider_answers_counts_what_was_sent() {
    let stage = stage().await;
    stage.provider.enqueue(Answer::Silence);
    let alice = stage.alice.clone();
    let (path, stop) = (stage.path(), format!("/api/ai/chat/{}/stop", stage.chat));
    let body = json!({ "content": "x".repeat(4_000), "stream": true });
    let answer = tokio::spawn(async move { alice.stream(&path, body).await.rest().await });
    stage.provider.until_asked(1).await;
    stage.alice.poke(&stop).await.expect(200);
    answer.await.unwrap();
    let log = stage.alice.usage_logs().await.pop().unwrap();
    assert_eq!((&log["status"], &log["usage_source"]), (&json!("stopped"), &json!("estimated")));
    assert!(log["input_tokens"].as_u64() >= Some(1_000), "{log}");
}

#[tokio::test]
async fn a_call_that_breaks_before_the_provider_answers_counts_what_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 1_024]).await;
        }
    });
    let app = TestApp::with(&[("OPENAI_BASE_URL", &url), ("DEFAULT_MODEL", "gpt-6-sol")]).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let question = json!({ "content": "x".repeat(4_000) });
    alice.generate(&chat, question).await.expect(502);
    let log = alice.usage_logs().await.pop().unwrap();
    assert_eq!((&log["status"], &log["usage_source"]), (&json!("failed"), &json!("estimated")));
    assert!(log["input_tokens"].as_u64() >= Some(1_000), "{log}");
}
