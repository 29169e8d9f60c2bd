//! What saving an answer costs while it grows.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    CHECKPOINT_EVERY_MS, Proxy, Stage, TestApp, skipped_on_a_real_supabase, stage,
};

const CHECKPOINTS: &str = "/rest/v1/rpc/save_checkpoints";
/// In how many pieces an answer comes: saved whole each time it would cost more than four times its size.
const PIECES: usize = 8;

/// A replica that reaches the stage's Supabase through a proxy and saves often; Alice asks it.
async fn replica(stage: &mut Stage, every_ms: &str, has_service_key: bool) -> (TestApp, Proxy) {
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
    (replica, proxy)
}

/// The stored row of the answer, as who reads the table sees it.
async fn row(stage: &Stage) -> Value {
    let path = format!("/messages?chat_id=eq.{}&role=eq.assistant", stage.chat);
    stage.alice.rest(Method::GET, &path, None).await.expect(200)[0].clone()
}

/// Waits for checkpoints until the API shows so much of the answer.
async fn until_saved(stage: &Stage, proxy: &Proxy, bytes: usize) {
    loop {
        // The second one begins when the first has been carried out.
        proxy.until_next(CHECKPOINTS).await;
        proxy.until_next(CHECKPOINTS).await;
        if stage.last_message().await["content"].as_str().map(str::len) == Some(bytes) {
            return;
        }
    }
}

/// What may have been sent for an answer of this size: there is a checkpoint every two seconds.
fn most_bytes(proxy: &Proxy, size: usize) -> usize {
    3 * size + 2048 * (2 * proxy.count(CHECKPOINTS)).div_ceil(10)
}

async fn costs_what_it_is_long(size: usize, has_service_key: bool) {
    let mut stage = stage().await;
    let (_replica, proxy) = replica(&mut stage, "5", has_service_key).await;
    let voice = stage.chunk_sender();
    let answer = tokio::spawn({
        let (alice, path) = (stage.alice.clone(), stage.path());
        async move { alice.stream(&path, json!({ "content": "Hi", "stream": true })).await.rest().await }
    });
    proxy.until_next(CHECKPOINTS).await;
    let started = row(&stage).await;
    for piece in 1..=PIECES {
        voice.say(&"x".repeat(size / PIECES));
        until_saved(&stage, &proxy, piece * size / PIECES).await;
    }
    // Who subscribes to the table has heard of nothing since.
    assert_eq!(row(&stage).await, started);
    voice.finish();
    assert_eq!(answer.await.unwrap().pop().unwrap()["type"], "finish");
    let ended = row(&stage).await;
    assert_eq!(
        (ended["status"].as_str(), ended["content"].as_str().map(str::len)),
        (Some("complete"), Some(size))
    );
    let (bytes, most) = (proxy.bytes(), most_bytes(&proxy, size));
    assert!(bytes <= most, "{bytes} bytes for {size}, not {most}");
}

#[tokio::test]
async fn an_answer_costs_as_much_as_it_is_long() {
    if skipped_on_a_real_supabase("a proxy before the local one") {
        return;
    }
    let sizes = [(1 << 10, true), (64 << 10, true), (1 << 20, true), (64 << 10, false)];
    join_all(sizes.map(|(size, has_service_key)| costs_what_it_is_long(size, has_service_key)))
        .await;
}

#[tokio::test]
async fn calls_of_tools_are_saved_once() {
    if skipped_on_a_real_supabase("a proxy before the local one") {
        return;
    }
    let mut stage = stage().await;
    let (_replica, proxy) = replica(&mut stage, "5", true).await;
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
    proxy.until_next(CHECKPOINTS).await;
    for piece in 1..=PIECES {
        second.say("So. ");
        until_saved(&stage, &proxy, 4 * piece).await;
    }
    let parts = stage.last_message().await["parts"].clone();
    assert_eq!(parts[1]["type"], "tool-files", "{parts}");
    second.finish();
    assert_eq!(answer.await.unwrap().pop().unwrap()["type"], "finish");
    // The arguments come with the call, with its result and with the end.
    let size = row(&stage).await["parts"].to_string().len();
    let (bytes, most) = (proxy.bytes(), most_bytes(&proxy, size));
    assert!(bytes <= most, "{bytes} bytes for {size}, not {most}");
}

#[tokio::test]
async fn one_request_saves_all_answers() {
    const ANSWERS: usize = 20;
    /// Some may come too late for the request that carries the others.
    const TRIES: usize = 50;
    if skipped_on_a_real_supabase("a proxy before the local one") {
        return;
    }
    let mut stage = stage().await;
    let (_replica, proxy) = replica(&mut stage, "100", true).await;
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
            proxy.until_next(CHECKPOINTS).await;
        }
    }
    let mut most = 0;
    for _ in 0..TRIES {
        let body: Value = serde_json::from_slice(&proxy.until_next(CHECKPOINTS).await).unwrap();
        most = most.max(body["p_checkpoints"].as_array().unwrap().len());
        if most == ANSWERS {
            break;
        }
    }
    assert_eq!(most, ANSWERS, "checkpoints in one request");
    for voice in voices {
        voice.finish();
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap().pop().unwrap()["type"], "finish");
    }
}
