//! Requests that clients have sent.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::support::app;

/// A whole picture of one point.
const PICTURE: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR42mP4DwABAQEAHLCMmQAAAABJRU5ErkJggg==";

/// What the client packages have sent, word for word.
const RECORDED: [(&str, &str); 5] = [
    ("ai-5.0.0", include_str!("../fixtures/clients/ai-5.0.0.json")),
    ("ai-5.0.277", include_str!("../fixtures/clients/ai-5.0.277.json")),
    ("ai-6.0.326", include_str!("../fixtures/clients/ai-6.0.326.json")),
    ("ai-7.0.173", include_str!("../fixtures/clients/ai-7.0.173.json")),
    ("assistant-ui", include_str!("../fixtures/clients/assistant-ui.json")),
];

#[tokio::test]
async fn recorded_requests_of_all_clients_are_taken() {
    let app = app().await;
    let alice = app.user("alice").await;
    for (client, requests) in RECORDED {
        // Their picture is a signature and nothing else.
        let requests = requests.replace("iVBORw0KGgo=", PICTURE);
        let requests: Vec<Map<String, Value>> = serde_json::from_str(&requests).unwrap();
        for request in requests {
            let name = format!("{client} {}", request["name"].as_str().unwrap());
            let chat = Uuid::new_v4().to_string();
            let mut body = request["body"].clone();
            if request["method"] == "GET" {
                let path = request["path"].as_str().unwrap().replace("chat-7f3a", "chat-of-nobody");
                assert_eq!(alice.get(&path).await.status, 204, "{name}");
                continue;
            }
            body["id"] = json!(chat);
            body.as_object_mut().unwrap().remove("model");
            let continues =
                body["messages"].as_array().unwrap().last().unwrap()["role"] == "assistant";
            let reply = alice.post("/api/ai/chat", body).await;
            // There is nothing to continue: the answer is not this server's.
            let expected = if continues { 404 } else { 200 };
            assert_eq!(reply.status, expected, "{name}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn parts_of_the_newest_clients_are_taken_and_kept_where_all_take_them() {
    let app = app().await;
    let alice = app.user("alice").await;
    let id = Uuid::new_v4().to_string();
    let steering = json!({ "type": "steering-message", "id": "s", "parts": [{ "type": "text", "text": "a" }] });
    let custom = json!({ "type": "custom", "kind": "a.b" });
    let file = json!({ "type": "reasoning-file", "url": "data:,", "mediaType": "text/plain" });
    let tool = |state: &str, more: Value| {
        let mut part =
            json!({ "type": "tool-x", "toolCallId": state, "state": state, "input": {} });
        part.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        part
    };
    let states = json!([steering.clone(), custom.clone(), file.clone(),
        tool("approval-requested", json!({ "approval": { "id": "1" } })),
        tool("approval-responded", json!({ "approval": { "id": "1", "approved": true } })),
        tool("output-denied", json!({ "approval": { "id": "1", "approved": false } })),
        { "type": "unknown-to-all" }]);
    let text = json!({ "type": "text", "text": "Hi", "citations": [] });
    let body = json!({ "id": id, "trigger": "submit-message", "messages": [
        { "id": "a", "role": "assistant", "parts": states },
        { "id": "b", "role": "user", "parts": [steering, text.clone(), custom, file] }] });
    alice.stream("/api/ai/chat", body).await.rest().await;
    let messages = alice.messages(&id).await;
    assert_eq!(messages[0]["parts"], json!([text]));
}
