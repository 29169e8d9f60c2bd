//! Generations belong to the server: what happens when clients leave, come back, stop and repeat.

mod replicas;
mod tokens;

use serde_json::json;
use uuid::Uuid;

use crate::support::{Answer, Proxy, UNSAVED_PATIENCE_MS, frames, stage, until, until_found};

#[tokio::test]
async fn an_answer_is_finished_though_nobody_listens() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hel");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    drop(stream);
    sender.say("lo");
    sender.finish();
    let message = stage.until("complete").await;
    assert_eq!(message["content"], "Hello");
    assert_eq!(message["usage"]["total_tokens"], 15);
    assert_eq!(stage.alice.usage_logs().await.len(), 1);
}

#[tokio::test]
async fn while_it_runs_the_message_is_streaming() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    let start = stream.until("start").await;
    let message = stage.last_message().await;
    assert_eq!(message["id"], start["messageId"]);
    assert_eq!(message["status"], "streaming");
    let path = format!("/api/messages/{}", message["id"].as_str().unwrap());
    let change = stage.alice.patch(&path, json!({ "content": "Mine" })).await;
    assert_eq!(change.problem(409), "message_streaming");
    sender.finish();
    stream.rest().await;
    stage.alice.patch(&path, json!({ "content": "Mine" })).await.expect(200);
}

#[tokio::test]
async fn a_returning_listener_gets_everything_from_the_start() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hel");
    let mut first = stage.stream(json!({ "content": "Hi" })).await;
    first.until("text-delta").await;
    sender.say("lo");
    first.until("text-delta").await;
    let mut second = stage.alice.resume(&stage.chat).await;
    assert_eq!(second.until("text-delta").await["delta"], "Hello");
    sender.say(" there");
    sender.finish();
    let rest = frames(&second.rest().await).join(" ");
    assert!(rest.starts_with("text-delta  there text-end finish-step finish"), "{rest}");
    assert_eq!(first.rest().await.last().unwrap()["type"], "finish");
    stage.last_message().await;
    let nothing = stage.alice.resume(&stage.chat).await;
    assert_eq!(nothing.status, 204, "it has read the answer");
}

#[tokio::test]
async fn repeats_join_the_answer_that_is_being_written() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let body = json!({ "message": { "id": Uuid::new_v4(), "content": "Hi" } });
    let (mut first, mut second) =
        tokio::join!(stage.stream(body.clone()), stage.stream(body.clone()));
    let third = async {
        let answer = stage.alice.generate(&stage.chat, body.clone()).await.expect(200);
        answer["message"]["content"].clone()
    };
    let play = async {
        let (a, b) = (first.until("start").await, second.until("start").await);
        assert_eq!(a["messageId"], b["messageId"]);
        sender.finish();
    };
    let (content, ()) = tokio::join!(third, play);
    assert_eq!(content, "Hello");
    assert_eq!(stage.provider.requests().len(), 1);
    assert_eq!(stage.alice.usage_logs().await.len(), 1);
    assert_eq!(stage.alice.messages(&stage.chat).await.len(), 2);
}

#[tokio::test]
async fn a_second_question_waits_or_stops_the_first() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("One");
    let mut first = stage.stream(json!({ "content": "first" })).await;
    let start = first.until("start").await;
    first.until("text-delta").await;
    let reply = stage.alice.generate(&stage.chat, json!({ "content": "second" })).await;
    let problem = reply.expect(409);
    assert_eq!(problem["code"], "generation_running");
    assert_eq!(problem["message_id"], start["messageId"]);

    let second = stage.chunk_sender();
    second.say("Two");
    second.finish();
    let body = json!({ "content": "second", "if_running": "stop" });
    let answer = stage.alice.generate(&stage.chat, body).await.expect(200);
    assert_eq!(answer["message"]["content"], "Two");
    let rest = first.rest().await;
    assert_eq!(rest.last().unwrap()["type"], "abort");
    let messages = stage.alice.messages(&stage.chat).await;
    assert_eq!(messages[1]["status"], "stopped");
    assert_eq!(messages[1]["content"], "One");
}

#[tokio::test]
async fn a_stop_keeps_what_there_is_and_cancels_the_provider() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    let stop = format!("/api/ai/chat/{}/stop", stage.chat);
    let message = stage.alice.poke(&stop).await.expect(200);
    assert_eq!(message["status"], "stopped");
    assert_eq!(message["content"], "Hello");
    stage.provider.wait_for_disconnect().await;
    let rest = stream.rest().await;
    assert_eq!(rest.last().unwrap()["type"], "abort");
    let log = stage.alice.usage_logs().await.pop().unwrap();
    assert_eq!(log["status"], "stopped");
    assert_eq!(log["usage_source"], "estimated");
    assert!(log["input_tokens"].as_u64().unwrap() > 0);
    assert!(log["output_tokens"].as_u64().unwrap() > 0);
    assert!(log["cost_usd"].as_f64().unwrap() > 0.0);
    assert_eq!(stage.alice.poke(&stop).await.expect(200), message);
}

#[tokio::test]
async fn a_chat_without_answers_has_nothing_to_stop() {
    let stage = stage().await;
    let stop = format!("/api/ai/chat/{}/stop", stage.chat);
    assert_eq!(stage.alice.poke(&stop).await.status, 204);
}

#[tokio::test]
async fn a_provider_that_breaks_off_leaves_the_partial_answer() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hel");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    drop(sender);
    let rest = stream.rest().await;
    let kinds = frames(&rest);
    assert_eq!(kinds[kinds.len() - 2..], ["data-error", "error"]);
    let message = stage.last_message().await;
    assert_eq!(
        (message["status"].as_str(), message["content"].as_str()),
        (Some("failed"), Some("Hel"))
    );
    let second = stage.chunk_sender();
    second.say("Hello");
    second.finish();
    let question = message["parent_id"].clone();
    let again = json!({ "message": { "id": question, "content": "Hi" } });
    let answer = stage.alice.generate(&stage.chat, again).await.expect(200);
    assert_eq!(answer["message"]["content"], "Hello");
}

#[tokio::test]
async fn deleting_the_chat_stops_the_answer_and_accounts_it() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    let path = format!("/api/chats/{}", stage.chat);
    assert_eq!(stage.alice.delete(&path).await.status, 204);
    stage.provider.wait_for_disconnect().await;
    stream.rest().await;
    let log = stage.alice.usage_logs().await.pop().unwrap();
    assert!(log["chat_id"].is_null() && log["message_id"].is_null());
    assert_eq!(log["status"], "stopped");
}

#[tokio::test]
async fn who_waits_for_an_answer_learns_that_its_chat_was_deleted() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let answer = async { stage.alice.generate(&stage.chat, json!({ "content": "Hi" })).await };
    let deletion = async {
        let is_answering = async || stage.alice.messages(&stage.chat).await.len() == 2;
        until("there is an answer", is_answering).await;
        let path = format!("/api/chats/{}", stage.chat);
        assert_eq!(stage.alice.delete(&path).await.status, 204);
    };
    let (answer, ()) = tokio::join!(answer, deletion);
    assert_eq!(answer.problem(409), "message_gone");
}

#[tokio::test]
async fn deleting_the_message_stops_the_answer_first() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    let start = stream.until("start").await;
    let path = format!("/api/messages/{}", start["messageId"].as_str().unwrap());
    assert_eq!(stage.alice.delete(&path).await.status, 204);
    stage.provider.wait_for_disconnect().await;
    assert_eq!(stage.alice.messages(&stage.chat).await.len(), 1);
    assert_eq!(stage.alice.usage_logs().await.len(), 1);
}

#[tokio::test]
async fn a_stateless_answer_ends_when_its_client_leaves() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let body = json!({ "prompt": "Hi", "stream": true });
    let mut stream = stage.alice.stream("/api/ai/generate", body).await;
    stream.until("text-delta").await;
    drop(stream);
    stage.provider.wait_for_disconnect().await;
    let log = async || stage.alice.usage_logs().await.pop();
    let log = until_found("the usage is logged", log).await;
    assert_eq!(log["operation"], "generate");
    assert_eq!(log["status"], "stopped");
    assert_eq!(log["usage_source"], "estimated");
}

#[tokio::test]
async fn usage_and_price_are_exact() {
    let stage = stage().await;
    stage.provider.enqueue(Answer::Fixture("openai-chat/full_stream.sse"));
    let answer = stage.alice.ask(&stage.chat, "Hi").await;
    let expected = json!({
        "input_tokens": 2060, "output_tokens": 331, "total_tokens": 2391,
        "cached_input_tokens": 1920, "cache_write_input_tokens": 128, "reasoning_tokens": 256,
    });
    assert_eq!(answer["usage"], expected);
    // gpt-6-sol per million: 2 in, 10 out, 0.2 cached, 2.5 cache write.
    let cost = (12.0 * 2.0 + 1920.0 * 0.2 + 128.0 * 2.5 + 331.0 * 10.0) / 1e6;
    assert!((answer["cost_usd"].as_f64().unwrap() - cost).abs() < 1e-12, "{}", answer["cost_usd"]);
    let log = stage.alice.usage_logs().await.pop().unwrap();
    assert_eq!(log["raw"]["prompt_tokens"], 2060);
}

#[tokio::test]
async fn an_answer_that_cannot_be_saved_says_so_soon_and_is_saved_later() {
    let mut stage = stage().await;
    let proxy = Proxy::to(&stage.app).await;
    let settings = [
        ("SUPABASE_URL", proxy.url.as_str()),
        ("SUPABASE_PUBLIC_URL", &stage.app.supabase_url),
        (UNSAVED_PATIENCE_MS, "100"),
    ];
    let replica = stage.app.replica(&settings).await;
    stage.alice = stage.alice.on(&replica);
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    proxy.block("POST", "/rest/v1/rpc/save_generation");
    sender.finish();
    let rest = stream.rest().await;
    let problem = &rest[rest.len() - 2]["data"];
    assert_eq!(problem["code"], "answer_not_saved", "{rest:?}");
    assert_eq!(rest.last().unwrap()["type"], "error");
    proxy.unblock();
    let message = stage.until("complete").await;
    assert_eq!(message["content"], "Hello");
}
