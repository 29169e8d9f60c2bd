//! What saving an answer costs while it grows.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{CHECKPOINT_EVERY_MS, Proxy, Stage, skipped_on_a_real_supabase, stage};

const CHECKPOINTS: &str = "/rest/v1/rpc/save_checkpoints";

/// A replica that reaches the stage's Supabase through a proxy and saves often.
async fn replica(stage: &mut Stage, every_ms: &str, has_service_key: bool) -> Proxy {
    let proxy = Proxy::to(&stage.app).await;
    let key = if has_service_key { stage.app.service_key() } else { "" };
    let settings = [
        ("SUPABASE_URL", proxy.url.as_str()),
        ("SUPABASE_PUBLIC_URL", &stage.app.supabase_url),
        ("SUPABASE_SERVICE_ROLE_KEY", key),
        (CHECKPOINT_EVERY_MS, every_ms),
    ];
    let replica = stage.app.replica(&settings).await;
    stage.alice = stage.alice.on(&replica);
    proxy
}

/// The stored row of the answer, as who reads the table sees it.
async fn row(stage: &Stage) -> Value {
    let path = format!("/messages?chat_id=eq.{}&role=eq.assistant", stage.chat);
    stage.alice.rest(Method::GET, &path, None).await.expect(200)[0].clone()
}

#[tokio::test]
#[ignore = "takes too long"]
async fn an_answer_costs_as_much_as_it_is_long() {
    if skipped_on_a_real_supabase("a proxy before the local one") {
        return;
    }
    for has_service_key in [true, false] {
        for size in [1 << 10, 64 << 10, 1 << 20] {
            let mut stage = stage().await;
            let proxy = replica(&mut stage, "5", has_service_key).await;
            let voice = stage.chunk_sender();
            let answer = tokio::spawn({
                let (alice, path) = (stage.alice.clone(), stage.path());
                async move {
                    alice
                        .stream(&path, json!({ "content": "Hi", "stream": true }))
                        .await
                        .rest()
                        .await
                }
            });
            proxy.until_next(CHECKPOINTS).await;
            let begun = row(&stage).await;
            for _ in 0..16 {
                voice.say(&"x".repeat(size / 16));
                proxy.until_next(CHECKPOINTS).await;
            }
            proxy.until_next(CHECKPOINTS).await;
            // Who subscribes to the table has heard nothing of it, and who asks the API sees all of it.
            assert_eq!(row(&stage).await, begun, "{has_service_key} {size}");
            let seen = stage.last_message().await["content"].as_str().unwrap().len();
            assert_eq!(seen, size);
            voice.finish();
            answer.await.unwrap();
            let ended = row(&stage).await;
            assert_eq!(ended["content"].as_str().unwrap().len(), size);
            // One every two seconds.
            let seconds = 2 * proxy.count(CHECKPOINTS);
            let (bytes, most) = (proxy.bytes(), 3 * size + 2048 * seconds.div_ceil(10));
            assert!(
                bytes <= most,
                "{has_service_key}: {bytes} bytes for {size} in {seconds} s, not {most}"
            );
        }
    }
}

#[tokio::test]
#[ignore = "takes too long"]
async fn calls_of_tools_are_saved_once() {
    if skipped_on_a_real_supabase("a proxy before the local one") {
        return;
    }
    let mut stage = stage().await;
    let proxy = replica(&mut stage, "5", true).await;
    let (first, second) = (stage.chunk_sender(), stage.chunk_sender());
    let answer = tokio::spawn({
        let (alice, path) = (stage.alice.clone(), stage.path());
        let body = json!({ "content": "Hi", "tools": ["files"], "stream": true });
        async move { alice.stream(&path, body).await.rest().await }
    });
    let size = 64 << 10;
    let arguments = json!({ "action": "read", "file_id": "x".repeat(size) }).to_string();
    let call = json!({ "index": 0, "id": "1", "type": "function",
        "function": { "name": "files", "arguments": arguments } });
    first.raw(
        &json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [call] } }] }).to_string(),
    );
    first.raw(r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#);
    first.raw("[DONE]");
    for _ in 0..12 {
        second.say("So. ");
        proxy.until_next(CHECKPOINTS).await;
    }
    let parts = stage.last_message().await["parts"].clone();
    assert_eq!(parts[1]["type"], "tool-files", "{parts}");
    second.finish();
    answer.await.unwrap();
    let seconds = 2 * proxy.count(CHECKPOINTS);
    // The arguments come with the call, with its result and with the end.
    let size = row(&stage).await["parts"].to_string().len();
    let (bytes, most) = (proxy.bytes(), 3 * size + 2048 * seconds.div_ceil(10));
    assert!(bytes <= most, "{bytes} bytes in {seconds} s, not {most}");
}

#[tokio::test]
#[ignore = "takes too long"]
async fn one_request_saves_all_answers() {
    const ANSWERS: usize = 20;
    if skipped_on_a_real_supabase("a proxy before the local one") {
        return;
    }
    let mut stage = stage().await;
    let proxy = replica(&mut stage, "400", true).await;
    let voices: Vec<_> = (0..ANSWERS).map(|_| stage.chunk_sender()).collect();
    let chats = join_all((0..ANSWERS).map(|_| stage.alice.create_chat("Trip"))).await;
    let answers: Vec<_> = chats
        .iter()
        .map(|chat| {
            let (alice, path) = (stage.alice.clone(), format!("/api/ai/chat/{chat}/generate"));
            tokio::spawn(async move {
                alice.stream(&path, json!({ "content": "Hi", "stream": true })).await.rest().await
            })
        })
        .collect();
    for voice in &voices {
        voice.say("Hello");
    }
    for chat in &chats {
        while stage.alice.messages(chat).await.pop().is_none_or(|row| row["content"] != "Hello") {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    let (before, began) = (proxy.count(CHECKPOINTS), std::time::Instant::now());
    for _ in 0..3 {
        proxy.until_next(CHECKPOINTS).await;
    }
    let requests = proxy.count(CHECKPOINTS) - before;
    let slots = usize::try_from(began.elapsed().as_millis() / 400).unwrap() + 1;
    // On a slow machine some come too late for the request that carries the others.
    assert!(requests <= 2 * slots, "{requests} requests in {slots} slots for {ANSWERS} answers");
    for voice in voices {
        voice.finish();
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap().pop().unwrap()["type"], "finish");
    }
}
