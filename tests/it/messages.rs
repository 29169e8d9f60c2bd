//! `/api/messages`.

use chat_backend::api::messages::model::Message;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{User, app};

fn contents(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap()
}

async fn create(user: &User, chat: &str, body: Value) -> Value {
    user.post(&format!("/api/messages/chat/{chat}"), body).await.expect(201)
}

#[tokio::test]
async fn a_message_has_text_and_parts() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let reply =
        alice.post(&format!("/api/messages/chat/{chat}"), json!({ "content": "Hello" })).await;
    let location = reply.header("location").to_owned();
    let message = reply.expect(201);
    assert_eq!(location, format!("/api/messages/{}", id(&message)));
    assert_eq!(message["role"], "user");
    assert_eq!(message["status"], "complete");
    assert_eq!(message["parts"], json!([{ "type": "text", "text": "Hello" }]));
    assert_eq!(alice.get(&location).await.expect(200), message);

    let parts = json!([
        { "type": "text", "text": "Hello " },
        { "type": "data-card", "data": { "x": 1 } },
        { "type": "text", "text": "world" },
    ]);
    let message = create(&alice, &chat, json!({ "role": "assistant", "parts": parts })).await;
    assert_eq!(message["content"], "Hello world");
    assert_eq!(message["parts"], parts);
}

#[tokio::test]
async fn rows_are_what_the_document_says() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    alice.ask(&chat, "Hello").await;
    for message in alice.messages(&chat).await {
        let typed: Message = serde_json::from_value(message.clone()).unwrap();
        let mut again = serde_json::to_value(&typed).unwrap();
        // A price of nothing is written as 0 by the database and as 0.0 by Rust.
        assert_eq!(again["cost_usd"].as_f64(), message["cost_usd"].as_f64());
        again["cost_usd"] = message["cost_usd"].clone();
        assert_eq!(again, message);
    }
}

#[tokio::test]
async fn messages_follow_one_another() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let first = alice.add_message(&chat, "first").await;
    let second = alice.add_message(&chat, "second").await;
    assert!(first["parent_id"].is_null());
    assert_eq!(second["parent_id"], first["id"]);
    // The clock stands still, and still the second is later.
    assert!(second["created_at"].as_str() > first["created_at"].as_str());
    let chat = alice.get(&format!("/api/chats/{chat}")).await.expect(200);
    assert_eq!(chat["last_message_at"], second["created_at"]);
}

#[tokio::test]
async fn what_cannot_be_a_message_is_refused() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/messages/chat/{chat}");
    for (body, pointer) in [
        (json!({}), "/content"),
        (json!({ "content": "" }), "/content"),
        (json!({ "content": " \n" }), "/content"),
        (json!({ "parts": [] }), "/content"),
        (json!({ "content": "a", "parts": [] }), "/content"),
        (json!({ "content": "a", "role": "robot" }), "/role"),
        (json!({ "content": "a", "metadata": "text" }), "/metadata"),
        (json!({ "parts": ["text"] }), "/parts/0"),
        (json!({ "parts": [{ "text": "no type" }] }), "/parts/0/type"),
        (json!({ "parts": [{ "type": "text" }] }), "/parts/0/text"),
        (json!({ "parts": [{ "type": "video", "text": "a" }] }), "/parts/0/type"),
        (json!({ "parts": [{ "type": "tool-x", "toolCallId": "1" }] }), "/parts/0/state"),
        (json!({ "parts": [{ "type": "source-url", "url": "u" }] }), "/parts/0/sourceId"),
        (json!({ "parts": [{ "type": "data-x", "data": nested(64) }] }), "/parts/0"),
        (json!({ "content": "a", "metadata": { "a": "x".repeat(70_000) } }), "/metadata"),
        (json!({ "content": "a", "metadata": { "a": nested(64) } }), "/metadata"),
    ] {
        let reply = alice.post(&path, body.clone()).await;
        assert_eq!(reply.pointers().first().map(String::as_str), Some(pointer), "{body}");
    }
    assert_eq!(alice.messages(&chat).await.len(), 0);
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

#[tokio::test]
async fn members_that_are_null_are_absent() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let text = json!({ "type": "text", "text": "a", "state": null, "providerMetadata": null });
    let body = json!({ "id": Uuid::new_v4(), "parts": [text, { "type": "data-x", "data": null }] });
    let message = create(&alice, &chat, body.clone()).await;
    let clean = json!([{ "type": "text", "text": "a" }, { "type": "data-x", "data": null }]);
    assert_eq!(message["parts"], clean);
    let path = format!("/api/messages/chat/{chat}");
    assert_eq!(alice.post(&path, body).await.expect(200), message);
}

#[tokio::test]
async fn a_creation_can_be_repeated() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/messages/chat/{chat}");
    let body = json!({ "id": Uuid::new_v4(), "content": "Hello",
        "metadata": { "a": 1, "b": [1000.0, { "c": -0.0 }] } });
    let message = alice.post(&path, body.clone()).await.expect(201);
    assert_eq!(alice.post(&path, body.clone()).await.expect(200), message);
    let other = json!({ "id": body["id"], "content": "Goodbye" });
    assert_eq!(alice.post(&path, other).await.problem(409), "id_conflict");
    let elsewhere = alice.create_chat("Elsewhere").await;
    let reply = alice.post(&format!("/api/messages/chat/{elsewhere}"), body).await;
    assert_eq!(reply.problem(409), "id_conflict");
}

#[tokio::test]
async fn lists_go_both_ways_page_by_page() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    for number in 0..5 {
        alice.add_message(&chat, &number.to_string()).await;
    }
    for (order, expected) in
        [("asc", ["0", "1", "2", "3", "4"]), ("desc", ["4", "3", "2", "1", "0"])]
    {
        let mut seen = Vec::new();
        let mut next = Some(format!("/api/messages/chat/{chat}?order={order}&limit=2"));
        while let Some(path) = next {
            let reply = alice.get(&path).await;
            next = reply.next_page();
            seen.extend(reply.expect(200).as_array().unwrap().clone());
        }
        assert_eq!(contents(&seen), expected);
    }
    let unknown = format!("/api/messages/chat/{}", Uuid::new_v4());
    assert_eq!(alice.get(&unknown).await.problem(404), "chat_not_found");
}

#[tokio::test]
async fn replaced_messages_are_read_only_on_request() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let answer = alice.ask(&chat, "Hello").await;
    alice.generate(&chat, json!({ "regenerate": id(&answer["message"]) })).await.expect(200);
    assert_eq!(alice.messages(&chat).await.len(), 2);
    let all = alice.get(&format!("/api/messages/chat/{chat}?active=any")).await.expect(200);
    assert_eq!(all.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_change_of_the_text_leaves_the_other_parts() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let card = json!({ "type": "data-card", "data": 1 });
    let parts =
        json!([card, { "type": "text", "text": "a" }, card, { "type": "text", "text": "b" }]);
    let message = create(&alice, &chat, json!({ "parts": parts })).await;
    let path = format!("/api/messages/{}", id(&message));
    let changed = alice.patch(&path, json!({ "content": "new" })).await.expect(200);
    assert_eq!(changed["content"], "new");
    assert_eq!(changed["parts"], json!([card, { "type": "text", "text": "new" }, card]));
    let changed = alice.put(&path, json!({ "metadata": { "a": 1 } })).await.expect(200);
    assert_eq!(changed["content"], "new");
    assert_eq!(changed["metadata"], json!({ "a": 1 }));
    let text = json!([{ "type": "text", "text": "only" }]);
    let changed = alice.patch(&path, json!({ "parts": text })).await.expect(200);
    assert_eq!(changed["parts"], text);
    assert_eq!(alice.patch(&path, json!({ "content": "" })).await.pointers(), ["/content"]);
    assert_eq!(alice.patch(&path, json!({ "metadata": null })).await.pointers(), ["/metadata"]);
}

#[tokio::test]
async fn a_deleted_message_leaves_its_answers() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let answer = alice.ask(&chat, "Hello").await;
    let path = format!("/api/messages/{}", id(&answer["user_message"]));
    assert_eq!(alice.delete(&path).await.status, 204);
    assert_eq!(alice.delete(&path).await.problem(404), "message_not_found");
    let messages = alice.messages(&chat).await;
    assert_eq!(messages.len(), 1);
    assert!(messages[0]["parent_id"].is_null());
}
