//! Errors as clients meet them, on routes of every kind.

use std::time::Duration;

use chat_backend::clock::Clock;
use reqwest::Method;
use serde_json::json;

use crate::support::{Reply, TestApp, app};

#[tokio::test]
async fn an_unknown_route_is_a_problem() {
    assert_eq!(app().await.get("/api/nothing").await.problem(404), "route_not_found");
    assert_eq!(app().await.get("/nothing").await.problem(404), "route_not_found");
    let without_v1 = app().await.get("/chat/completions").await;
    assert!(without_v1.json()["error"]["message"].as_str().unwrap().contains("ends with /v1"));
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let app = app().await;
    let alice = app.user("alice").await;
    let reply = alice.delete("/api/chats/").await;
    assert_eq!(reply.header("allow"), "GET,HEAD,POST");
    assert_eq!(reply.problem(405), "method_not_allowed");
}

#[tokio::test]
async fn bodies_are_refused_for_what_is_wrong_with_them() {
    let app = app().await;
    let alice = app.user("alice").await;
    let post = |content_type: &'static str, body: &'static str| {
        let request = alice.request(Method::POST, "/api/chats/");
        Reply::send(request.header("content-type", content_type).body(body))
    };
    assert_eq!(post("application/json", r#"{"title":"#).await.problem(400), "malformed_json");
    assert_eq!(post("application/json", "").await.problem(400), "malformed_json");
    assert_eq!(
        post("application/json", r#"{"title":"a"} trailing"#).await.problem(400),
        "malformed_json"
    );
    assert_eq!(post("text/plain", "{}").await.problem(415), "unsupported_media_type");
    assert_eq!(post("application/json", r#"{"title":5}"#).await.pointers(), ["/title"]);
    assert_eq!(post("application/json", r#"{"metadata":[]}"#).await.pointers(), ["/metadata"]);
    assert_eq!(post("application/json", r#"{"id":"no-uuid"}"#).await.pointers(), ["/id"]);
    for (body, detail) in [
        (r#"{"title":5}"#, "title must be a string, not 5."),
        ("[]", "The body must be an object, not an array."),
    ] {
        let reply = post("application/json", body).await;
        assert_eq!((reply.status, reply.json()["detail"].as_str()), (422, Some(detail)));
    }
    for (query, detail) in
        [("chats/?limit=x", "limit must be a whole number."), ("files/search", "q is missing.")]
    {
        let reply = alice.get(&format!("/api/{query}")).await;
        assert_eq!(reply.json()["detail"], detail);
    }
    post("application/json; charset=utf-8", "{}").await.expect(201);
    post("application/vnd.api+json", "{}").await.expect(201);
}

#[tokio::test]
async fn the_character_u0000_is_refused_with_its_place() {
    let app = app().await;
    let alice = app.user("alice").await;
    let post = |body| alice.post("/api/chats/", body);
    assert_eq!(post(json!({ "title": "a\0b" })).await.pointers(), ["/title"]);
    let nested = json!({ "metadata": { "a/b": ["", { "c~d": "\0" }] } });
    assert_eq!(post(nested).await.pointers(), ["/metadata/a~1b/1/c~0d"]);
    assert_eq!(post(json!({ "metadata": { "\0": 1 } })).await.pointers(), ["/metadata/\0"]);
    let escaped = json!({ "title": "the text \\u0000 is fine" });
    post(escaped).await.expect(201);
}

#[tokio::test]
async fn bodies_nested_too_deep_are_refused() {
    let app = app().await;
    let alice = app.user("alice").await;
    let body = format!("{{\"metadata\":{{\"a\":{}{}}}}}", "[".repeat(10_000), "]".repeat(10_000));
    let request = alice.request(Method::POST, "/api/chats/");
    let request = request.header("content-type", "application/json").body(body);
    assert_eq!(Reply::send(request).await.problem(400), "malformed_json");
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let app =
        TestApp::with(&[("MAX_BODY_BYTES", "1000"), ("MAX_GENERATE_BODY_BYTES", "2000")]).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let large = "a".repeat(1500);
    let reply = alice.post("/api/chats/", json!({ "system_prompt": large })).await;
    assert_eq!(reply.problem(413), "body_too_large");
    alice.generate(&chat, json!({ "content": large })).await.expect(200);
    let too_large = json!({ "content": "a".repeat(2500) });
    assert_eq!(alice.generate(&chat, too_large).await.problem(413), "body_too_large");
}

#[tokio::test]
async fn a_path_that_is_no_uuid_is_refused() {
    let app = app().await;
    let alice = app.user("alice").await;
    assert_eq!(alice.get("/api/chats/nonsense").await.pointers(), ["/chat_id"]);
    assert_eq!(alice.get("/api/messages/1").await.pointers(), ["/message_id"]);
}

#[tokio::test]
async fn queries_are_refused_with_the_parameter() {
    let app = app().await;
    let alice = app.user("alice").await;
    for (query, pointer) in [
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("limit=ten", "/limit"),
        ("archived=maybe", "/archived"),
        ("cursor=nonsense", "/cursor"),
        ("q=", "/q"),
    ] {
        let reply = alice.get(&format!("/api/chats/?{query}")).await;
        assert_eq!(reply.pointers(), [pointer], "{query}");
    }
    assert_eq!(alice.get("/api/chats/?q=%FF").await.problem(400), "malformed_query");
    alice.get("/api/chats/?unknown=parameter").await.expect(200);
}

#[tokio::test]
async fn a_valid_request_id_is_kept() {
    let app = app().await;
    let alice = app.user("alice").await;
    let reply = alice.get_with_request_id("/api/chats/", "my-id_1").await;
    assert_eq!(reply.header("x-request-id"), "my-id_1");
    let reply = alice.get_with_request_id("/api/chats/", "not valid\t").await;
    assert_eq!(reply.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let app = TestApp::with(&[("RATE_LIMIT_PER_MINUTE", "2")]).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    alice.get("/api/chats/").await.expect(200);
    alice.get("/api/chats/").await.expect(200);
    let reply = alice.get("/api/chats/").await;
    assert!(reply.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(reply.header("ratelimit-policy"), "\"requests\";q=2;w=60");
    assert_eq!(reply.problem(429), "rate_limited");
    bob.get("/api/chats/").await.expect(200);
    // A real project's time is not ours to set.
    if let Clock::Fixed(_) = app.clock {
        app.clock.advance(Duration::from_secs(29));
        assert_eq!(alice.get("/api/chats/").await.problem(429), "rate_limited");
        app.clock.advance(Duration::from_secs(1));
        alice.get("/api/chats/").await.expect(200);
    }
}

#[tokio::test]
async fn generations_have_a_limit_of_their_own() {
    let app = TestApp::with(&[("GENERATIONS_PER_MINUTE", "1")]).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    alice.ask(&chat, "Hello").await;
    let reply = alice.generate(&chat, json!({ "content": "Hello again" })).await;
    assert_eq!(reply.problem(429), "generation_rate_limited");
    alice.get("/api/chats/").await.expect(200);
}

#[tokio::test]
async fn a_supabase_that_cannot_be_reached_is_our_fault() {
    let app = TestApp::with(&[
        ("SUPABASE_URL", "http://127.0.0.1:9"),
        ("SUPABASE_ANON_KEY", "sb_publishable_test"),
    ])
    .await;
    let reply = app.get_as("/api/chats/", "e30.e30.e30").await;
    assert_eq!(reply.problem(401), "token_invalid");
    assert_eq!(app.get("/health").await.expect(503)["status"], "down");
    assert_eq!(app.get("/health/ready").await.problem(503), "supabase_unreachable");
    app.get("/health/live").await.expect(200);
}
