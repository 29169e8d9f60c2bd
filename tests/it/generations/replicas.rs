//! Answers that are followed, stopped and cut off elsewhere.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::support::{
    CHECKPOINT_EVERY_MS, Outcome, frames, project, skipped_on_a_real_supabase, stage, stage_with,
};

#[tokio::test]
async fn who_cannot_stop_the_others_learns_what_runs() {
    let project = project().await;
    let running = Uuid::new_v4().to_string();
    let busy = json!({ "answer": "busy", "message_id": running });
    let stopped = json!({ "running": false, "message": null });
    project.supabase.always("/rest/v1/rpc/begin_generation", Outcome::json(200, &busy));
    project.supabase.always("/rest/v1/rpc/request_stop", Outcome::json(200, &stopped));
    let question = json!({ "content": "Hi", "if_running": "stop" });
    let reply = project.user().generate(&Uuid::new_v4().to_string(), question).await;
    assert_eq!(reply.json()["message_id"], running);
    assert_eq!(reply.problem(409), "generation_running");
}

#[tokio::test]
async fn a_shutdown_saves_what_there_is() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    stage.app.shut_down().await;
    let rest = stream.rest().await;
    let kinds = frames(&rest);
    assert_eq!(kinds[kinds.len() - 2..], ["data-error", "error"]);
    assert_eq!(rest[rest.len() - 2]["data"]["code"], "shutting_down");
    let message = stage.last_message().await;
    assert_eq!(message["status"], "interrupted");
    assert_eq!(message["content"], "Hello");
    assert_eq!(message["finish_reason"], "server_shutdown");
}

#[tokio::test]
async fn an_answer_on_another_replica_can_be_followed_and_stopped() {
    let stage = stage().await;
    let other = stage.app.replica(&[]).await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let body = json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" } });
    let mut here = stage.stream(body.clone()).await;
    here.until("text-delta").await;

    let there = stage.alice.on(&other);
    let mut resumed = there.resume(&stage.chat).await;
    let mut repeated = body.clone();
    repeated["stream"] = json!(true);
    let mut repeated = there.stream(&stage.path(), repeated).await;
    let start = resumed.until("start").await;
    assert_eq!(repeated.until("start").await["messageId"], start["messageId"]);

    let stop = format!("/api/ai/chat/{}/stop", stage.chat);
    let message = there.poke(&stop).await.expect(200);
    assert_eq!(message["status"], "stopped");
    assert_eq!(message["content"], "Hello");
    stage.provider.wait_for_disconnect().await;
    for stream in [here, resumed, repeated] {
        assert_eq!(stream.rest().await.last().unwrap()["type"], "abort");
    }
    assert_eq!(stage.provider.requests().len(), 1);
    assert_eq!(stage.alice.usage_logs().await.len(), 1);
}

#[tokio::test]
async fn a_lapsed_answer_reads_interrupted_and_the_chat_goes_on() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[(CHECKPOINT_EVERY_MS, "3600000")]).await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let body = json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" } });
    let mut stream = stage.stream(body.clone()).await;
    stream.until("text-delta").await;
    // The checkpoint of the start is the last one.
    stage.until_saved().await;
    // The database's clock goes on, and nobody renews the lease.
    stage.app.clock.advance(Duration::from_secs(30));
    let message = stage.last_message().await;
    assert_eq!(message["status"], "interrupted");

    let other = stage.app.replica(&[]).await;
    let second = stage.chunk_sender();
    second.say("Hello again");
    second.finish();
    let there = stage.alice.on(&other);
    let answer = there.post(&stage.path(), body).await.expect(200);
    assert_eq!(answer["message"]["content"], "Hello again");
    let logs = stage.alice.usage_logs().await;
    assert_eq!(logs.len(), 2);
    assert_eq!(logs[0]["status"], "interrupted");
    assert_eq!(logs[0]["usage_source"], "estimated");
    // What still reaches the first replica is not written: the answer is not its own any more.
    sender.finish();
    let rest = stream.rest().await;
    assert!(rest[rest.len() - 2]["data"]["code"].is_string(), "{rest:?}");
    assert_eq!(stage.alice.messages(&stage.chat).await.len(), 2);
    assert_eq!(stage.alice.usage_logs().await.len(), 2);
}
