//! Answers and the token of their user.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    CHECKPOINT_EVERY_MS, ChunkSender, Frames, Stage, TestApp, User, skipped_on_a_real_supabase,
    stage_with,
};

/// An answer that has begun on a replica without a service key, 40 s before the end of its user's token.
async fn answering(stage: &Stage) -> (TestApp, User, ChunkSender, Frames) {
    let replica = stage.app.replica(&[]).await;
    let alice = stage.alice.on(&replica);
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let body = json!({ "content": "Hi", "stream": true });
    replica.clock.advance(Duration::from_secs(3600 - 40));
    let mut stream = alice.stream(&stage.path(), body).await;
    stream.until("text-delta").await;
    (replica, alice, sender, stream)
}

#[tokio::test]
async fn an_answer_ends_before_its_token_does() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[(CHECKPOINT_EVERY_MS, "5")]).await;
    let (replica, _, _sender, mut stream) = answering(&stage).await;
    replica.clock.advance(Duration::from_secs(26));
    let problem = stream.until("data-error").await;
    assert_eq!(problem["data"]["code"], "token_expired");
    let message = stage.last_message().await;
    assert_eq!(
        (&message["status"], &message["finish_reason"], &message["content"]),
        (&json!("interrupted"), &json!("token_expired"), &json!("Hello"))
    );
    stage.provider.wait_for_disconnect().await;
}

#[tokio::test]
async fn a_fresher_token_carries_an_answer_on() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[(CHECKPOINT_EVERY_MS, "5")]).await;
    let (replica, alice, sender, mut stream) = answering(&stage).await;
    let fresher = alice.refreshed(&stage.app).await;
    fresher.get("/api/chats/").await.expect(200);
    replica.clock.advance(Duration::from_secs(26));
    sender.say(" there");
    stream.until("text-delta").await;
    sender.finish();
    assert_eq!(stream.rest().await.last().unwrap()["type"], "finish");
    let messages = fresher.refreshed(&stage.app).await.messages(&stage.chat).await;
    assert_eq!(messages[1]["content"], "Hello there");
}
