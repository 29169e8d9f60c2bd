//! Lists and fields of files, and whose they are.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{content, id, load};
use crate::support::{Form, app};

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    for number in 0..5 {
        let form = Form::file(&format!("Größe {number}%.txt"), "text/plain", "hello");
        let form = if number < 2 { form.field("chat_id", &chat) } else { form };
        alice.upload(form).await.expect(201);
        app.clock.advance(Duration::from_secs(1));
    }
    let names = |rows: &Value| {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().chars().nth(6).unwrap()).collect::<String>()
    };
    let list =
        async |query: &str| names(&alice.get(&format!("/api/files/{query}")).await.expect(200));
    assert_eq!(list("").await, "43210");
    assert_eq!(list(&format!("?chat_id={chat}")).await, "10");
    assert_eq!(list("?q=GR%C3%96SSE%203").await, "");
    assert_eq!(list("?q=gr%C3%B6%C3%9Fe%203").await, "3");
    assert_eq!(list("?q=2%25.").await, "2");
    assert_eq!(list("?q=%25%25").await, "");
    let mut seen = String::new();
    let mut next = Some("/api/files?limit=2".to_owned());
    while let Some(path) = next {
        let reply = alice.get(&path).await;
        next = reply.next_page();
        let page = reply.expect(200);
        for row in page.as_array().unwrap() {
            assert_eq!(load(&app, row).await.text, "hello");
        }
        seen.push_str(&names(&page));
    }
    assert_eq!(seen, "43210");
    alice.delete(&format!("/api/chats/{chat}")).await;
    assert_eq!(list("").await, "43210", "files outlive their chat");
}

#[tokio::test]
async fn only_the_fields_that_are_present_change() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let form = Form::file("a.txt", "text/plain", "hello").field("chat_id", &chat);
    let file = alice.upload(form).await.expect(201);
    let path = format!("/api/files/{}", id(&file));
    let changed = alice.patch(&path, json!({ "name": " b.txt " })).await.expect(200);
    assert_eq!((&changed["name"], &changed["chat_id"]), (&json!("b.txt"), &json!(chat)));
    let changed = alice.put(&path, json!({ "chat_id": null, "metadata": { "a": 1 } })).await;
    let changed = changed.expect(200);
    assert!(changed["chat_id"].is_null() && changed["name"] == "b.txt");
    assert_eq!(alice.patch(&path, json!({})).await.expect(200)["metadata"], json!({ "a": 1 }));
    for (body, pointer) in [
        (json!({ "name": "" }), "/name"),
        (json!({ "name": "a/b" }), "/name"),
        (json!({ "name": null }), "/name"),
        (json!({ "name": "x".repeat(256) }), "/name"),
        (json!({ "metadata": 7 }), "/metadata"),
    ] {
        assert_eq!(alice.patch(&path, body).await.pointers(), [pointer]);
    }
    let bobs = app.user("bob").await.create_chat("Bob's").await;
    let reply = alice.patch(&path, json!({ "chat_id": bobs })).await;
    assert_eq!(reply.problem(404), "chat_not_found");
}

#[tokio::test]
async fn another_users_file_is_not_there() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let file = alice.add_file("secret.txt", "text/plain", "secret").await;
    let path = format!("/api/files/{}", id(&file));
    for reply in [
        bob.get(&path).await,
        bob.get(&content(&file)).await,
        bob.patch(&path, json!({ "name": "mine" })).await,
        bob.patch(&path, json!({})).await,
        bob.poke(&format!("{path}/url")).await,
        bob.delete(&path).await,
    ] {
        assert_eq!(reply.problem(404), "file_not_found");
    }
    assert_eq!(bob.get("/api/files/").await.expect(200), json!([]));
    assert_eq!(alice.get(&content(&file)).await.text, "secret");
    assert_eq!(alice.delete(&path).await.status, 204);
    assert_eq!(alice.delete(&path).await.problem(404), "file_not_found");
    assert_eq!(alice.get(&content(&file)).await.problem(404), "file_not_found");
    assert_eq!(load(&app, &file).await.status, 400, "its address has ended with it");
}

#[tokio::test]
async fn a_time_that_no_client_can_read_is_refused() {
    let app = app().await;
    let alice = app.user("alice").await;
    for at in ["9999-06-01T00:00:00Z", "infinity", "-infinity"] {
        let row = json!({ "name": "a.txt", "created_at": at });
        assert_eq!(alice.rest(Method::POST, "/files", Some(row)).await.status, 400, "{at}");
        let file = alice.add_file("a.txt", "text/plain", "a").await;
        let row = format!("/files?id=eq.{}", file["id"].as_str().unwrap());
        let changed = alice.rest(Method::PATCH, &row, Some(json!({ "created_at": at }))).await;
        assert_eq!(changed.status, 400, "{at}");
    }
    assert_eq!(alice.get("/api/files/").await.expect(200).as_array().unwrap().len(), 3);
}
