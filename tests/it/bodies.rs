//! Bodies that are well-formed JSON, but not what a route takes: 422, with the place.

use reqwest::Method;
use serde_json::json;

use crate::support::{Reply, User, app};

async fn send(user: &User, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Reply {
    let request = user.request(method, path).header("content-type", "application/json");
    Reply::send(request.body(body)).await
}

#[tokio::test]
async fn an_array_is_no_object() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let file = alice.add_file("a.txt", "text/plain", "a").await["id"].clone();
    let file = format!("/api/files/{}", file.as_str().unwrap());
    let path = format!("/api/chats/{chat}");
    let (patch, post) = (Method::PATCH, Method::POST);
    for (method, path, body) in [
        (&patch, &*path, r#"["hacked"]"#),
        (&patch, &path, "[]"),
        (&post, &format!("{path}/archive"), "[true]"),
        (&post, &format!("{path}/bookmark"), "[true]"),
        (&post, "/api/chats/", r#"[null,"t",null,null,null]"#),
        (&post, &format!("/api/messages/chat/{chat}"), r#"[null,"user","x",null,null]"#),
        (&post, "/api/ai/generate", r#"[null,"x"]"#),
        (&post, &format!("/api/ai/chat/{chat}/generate"), r#"[null,"x"]"#),
        (&post, "/api/ai/chat", r#"[null,"x"]"#),
        (&post, "/api/analytics/events", r#"[null,"x"]"#),
        (&post, "/api/scripts/run", r#"["javascript","1"]"#),
        (&Method::PUT, &file, r#"["b.txt"]"#),
        (&post, &format!("{file}/url"), "[60]"),
    ] {
        let reply = send(&alice, method.clone(), path, body).await;
        assert_eq!(reply.status, 422, "{method} {path} {body}: {}", reply.text);
        assert_eq!(reply.pointers(), [""], "{method} {path} {body}");
    }
    assert_eq!(alice.get(&path).await.expect(200)["title"], "Trip");
    let batch = json!({ "events": [[null, "x", null, null, null, null]] });
    let report = alice.post("/api/analytics/events", batch).await.expect(200);
    assert_eq!(report["errors"][0]["index"], 0);
}

#[tokio::test]
async fn a_value_of_another_type_is_refused_with_its_place() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let in_chat = format!("/api/ai/chat/{chat}/generate");
    let messages = format!("/api/messages/chat/{chat}");
    let (generate, scripts) = ("/api/ai/generate", "/api/scripts/run");
    for (path, body, pointer) in [
        (&*in_chat, r#"{"content":"x","if_running":false}"#, "/if_running"),
        (&in_chat, r#"{"content":"x","if_running":5}"#, "/if_running"),
        (&in_chat, r#"{"content":"x","trigger":5}"#, "/trigger"),
        (&in_chat, r#"{"content":"x","reasoning_effort":5}"#, "/reasoning_effort"),
        (&in_chat, r#"{"content":"x","temperature":1e999}"#, "/temperature"),
        (&in_chat, r#"{"message":["1","user","x"]}"#, "/message"),
        (&in_chat, r#"{"messages":[["1","user","x"]]}"#, "/messages/0"),
        (&in_chat, r#"{"messages":[{"role":5,"content":"x"}]}"#, "/messages/0/role"),
        (&in_chat, r#"{"content":"\ud83d"}"#, "/content"),
        (&in_chat, r#"{"content":"\ude00 x"}"#, "/content"),
        (&in_chat, r#"{"messages":[{"content":"a\ud83d b"}]}"#, "/messages/0/content"),
        (generate, r#"{"prompt":"x","reasoning_effort":[]}"#, "/reasoning_effort"),
        (generate, r#"{"messages":[["user","x"]]}"#, "/messages/0"),
        (generate, r#"{"messages":[{"role":5,"content":"x"}]}"#, "/messages/0/role"),
        (generate, r#"{"prompt":"x","response_format":["json_object"]}"#, "/response_format"),
        (&messages, r#"{"content":"x","role":5}"#, "/role"),
        (scripts, r#"{"code":"1","language":5}"#, "/language"),
    ] {
        let reply = send(&alice, Method::POST, path, body).await;
        assert_eq!(reply.status, 422, "{body}: {}", reply.text);
        assert_eq!(reply.pointers(), [pointer], "{body}");
    }
    let schema =
        r#"{"prompt":"x","response_format":{"type":"json_schema","json_schema":["x",{}]}}"#;
    assert_eq!(send(&alice, Method::POST, generate, schema).await.status, 422);
    assert!(alice.messages(&chat).await.is_empty());
}

#[tokio::test]
async fn null_is_the_same_as_absent() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let question = json!({ "content": "x", "if_running": null, "trigger": null, "tools": null });
    alice.generate(&chat, question).await.expect(200);
    let message = json!({ "content": "x", "role": null });
    let message = alice.post(&format!("/api/messages/chat/{chat}"), message).await.expect(201);
    assert_eq!(message["role"], "user");
    let script = json!({ "code": "1", "language": null, "files": null });
    assert_eq!(alice.post("/api/scripts/run", script).await.expect(200)["status"], "ok");
}

#[tokio::test]
async fn nothing_hides_the_character_u0000() {
    let app = app().await;
    let alice = app.user("alice").await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for ignored in [&*deep, "1e999", r#""\ud83d""#] {
        let body = format!(r#"{{"title":"a\u0000b","ignored":{ignored}}}"#);
        let reply = send(&alice, Method::POST, "/api/chats/", body).await;
        assert!([400, 422].contains(&reply.status), "{}", reply.text);
        let body = format!(r#"{{"title":"ab","ignored":{ignored}}}"#);
        send(&alice, Method::POST, "/api/chats/", body).await.expect(201);
    }
}
