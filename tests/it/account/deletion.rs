//! `DELETE /api/account`.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{fill, is_known, objects, rows, with_proxy};
use crate::support::{
    CHECKPOINT_EVERY_MS, Reply, TestApp, User, app, skipped_on_a_real_supabase, stage_with, until,
};

const NOTHING: [usize; 6] = [0; 6];

async fn delete_account(user: &User) -> Reply {
    user.delete("/api/account").await
}

/// Stores an object as supabase-js does; the status.
async fn store_object(app: &TestApp, user: &User, name: &str) -> u16 {
    let url = format!("{}/storage/v1/object/files/{}/{name}", app.supabase_url, user.id);
    let request = app.http.post(url).bearer_auth(&user.token).header("apikey", &app.anon_key);
    Reply::send(request.header("content-type", "text/plain").body("late")).await.status
}

#[tokio::test]
async fn everything_of_an_account_is_deleted_and_nobody_elses() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (chat, file) = fill(&alice).await;
    fill(&bob).await;
    assert_eq!(store_object(&app, &alice, "other/deep/x.txt").await, 200);
    let bobs = rows(&app, &bob).await;
    assert!(bobs.iter().all(|rows| *rows > 0), "{bobs:?}");

    let reply = delete_account(&alice).await;
    assert_eq!((reply.status, reply.text.as_str()), (204, ""));
    assert_eq!(rows(&app, &alice).await, NOTHING);
    assert_eq!(objects(&app, &alice).await, Vec::<String>::new());
    assert!(!is_known(&app, &alice).await);
    assert_eq!(rows(&app, &bob).await, bobs);
    assert_eq!(objects(&app, &bob).await.len(), 1);

    // The token is good for a while, and good for nothing.
    for path in [
        "/api/chats/",
        &format!("/api/chats/{chat}"),
        &format!("/api/messages/chat/{chat}"),
        "/api/files/",
        &format!("/api/files/{file}/content"),
        "/api/analytics/usage",
        "/api/analytics/events",
        "/api/scripts/runs",
    ] {
        assert_eq!(alice.get(path).await.problem(401), "user_not_found", "{path}");
    }
    let question = json!({ "content": "Hi" });
    for (path, body) in [
        ("/api/chats/", json!({ "title": "New" })),
        ("/api/ai/generate", json!({ "messages": [{ "role": "user", "content": "Hi" }] })),
        (&format!("/api/ai/chat/{chat}/generate"), question),
        ("/api/analytics/events", json!({ "name": "opened" })),
    ] {
        assert_eq!(alice.post(path, body).await.problem(401), "user_not_found", "{path}");
    }
    // Nor by supabase-js.
    let made = alice.rest(Method::POST, "/chats", Some(json!({ "title": "New" }))).await;
    assert_eq!((made.status, &made.json()["code"]), (401, &json!("PT401")));
    assert_ne!(store_object(&app, &alice, "x.txt").await, 200);
    assert_eq!(rows(&app, &alice).await, NOTHING);
    // A request whose answer was lost is sent again.
    assert_eq!(delete_account(&alice).await.status, 204);
}

/// Whatever breaks, the account is closed, and what is left goes later.
#[tokio::test]
async fn a_deletion_that_breaks_anywhere_is_finished_later() {
    if skipped_on_a_real_supabase("a clock that stands still") {
        return;
    }
    let app = app().await;
    let (replica, proxy) = with_proxy(&app).await;
    for (method, path) in [
        ("POST", "/storage/v1/object/list/files"),
        ("DELETE", "/storage/v1/object/files"),
        ("POST", "/rest/v1/rpc/delete_account_rows"),
        ("DELETE", "/auth/v1/admin/users"),
        ("POST", "/rest/v1/rpc/end_account_deletion"),
    ] {
        let alice = app.user("alice").await.on(&replica);
        fill(&alice).await;
        proxy.block(method, path);
        assert_eq!(delete_account(&alice).await.expect(202), json!({ "status": "deleting" }));
        assert_eq!(alice.get("/api/chats/").await.problem(401), "user_not_found", "{path}");
        let is_done = path.ends_with("end_account_deletion");
        assert_eq!(is_known(&app, &alice).await, !is_done, "{path}");
        proxy.unblock();
        // The one that was at work on it may still be.
        replica.finish_deletions().await;
        assert_eq!(is_known(&app, &alice).await, !is_done, "{path}");
        app.clock.advance(Duration::from_secs(121));
        replica.finish_deletions().await;
        assert_eq!(rows(&app, &alice).await, NOTHING, "{path}");
        assert_eq!(objects(&app, &alice).await, Vec::<String>::new(), "{path}");
        assert!(!is_known(&app, &alice).await, "{path}");
    }
    // One that could not even be begun has changed nothing.
    let alice = app.user("alice").await.on(&replica);
    proxy.block("POST", "/rest/v1/rpc/begin_account_deletion");
    assert!(delete_account(&alice).await.status >= 500);
    alice.get("/api/chats/").await.expect(200);
}

#[tokio::test]
async fn what_an_upload_stores_after_the_deletion_goes_an_hour_later() {
    if skipped_on_a_real_supabase("a clock that stands still") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    assert_eq!(delete_account(&alice).await.status, 204);
    let path = format!("/storage/v1/object/files/{}/late", alice.id);
    app.as_service(Method::POST, &path, Some(json!("late"))).await.expect(200);
    app.finish_deletions().await;
    assert_eq!(objects(&app, &alice).await.len(), 1);
    app.clock.advance(Duration::from_secs(3_601));
    app.finish_deletions().await;
    assert_eq!(objects(&app, &alice).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_running_answer_ends_with_the_account() {
    let mut stage = stage_with(&[(CHECKPOINT_EVERY_MS, "5")]).await;
    let settings =
        [(CHECKPOINT_EVERY_MS, "5"), ("SUPABASE_SERVICE_ROLE_KEY", stage.app.service_key())];
    let replica = stage.app.replica(&settings).await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    stage.alice = stage.alice.on(&replica);
    assert_eq!(delete_account(&stage.alice).await.status, 204);
    // It is another replica's, which learns it from the database.
    until("no answer runs", async || stage.app.running() == 0).await;
    assert_eq!(rows(&stage.app, &stage.alice).await, NOTHING);
}

#[tokio::test]
async fn without_the_service_key_nothing_is_deleted() {
    let app = app().await;
    let replica = app.replica(&[("SUPABASE_SERVICE_ROLE_KEY", "")]).await;
    let alice = app.user("alice").await.on(&replica);
    alice.create_chat("Trip").await;
    assert_eq!(delete_account(&alice).await.problem(503), "not_configured");
    assert_eq!(alice.get("/api/chats/").await.expect(200).as_array().unwrap().len(), 1);
    // And users cannot call what the server calls.
    for function in ["begin_account_deletion", "delete_account_rows", "end_account_deletion"] {
        let body = json!({ "p_user_id": alice.id });
        let reply = alice.rest(Method::POST, &format!("/rpc/{function}"), Some(body)).await;
        assert_eq!(reply.json()["code"], "42501", "{function}");
    }
}
