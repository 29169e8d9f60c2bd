//! Answers whose server cannot reach the database, or has crashed: nothing is lost, doubled or unaccounted.

mod crashes;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    CHECKPOINT_EVERY_MS, FakeProvider, Proxy, Stage, TestApp, UNSAVED_PATIENCE_MS, User,
    skipped_on_a_real_supabase, stage, stage_with, until,
};

/// Longer than a lease.
const LAPSE: Duration = Duration::from_secs(30);

/// No checkpoint but the first.
pub(crate) const NEVER: (&str, &str) = (CHECKPOINT_EVERY_MS, "3600000");

pub(crate) const SAVE: (&str, &str) = ("POST", "/rest/v1/rpc/save_");

/// A replica that reaches the stage's Supabase through a proxy.
async fn behind_a_proxy(stage: &Stage) -> (TestApp, Proxy) {
    behind_a_proxy_with(stage, &[]).await
}

pub(crate) async fn behind_a_proxy_with(stage: &Stage, more: &[(&str, &str)]) -> (TestApp, Proxy) {
    let proxy = Proxy::to(&stage.app).await;
    let settings = [
        ("SUPABASE_URL", proxy.url.as_str()),
        ("SUPABASE_PUBLIC_URL", &stage.app.supabase_url),
        (CHECKPOINT_EVERY_MS, "5"),
    ];
    (stage.app.replica(&[&settings, more].concat()).await, proxy)
}

/// Reads the chat until its answer has this text.
pub(crate) async fn until_stored(stage: &Stage, text: &str) {
    until(text, async || stage.last_message().await["content"] == text).await;
}

#[tokio::test]
async fn an_owner_that_cannot_renew_ends_its_call_and_saves_later() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage().await;
    let (replica, proxy) = behind_a_proxy_with(&stage, &[(UNSAVED_PATIENCE_MS, "50")]).await;
    let voice = stage.chunk_sender();
    voice.say("Hel");
    let question = json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" }, "stream": true });
    let mut stream = stage.alice.on(&replica).stream(&stage.path(), question.clone()).await;
    stream.until("text-delta").await;
    until_stored(&stage, "Hel").await;
    proxy.block(SAVE.0, SAVE.1);
    proxy.met_one().await;
    voice.say("lo");
    stream.until("text-delta").await;
    stage.app.clock.advance(Duration::from_secs(28));
    // Nobody else may ask yet when this call has ended.
    stage.provider.wait_for_disconnect().await;
    assert_eq!(stage.last_message().await["status"], "streaming");
    assert_eq!(stream.until("data-error").await["data"]["code"], "database_unreachable");
    stage.app.clock.advance(LAPSE);
    assert_eq!(stage.last_message().await["status"], "interrupted");
    proxy.unblock();
    until_stored(&stage, "Hello").await;
    let message = stage.last_message().await;
    assert_eq!(message["status"], "interrupted");
    let log = stage.alice.usage_logs().await.pop().unwrap();
    assert_eq!(
        (&log["status"], &log["error_code"]),
        (&json!("interrupted"), &json!("database_error"))
    );
    assert!(log["output_tokens"].as_u64() > Some(0), "{log}");
}

#[tokio::test]
async fn an_outage_of_twenty_seconds_costs_nothing() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage().await;
    let (replica, proxy) = behind_a_proxy(&stage).await;
    let voice = stage.chunk_sender();
    voice.say("Hel");
    let body = json!({ "content": "Hi", "stream": true });
    let mut stream = stage.alice.on(&replica).stream(&stage.path(), body).await;
    stream.until("text-delta").await;
    until_stored(&stage, "Hel").await;
    proxy.block(SAVE.0, SAVE.1);
    proxy.met_one().await;
    stage.app.clock.advance(Duration::from_secs(20));
    voice.say("lo");
    stream.until("text-delta").await;
    assert_eq!(stage.last_message().await["status"], "streaming");
    proxy.unblock();
    until_stored(&stage, "Hello").await;
    voice.finish();
    assert_eq!(stream.rest().await.pop().unwrap()["type"], "finish");
    assert_eq!(stage.last_message().await["status"], "complete");
}

#[tokio::test]
async fn a_claim_that_was_replaced_meanwhile_stays_replaced() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage().await;
    let (replica, proxy) = behind_a_proxy(&stage).await;
    let voice = stage.chunk_sender();
    voice.say("One");
    let question = json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" }, "stream": true });
    let mut stream = stage.alice.on(&replica).stream(&stage.path(), question.clone()).await;
    stream.until("text-delta").await;
    proxy.block(SAVE.0, SAVE.1);
    proxy.met_one().await;
    stage.app.clock.advance(LAPSE);
    stage.provider.wait_for_disconnect().await;
    let second = stage.chunk_sender();
    second.say("Two");
    let mut again = stage.stream(question).await;
    again.until("text-delta").await;
    proxy.unblock();
    second.finish();
    assert_eq!(again.rest().await.pop().unwrap()["type"], "finish");
    let messages = stage.alice.messages(&stage.chat).await;
    assert_eq!((messages.len(), &messages[1]["content"]), (2, &json!("Two")));
}

/// An answer of which only the first checkpoint comes, to a question with as many bytes.
pub(crate) async fn crashed(stage: &Stage, bytes: usize) -> Value {
    let voice = stage.chunk_sender();
    let body = json!({ "content": "x".repeat(bytes), "system": "y".repeat(bytes), "stream": true });
    let alice = stage.alice.clone();
    let path = stage.path();
    tokio::spawn(async move { alice.stream(&path, body).await.rest().await });
    stage.provider.until_asked(1).await;
    stage.until_saved().await;
    // It is kept, silent, to the end of the test.
    std::mem::forget(voice);
    let message = stage.last_message().await;
    stage.app.clock.advance(LAPSE);
    message
}

#[tokio::test]
async fn a_server_that_starts_frees_its_own_leases_only() {
    if skipped_on_a_real_supabase("a server of its own") {
        return;
    }
    let stage = stage_with(&[NEVER]).await;
    let replica = stage.app.replica(&[]).await;
    let there = stage.alice.on(&replica);
    let elsewhere = there.create_chat("Elsewhere").await;
    let path = format!("/api/ai/chat/{elsewhere}/generate");
    let question = json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" }, "stream": true });
    let voices = [stage.chunk_sender(), stage.chunk_sender(), stage.chunk_sender()];
    voices.iter().for_each(|voice| voice.say("Hello"));
    let mut other = there.stream(&path, json!({ "content": "Hi", "stream": true })).await;
    other.until("text-delta").await;
    let mut own = stage.stream(question.clone()).await;
    own.until("text-delta").await;
    // The first save with content would renew the lease.
    stage.until_saved().await;
    stage.app.release_own_leases().await;
    let statuses = [stage.last_message().await, there.messages(&elsewhere).await.remove(1)]
        .map(|message| message["status"].clone());
    assert_eq!(statuses, ["interrupted", "streaming"]);
    // Nobody has to wait for the lease to lapse.
    let mut again = there.stream(&stage.path(), question).await;
    assert_eq!(again.until("text-delta").await["delta"], "Hello");
}

#[tokio::test]
async fn nothing_runs_is_said_only_when_it_is_known() {
    let stage = stage().await;
    let (replica, proxy) = behind_a_proxy(&stage).await;
    let there = stage.alice.on(&replica);
    let voice = stage.chunk_sender();
    voice.say("Hello");
    let question = json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" }, "stream": true });
    let mut here = stage.stream(question.clone()).await;
    let start = here.until("start").await;
    // The same message is on its way to the database from there, where it will find that it is answered.
    proxy.hold("POST", "/rest/v1/rpc/begin_generation");
    let path = stage.path();
    let repeated = there.stream(&path, question);
    let resumed = async {
        proxy.met_one().await;
        let resume = there.resume(&stage.chat);
        let release = async {
            tokio::task::yield_now().await;
            proxy.unblock();
        };
        tokio::join!(resume, release).0
    };
    let (mut repeated, mut resumed) = tokio::join!(repeated, resumed);
    assert_eq!(resumed.status, 200);
    assert_eq!(resumed.until("start").await["messageId"], start["messageId"]);
    assert_eq!(repeated.until("start").await["messageId"], start["messageId"]);
}

/// Stops an answer whose owner does not hear of it.
pub(crate) async fn stop_without_owner(stage: &Stage, user: &User) -> Value {
    let stop = format!("/api/ai/chat/{}/stop", stage.chat);
    let stopping = user.poke(&stop);
    let time = async {
        let path = format!(
            "/messages?select=stop_requested_at&chat_id=eq.{}&role=eq.assistant",
            stage.chat
        );
        let asked = async || stage.alice.rest(Method::GET, &path, None).await.expect(200);
        let is_asked = async || !asked().await[0]["stop_requested_at"].is_null();
        until("the stop is asked for", is_asked).await;
        stage.app.clock.advance(Duration::from_secs(5));
    };
    let (stopped, ()) = tokio::join!(stopping, time);
    stopped.expect(200)
}

#[tokio::test]
async fn a_stop_after_the_owners_death_ends_the_answer() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage_with(&[NEVER]).await;
    let voice = stage.chunk_sender();
    voice.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    stage.until_saved().await;
    let other = stage.app.replica(&[]).await;
    let there = stage.alice.on(&other);
    assert_eq!(stop_without_owner(&stage, &there).await["status"], "stopped");
    // The owner may only be cut off: until its lease ends nothing else is asked in this chat.
    let question = json!({ "content": "And now?", "stream": true });
    let busy = there.post(&stage.path(), question.clone()).await.expect(409);
    assert_eq!(busy["code"], "generation_running");
    // Had the owner only been slow, its last word would count all the same.
    voice.finish();
    stream.rest().await;
    let message = stage.last_message().await;
    assert_eq!((&message["status"], &message["content"]), (&json!("complete"), &json!("Hello")));
    let voice = stage.chunk_sender();
    voice.say("Now");
    assert_eq!(
        there.stream(&stage.path(), question).await.until("text-delta").await["delta"],
        "Now"
    );
}

#[tokio::test]
async fn deleting_the_question_ends_its_answer() {
    let stage = stage_with(&[(CHECKPOINT_EVERY_MS, "5")]).await;
    let other = stage.app.replica(&[]).await;
    for deletes in [stage.alice.clone(), stage.alice.on(&other)] {
        let voice = stage.chunk_sender();
        voice.say("Hello");
        let id = Uuid::new_v4();
        let body = json!({ "message": { "id": id, "content": "Hi" } });
        let mut stream = stage.stream(body).await;
        stream.until("text-delta").await;
        assert_eq!(deletes.delete(&format!("/api/messages/{id}")).await.status, 204);
        stage.provider.wait_for_disconnect().await;
        assert_eq!(stream.rest().await.pop().unwrap()["type"], "abort");
        assert_eq!(stage.last_message().await["status"], "stopped");
    }
    assert_eq!(stage.alice.usage_logs().await.len(), 2);
}

#[tokio::test]
async fn who_follows_from_elsewhere_learns_what_failed() {
    let stage = stage().await;
    let other = stage.app.replica(&[]).await;
    let voice = stage.chunk_sender();
    voice.say("Hello");
    let mut here = stage.stream(json!({ "content": "Hi" })).await;
    here.until("text-delta").await;
    let mut there = stage.alice.on(&other).resume(&stage.chat).await;
    there.until("start").await;
    drop(voice);
    let here = here.until("data-error").await["data"]["code"].clone();
    assert_eq!(here, "provider_truncated");
    assert_eq!(there.until("data-error").await["data"]["code"], here);
}

#[tokio::test]
async fn a_client_that_only_stops_sending_gets_its_answer() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let stage = stage().await;
    let voice = stage.chunk_sender();
    let body = json!({ "content": "Hi" }).to_string();
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        stage.path(),
        stage.alice.token,
        body.len()
    );
    let address = stage.app.url.strip_prefix("http://").unwrap();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    stage.provider.until_asked(1).await;
    voice.say("Hello");
    voice.finish();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("Hello"), "{answer}");
}

#[tokio::test]
async fn a_title_that_a_shutdown_cuts_off_is_accounted() {
    let provider = FakeProvider::with([]).await;
    let settings = [
        ("OPENAI_BASE_URL", provider.url.as_str()),
        ("DEFAULT_MODEL", "scripted/demo"),
        ("TITLE_MODEL", "gpt-6-sol"),
    ];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let (voice, answer) = crate::support::live();
    provider.enqueue(answer);
    voice
        .send("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"A tr\"}}]}\n\n".into())
        .unwrap();
    let body = json!({ "id": Uuid::new_v4(), "message": { "content": "Hi" }, "stream": false });
    alice.post("/api/ai/chat", body).await.expect(200);
    provider.until_asked(1).await;
    app.shut_down().await;
    provider.wait_for_disconnect().await;
    let logs = alice.usage_logs().await;
    let title = logs.iter().find(|log| log["operation"] == "title").expect("a title's usage");
    assert_eq!(
        (&title["status"], &title["error_code"]),
        (&json!("interrupted"), &json!("server_shutdown"))
    );
}
