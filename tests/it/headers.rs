//! Response headers for browsers and caches.

use reqwest::Client;
use serde_json::json;

use crate::support::{Form, Reply, app, skipped_on_a_real_supabase};

#[tokio::test]
async fn every_page_is_confined() {
    let app = app().await;
    for path in ["/console", "/docs/", "/redoc"] {
        let reply = app.get(path).await;
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        let scripts = policy.split("script-src").nth(1).unwrap_or_default();
        assert!(!scripts.split(';').next().unwrap().contains("unsafe"), "{path}: {policy}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[tokio::test]
async fn what_the_api_says_is_not_stored_on_the_way() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let messages = format!("/api/messages/chat/{chat}");
    let csv = "/api/analytics/usage?format=csv";
    for path in ["/api/chats/", "/api/nothing", &messages, csv] {
        assert_eq!(alice.get(path).await.header("cache-control"), "no-store", "{path}");
    }
    assert_eq!(app.get("/api/chats/").await.header("cache-control"), "no-store");
    let file = alice.upload(Form::file("a.json", "application/json", "{}")).await.expect(201);
    let content = format!("/api/files/{}/content", file["id"].as_str().unwrap());
    let content = alice.get(&content).await;
    assert_eq!(content.header("cache-control"), "private, no-cache");
    assert!(content.header("content-security-policy").contains("frame-ancestors 'none'"));
}

#[tokio::test]
async fn the_local_supabase_is_confined_as_well() {
    if skipped_on_a_real_supabase("the local one") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    for path in ["/auth/v1/settings", "/rest/v1/chats", "/nothing"] {
        let url = format!("{}{path}", app.supabase_url);
        let request = Client::new().get(url).bearer_auth(&alice.token);
        let reply = Reply::send(request.header("apikey", "sb_publishable_local")).await;
        assert!(
            reply.header("content-security-policy").contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn json_and_pages_are_compressed_and_nothing_else() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let raw = Client::builder().no_proxy().no_gzip().build().unwrap();
    let ask = |path: &str| {
        let request = raw.get(format!("{}{path}", app.url)).bearer_auth(&alice.token);
        request.header("accept-encoding", "gzip")
    };
    for path in ["/openapi.json", "/redoc", "/docs/swagger-ui-bundle.js", "/console/console.js"] {
        let answer = ask(path).send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], "gzip", "{path}");
        let plain = app.get(path).await.text;
        assert!(answer.bytes().await.unwrap().len() < plain.len() / 2, "{path}");
    }
    let text = "many words ".repeat(1000);
    let file =
        alice.upload(Form::file("a.json", "application/json", json!(text).to_string())).await;
    let content = format!("/api/files/{}/content", file.expect(201)["id"].as_str().unwrap());
    for path in ["/health/live", "/api/chats/", &content] {
        assert!(
            ask(path).send().await.unwrap().headers().get("content-encoding").is_none(),
            "{path}"
        );
    }
    let request = raw.post(format!("{}/api/ai/chat/{chat}/generate", app.url));
    let request = request.bearer_auth(&alice.token).header("accept-encoding", "gzip");
    let reply = Reply::send(request.json(&json!({ "content": "/long", "stream": true }))).await;
    assert!(reply.header("content-type").starts_with("text/event-stream"));
    assert!(!reply.headers.contains_key("content-encoding"));
}
