//! Messages that wait for the answer that is being written: `if_running: "queue"`.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    CHECKPOINT_EVERY_MS, ChunkSender, Stage, User, frames, skipped_on_a_real_supabase, stage,
    stage_with, until,
};

fn queued(id: Uuid, text: &str) -> Value {
    json!({ "message": { "id": id, "content": text }, "if_running": "queue" })
}

async fn contents(user: &User, chat: &str) -> Vec<String> {
    let messages = user.messages(chat).await;
    messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

async fn until_shown(user: &User, chat: &str, expected: &[&str]) {
    let waiting = async {
        loop {
            let shown = contents(user, chat).await;
            if shown == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(20), waiting).await.is_err() {
        panic!("{:?}, not {expected:?}", contents(user, chat).await);
    }
}

/// A chat in which an answer is being written.
async fn writing(stage: &Stage) -> ChunkSender {
    let voice = stage.chunk_sender();
    voice.say("A0");
    let mut stream = stage.stream(json!({ "content": "Q0" })).await;
    stream.until("text-delta").await;
    voice
}

fn say(stage: &Stage, text: &str) {
    let voice = stage.chunk_sender();
    voice.say(text);
    voice.finish();
}

#[tokio::test]
async fn messages_are_answered_one_after_another() {
    let stage = stage_with(&[(CHECKPOINT_EVERY_MS, "10")]).await;
    let (alice, chat) = (&stage.alice, &stage.chat);
    let voice = writing(&stage).await;
    until_shown(alice, chat, &["Q0", "A0"]).await;
    let ids: Vec<_> = (0..3).map(|_| Uuid::new_v4()).collect();
    for (id, text) in ids.iter().zip(["Q1", "Q2", "Q3"]) {
        let reply = alice.generate(chat, queued(*id, text)).await.expect(202);
        assert_eq!(reply["queued"], true);
        assert_eq!(reply["user_message"]["id"], id.to_string());
        assert_eq!(reply["user_message"]["metadata"], json!({ "queued": true }));
    }
    // Sent again it waits once; it can be changed and deleted.
    alice.generate(chat, queued(ids[0], "Q1")).await.expect(202);
    let path = |id: Uuid| format!("/api/messages/{id}");
    alice.patch(&path(ids[0]), json!({ "content": "Q1 changed" })).await.expect(200);
    assert_eq!(alice.delete(&path(ids[1])).await.status, 204);
    assert_eq!(contents(alice, chat).await, ["Q0", "A0", "Q1 changed", "Q3"]);
    say(&stage, "A1");
    let last = stage.chunk_sender();
    voice.finish();
    until_shown(alice, chat, &["Q0", "A0", "Q1 changed", "A1", "Q3", ""]).await;
    last.say("A3");
    last.finish();
    until_shown(alice, chat, &["Q0", "A0", "Q1 changed", "A1", "Q3", "A3"]).await;
    stage.until("complete").await;
    let messages = alice.messages(chat).await;
    assert_eq!(messages[2]["metadata"], json!({}), "it waits no more");
    let parents: Vec<_> = messages.iter().skip(1).map(|m| m["parent_id"].clone()).collect();
    let before: Vec<_> = messages.iter().map(|message| message["id"].clone()).collect();
    assert_eq!(parents, before[..5]);
    let requests = stage.provider.requests();
    assert_eq!(requests.len(), 3);
    let asked = requests[1]["messages"].to_string();
    assert!(
        asked.contains("Q1 changed") && asked.contains("A0") && !asked.contains("Q3"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_stream_that_waits_becomes_the_stream_of_its_own_answer() {
    let stage = stage().await;
    let voice = writing(&stage).await;
    let replica = stage.app.replica(&[]).await;
    let there = stage.alice.on(&replica);
    let body = |text: &str| {
        json!({ "id": stage.chat, "trigger": "submit-message", "if_running": "queue",
            "messages": [{ "id": Uuid::new_v4(), "role": "user",
                "parts": [{ "type": "text", "text": text }] }] })
    };
    // One on each replica: whoever is first answers, and each listener gets its own answer.
    let first = stage.alice.stream("/api/ai/chat", body("Q1")).await;
    let second = there.stream("/api/ai/chat", body("Q2")).await;
    assert_eq!(first.headers["x-resumable-stream-id"], stage.chat.as_str());
    say(&stage, "A1");
    say(&stage, "A2");
    voice.finish();
    for (stream, text) in [(first, "A1"), (second, "A2")] {
        let shown = frames(&stream.rest().await);
        assert!(shown.contains(&format!("text-delta {text}")), "{text}: {shown:?}");
        assert_eq!(shown.last().unwrap(), "finish");
    }
    assert_eq!(contents(&stage.alice, &stage.chat).await, ["Q0", "A0", "Q1", "A1", "Q2", "A2"]);
    assert_eq!(stage.provider.requests().len(), 3, "each is answered once");
}

#[tokio::test]
async fn what_waits_outlives_its_server() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[(CHECKPOINT_EVERY_MS, "3600000")]).await;
    let (alice, chat) = (&stage.alice, &stage.chat);
    let voice = writing(&stage).await;
    stage.until_saved().await;
    // A server that takes the message and is gone then.
    let gone = stage.app.replica(&[]).await;
    let body =
        json!({ "message": { "content": "Q1" }, "if_running": "queue", "model": "gpt-6-luna" });
    alice.on(&gone).generate(chat, body).await.expect(202);
    gone.shut_down().await;
    drop(gone);
    // So is the one that writes.
    stage.app.clock.advance(Duration::from_secs(30));
    let replica = stage.app.replica(&[]).await;
    let there = alice.on(&replica);
    assert_eq!(there.messages(chat).await.len(), 3);
    say(&stage, "A1");
    let mut shown = there.resume(chat).await;
    // First the answer that was cut off, unless it was read above.
    if shown.until("start").await["messageMetadata"]["model"] != "gpt-6-luna" {
        shown.rest().await;
        there.messages(chat).await;
        until("an answer runs", async || there.resume(chat).await.status != 204).await;
    }
    until_shown(&there, chat, &["Q0", "", "Q1", "A1"]).await;
    let asked = stage.provider.requests().pop().unwrap();
    assert_eq!(asked["model"], "gpt-6-luna", "as it was asked for");
    drop(voice);
}

#[tokio::test]
async fn the_limits_of_a_queue() {
    let stage = stage().await;
    let (alice, chat) = (&stage.alice, &stage.chat);
    let voice = writing(&stage).await;
    let answered = alice.messages(chat).await[1]["id"].clone();
    for _ in 0..10 {
        alice.generate(chat, queued(Uuid::new_v4(), "Q")).await.expect(202);
    }
    let full = alice.generate(chat, queued(Uuid::new_v4(), "Q")).await;
    assert_eq!(full.problem(409), "queue_full");
    // Only new messages wait.
    let again = json!({ "regenerate": answered, "if_running": "queue" });
    assert_eq!(alice.generate(chat, again).await.problem(409), "generation_running");
    let long = json!({ "content": "Q", "if_running": "queue", "system": "x".repeat(99_000),
        "tools": vec!["x".repeat(200); 800] });
    assert_eq!(alice.generate(chat, long).await.status, 422);
    for message in alice.messages(chat).await.iter().skip(2) {
        let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
        assert_eq!(alice.delete(&path).await.status, 204);
    }
    voice.finish();
    stage.until("complete").await;
    assert_eq!(stage.provider.requests().len(), 1);
    // Where nothing is being written nothing waits.
    say(&stage, "A1");
    alice.generate(chat, queued(Uuid::new_v4(), "Q1")).await.expect(200);
}
