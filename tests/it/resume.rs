//! What a client that comes back to a chat is shown: running answers, and ended ones that were not read.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    CHECKPOINT_EVERY_MS, Frames, Proxy, Stage, User, frames, skipped_on_a_real_supabase, stage,
    stage_with, until, until_found,
};

const MARK: &str = "/rest/v1/rpc/mark_answer_read";

/// Has an answer end while nobody listens. Nothing has read it.
async fn ended(stage: &Stage) {
    let voice = stage.chunk_sender();
    voice.say("Hel");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    drop(stream);
    voice.say("lo");
    voice.finish();
    until_status(stage, "complete").await;
}

/// Reads the table, which marks nothing, until the newest answer has this status.
async fn until_status(stage: &Stage, status: &str) -> Value {
    let look = async || Some(newest_row(stage).await).filter(|row| row["status"] == status);
    until_found(status, look).await
}

async fn newest_row(stage: &Stage) -> Value {
    let path = format!(
        "/messages?chat_id=eq.{}&role=eq.assistant&order=created_at.desc&limit=1",
        stage.chat
    );
    stage.alice.rest(Method::GET, &path, None).await.expect(200)[0].clone()
}

async fn whole(frames: Frames) -> Vec<Value> {
    assert_eq!(frames.status, 200);
    frames.rest().await
}

/// Comes back until there is nothing to show: marks are saved beside the answers to requests.
async fn until_nothing_is_shown(user: &User, chat: &str) {
    until("nothing is shown", async || user.resume(chat).await.status == 204).await;
}

#[tokio::test]
async fn an_ended_answer_is_shown_until_it_is_read() {
    let stage = stage().await;
    ended(&stage).await;
    let replica = stage.app.replica(&[]).await;
    let there = stage.alice.on(&replica);
    let row = newest_row(&stage).await;
    // To have been shown is not to have arrived.
    for user in [&stage.alice, &there, &stage.alice] {
        let shown = whole(user.resume(&stage.chat).await).await;
        assert_eq!(shown[0]["messageId"], row["id"]);
        assert_eq!(shown[0]["messageMetadata"], row["metadata"]);
        assert_eq!(
            frames(&shown),
            [
                "start",
                "start-step",
                "text-start",
                "text-delta Hello",
                "text-end",
                "finish-step",
                "finish"
            ]
        );
    }
    assert_eq!(stage.alice.messages(&stage.chat).await.len(), 2);
    // The page that has read them asks for the stream at once.
    assert_eq!(stage.alice.resume(&stage.chat).await.status, 204);
    until_nothing_is_shown(&there, &stage.chat).await;
    assert_eq!(newest_row(&stage).await, row, "reading changes no message");
    // What comes after it is unread again.
    ended(&stage).await;
    assert_eq!(there.resume(&stage.chat).await.status, 200);
}

#[tokio::test]
async fn failed_stopped_and_interrupted_answers_are_shown_with_their_end() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[(CHECKPOINT_EVERY_MS, "10")]).await;
    let replica = stage.app.replica(&[]).await;
    let there = stage.alice.on(&replica);
    for (status, end) in [("failed", "error"), ("stopped", "abort"), ("interrupted", "error")] {
        let voice = stage.chunk_sender();
        voice.say("Half");
        let mut stream = stage.stream(json!({ "content": "Hi" })).await;
        stream.until("text-delta").await;
        drop(stream);
        match status {
            "failed" => drop(voice),
            "stopped" => {
                let stop = format!("/api/ai/chat/{}/stop", stage.chat);
                stage.alice.poke(&stop).await.expect(200);
            }
            _ => stage.app.shut_down().await,
        }
        until_status(&stage, status).await;
        let shown = frames(&whole(there.resume(&stage.chat).await).await);
        assert!(shown.contains(&"text-delta Half".to_owned()), "{status}: {shown:?}");
        assert_eq!(shown.last().unwrap(), end, "{status}");
    }
}

#[tokio::test]
async fn an_answer_whose_server_died_is_shown_as_far_as_it_was_saved() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[(CHECKPOINT_EVERY_MS, "3600000")]).await;
    let voice = stage.chunk_sender();
    voice.say("Half");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    // What has been saved is the checkpoint of the start, and nobody renews the lease.
    stage.app.clock.advance(Duration::from_secs(30));
    let replica = stage.app.replica(&[]).await;
    let there = stage.alice.on(&replica);
    let shown = frames(&whole(there.resume(&stage.chat).await).await);
    assert_eq!(shown.last().unwrap(), "error", "{shown:?}");
    there.messages(&stage.chat).await;
    until_nothing_is_shown(&there, &stage.chat).await;
    drop(voice);
}

#[tokio::test]
async fn an_answer_is_shown_for_a_day() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage().await;
    ended(&stage).await;
    stage.app.clock.advance(Duration::from_secs(86_399));
    let alice = stage.alice.refreshed(&stage.app).await;
    assert_eq!(alice.resume(&stage.chat).await.status, 200);
    stage.app.clock.advance(Duration::from_secs(2));
    assert_eq!(alice.resume(&stage.chat).await.status, 204);
}

#[tokio::test]
async fn what_counts_as_reading() {
    let stage = stage().await;
    let (chat, alice) = (&stage.chat, &stage.alice);
    ended(&stage).await;
    let list = format!("/api/messages/chat/{chat}");
    // Without the newest message, and what others are refused.
    let bob = stage.app.user("bob").await;
    for path in [format!("{list}?limit=1"), format!("/api/chats/{chat}"), "/api/chats/".to_owned()]
    {
        alice.get(&path).await.expect(200);
        bob.get(&path).await;
    }
    assert_eq!(bob.resume(chat).await.status, 404);
    assert_eq!(alice.resume(chat).await.status, 200);
    for path in
        [format!("{list}?limit=1&order=desc"), format!("/api/chats/{chat}?include=messages")]
    {
        let read = alice.get(&path).await.expect(200);
        assert!(!read.to_string().contains("unread_answer"), "{read}");
        until_nothing_is_shown(alice, chat).await;
        ended(&stage).await;
        assert_eq!(alice.resume(chat).await.status, 200);
    }
    // Who has waited for the answer has it.
    let voice = stage.chunk_sender();
    voice.say("Hello");
    voice.finish();
    alice.ask(chat, "And?").await;
    until_nothing_is_shown(alice, chat).await;
    // A question without an answer is not shown as one.
    ended(&stage).await;
    alice.add_message(chat, "Next").await;
    assert_eq!(alice.resume(chat).await.status, 204);
}

#[tokio::test]
async fn a_mark_that_cannot_be_saved_costs_a_repetition() {
    if skipped_on_a_real_supabase("a proxy before the local one") {
        return;
    }
    let mut stage = stage().await;
    let proxy = Proxy::to(&stage.app).await;
    let public = ("SUPABASE_PUBLIC_URL", stage.app.supabase_url.as_str());
    let replica = stage.app.replica(&[("SUPABASE_URL", &proxy.url), public]).await;
    stage.alice = stage.alice.on(&replica);
    ended(&stage).await;
    proxy.block("POST", MARK);
    assert_eq!(stage.alice.messages(&stage.chat).await.len(), 2);
    proxy.met_one().await;
    let is_shown = async || stage.alice.resume(&stage.chat).await.status == 200;
    until("the answer is shown", is_shown).await;
    proxy.unblock();
    stage.alice.messages(&stage.chat).await;
    until_nothing_is_shown(&stage.alice, &stage.chat).await;
    let marks = proxy.count(MARK);
    stage.alice.messages(&stage.chat).await;
    assert_eq!(proxy.count(MARK), marks, "once for each answer");
}

#[tokio::test]
async fn a_client_that_counts_gets_the_rest() {
    let stage = stage().await;
    ended(&stage).await;
    let path = format!("/api/ai/chat/{}/stream", stage.chat);
    let resume = async |last: &str| {
        let request = stage.alice.request(Method::GET, &path).header("last-event-id", last);
        request.send().await.unwrap().text().await.unwrap()
    };
    let all = resume("").await;
    let upto = all.find("\"text-delta\"").unwrap();
    let id = all[..upto].rsplit("id: ").next().unwrap().lines().next().unwrap().to_owned();
    let rest = resume(&id).await;
    assert!(all.ends_with(&rest) && rest.contains("text-end") && !rest.contains("Hello"), "{rest}");
    assert!(!stage.alice.get(&path).await.text.contains("id: "), "{path}");
}
