//! The AI SDK's body and ids.

use serde_json::json;
use uuid::Uuid;

use super::id;
use crate::support::app;

#[tokio::test]
async fn a_message_with_an_empty_id_has_none() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    for text in ["Hello", "Hello again"] {
        let body = json!({ "message": { "id": "", "content": text }, "messageId": "" });
        alice.generate(&chat, body).await.expect(200);
    }
    assert_eq!(alice.messages(&chat).await.len(), 4);
}

#[tokio::test]
async fn the_ai_sdks_body_and_ids_are_understood() {
    let app = app().await;
    let alice = app.user("alice").await;
    let question =
        json!({ "id": "msg-1", "role": "user", "parts": [{ "type": "text", "text": "Hello" }] });
    let body = json!({ "id": "AbC123", "messages": [question], "trigger": "submit-message", "messageId": null });
    let all = alice.stream("/api/ai/chat", body.clone()).await.rest().await;
    let chats = alice.get("/api/chats/").await.expect(200);
    let chat = id(&chats[0]);
    let user: Uuid = alice.id.parse().unwrap();
    assert_eq!(chat, Uuid::new_v5(&user, b"AbC123").to_string());
    let messages = alice.messages(&chat).await;
    let chat_id: Uuid = chat.parse().unwrap();
    assert_eq!(id(&messages[0]), Uuid::new_v5(&chat_id, b"msg-1").to_string());
    assert_eq!(all[0]["messageId"], messages[1]["id"]);

    let assistant = json!({ "id": messages[1]["id"], "role": "assistant", "parts": [] });
    let mut again = body.clone();
    again["trigger"] = json!("regenerate-message");
    again["messageId"] = messages[1]["id"].clone();
    let regenerated = alice.stream("/api/ai/chat", again).await.rest().await;
    assert_ne!(regenerated[0]["messageId"], messages[1]["id"]);
    assert_eq!(alice.messages(&chat).await.len(), 2);

    let second =
        json!({ "id": "msg-2", "role": "user", "parts": [{ "type": "text", "text": "And now?" }] });
    let body = json!({ "id": "AbC123", "messages": [question, assistant, second], "trigger": "submit-message" });
    alice.stream("/api/ai/chat", body).await.rest().await;
    assert_eq!(alice.messages(&chat).await.len(), 4);
    assert_eq!(alice.get("/api/ai/chat/AbC123/stream").await.status, 204);
    let stopped = alice.poke("/api/ai/chat/AbC123/stop").await.expect(200);
    assert_eq!(stopped["status"], "complete");
}

#[tokio::test]
async fn a_chat_of_the_sdks_own_that_does_not_exist_yet_has_nothing_to_resume() {
    let app = app().await;
    let alice = app.user("alice").await;
    assert_eq!(alice.resume("x7Gh2kQm9TfLw3Zp").await.status, 204);
    assert_eq!(alice.resume(&uuid::Uuid::new_v4().to_string()).await.status, 404);
}
