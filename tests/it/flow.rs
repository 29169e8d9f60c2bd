//! Bounded whatever comes: huge answers, tiny pieces, readers that do not read.

use bytes::Bytes;
use serde_json::json;

use crate::support::{Answer, FakeProvider, TestApp, User, until_found};

struct Stage {
    provider: FakeProvider,
    alice: User,
    chat: String,
    _app: TestApp,
}

async fn stage(answer: Answer) -> Stage {
    let provider = FakeProvider::with([answer]).await;
    let app = TestApp::with(&[
        ("OPENAI_BASE_URL", provider.url.as_str()),
        ("DEFAULT_MODEL", "gpt-6-sol"),
    ])
    .await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    Stage { provider, alice, chat, _app: app }
}

fn delta(text: &str) -> Bytes {
    let delta = json!({ "choices": [{ "index": 0, "delta": { "content": text } }] });
    Bytes::from(format!("data: {delta}\n\n"))
}

#[tokio::test]
async fn an_endless_answer_is_cut_at_four_mebibytes() {
    let piece = delta(&"x".repeat(100_000));
    let stage = stage(Answer::Repeated(piece, 1_000)).await;
    let answer = stage.alice.ask(&stage.chat, "Hello").await;
    let message = &answer["message"];
    let length = message["content"].as_str().unwrap().len();
    assert!((4 << 20..5 << 20).contains(&length), "{length}");
    assert_eq!(
        (&message["status"], &message["finish_reason"]),
        (&json!("complete"), &json!("length"))
    );
    let log = &stage.alice.usage_logs().await[0];
    assert_eq!(log["usage_source"], "estimated");
    assert!(log["output_tokens"].as_u64() > Some(1_000_000));
    stage.provider.wait_for_disconnect().await;
}

#[tokio::test]
async fn endless_changes_of_mind_are_cut_too() {
    let thought = json!({ "choices": [{ "index": 0, "delta": { "reasoning_content": "Hm" } }] });
    let turn = format!("data: {thought}\n\n{}", String::from_utf8(delta("So").into()).unwrap());
    let stage = stage(Answer::Repeated(turn.into(), 5_000)).await;
    let answer = stage.alice.ask(&stage.chat, "Hello").await;
    assert_eq!(answer["message"]["finish_reason"], "length");
    assert!(answer["message"]["parts"].as_array().unwrap().len() < 3_000);
}

#[tokio::test]
async fn tiny_pieces_make_one_text_for_a_reader_that_comes_late() {
    let stage = stage(Answer::Repeated(delta("é"), 50_000)).await;
    let body = json!({ "content": "Hello", "stream": true });
    let path = format!("/api/ai/chat/{}/generate", stage.chat);
    let mut late = stage.alice.stream(&path, body).await;
    late.until("start").await;
    // Nobody reads until the answer is stored.
    let stored = async || {
        let message = stage.alice.messages(&stage.chat).await.pop().unwrap();
        (message["status"] != "streaming").then_some(message)
    };
    let stored = until_found("the answer is stored", stored).await;
    let seen: String =
        late.rest().await.iter().filter_map(|frame| frame["delta"].as_str()).collect();
    assert_eq!(seen, "é".repeat(50_000));
    assert_eq!(stored["content"], seen);
}
