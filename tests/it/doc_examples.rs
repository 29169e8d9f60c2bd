//! The examples in the API's document work when they are sent unchanged, as Swagger UI sends them.

use chat_backend::router;
use reqwest::Method;
use serde_json::Value;

use crate::support::{Reply, TestApp, User};

#[tokio::test]
async fn every_example_of_a_body_can_be_sent() {
    let app = TestApp::with(&[("DEFAULT_MODEL", "scripted/demo")]).await;
    let document = router::document();
    let mut sent = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = &operation["requestBody"]["content"]["application/json"];
            // A call that waits needs a page with tools: see `client_tools`.
            if content.is_null() || path.contains("{call_id}") {
                continue;
            }
            let example = example(&document, content)
                .unwrap_or_else(|| panic!("{method} {path} has no example of its body"));
            // Rows of their own, so that no example depends on another.
            let alice = app.user(&format!("user{sent}")).await;
            let path = with_ids(&alice, path).await;
            let method: Method = method.to_uppercase().parse().unwrap();
            let reply = Reply::send(alice.request(method.clone(), &path).json(example)).await;
            assert!(reply.status < 300, "{method} {path}: {} {}", reply.status, reply.text);
            sent += 1;
        }
    }
    assert!(sent >= 15, "{sent}");
}

/// The example of a body: its own, or its schema's.
fn example<'a>(document: &'a Value, content: &'a Value) -> Option<&'a Value> {
    let schema = &content["schema"];
    let reference = schema["$ref"].as_str().or_else(|| schema["oneOf"][0]["$ref"].as_str());
    let schema =
        reference.and_then(|reference| document.pointer(&reference[1..])).unwrap_or(schema);
    let first = schema["oneOf"][0]["$ref"].as_str();
    let first = first.and_then(|reference| document.pointer(&reference[1..]));
    [Some(&content["example"]), Some(&schema["example"]), first.map(|first| &first["example"])]
        .into_iter()
        .flatten()
        .find(|example| !example.is_null())
}

/// The path with the ids of new rows in it.
async fn with_ids(user: &User, path: &str) -> String {
    let mut path = path.to_owned();
    if path.contains("{chat_id}") {
        path = path.replace("{chat_id}", &user.create_chat("Trip").await);
    }
    if path.contains("{message_id}") {
        let chat = user.create_chat("Trip").await;
        let message = user.add_message(&chat, "Hi").await;
        path = path.replace("{message_id}", message["id"].as_str().unwrap());
    }
    if path.contains("{file_id}") {
        let file = user.add_file("a.csv", "text/csv", "a,b\n1,2\n").await;
        path = path.replace("{file_id}", file["id"].as_str().unwrap());
    }
    path
}
