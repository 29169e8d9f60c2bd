//! `/api/chats`.

use chat_backend::api::chats::model::Chat;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{User, app};

fn titles(chats: &Value) -> Vec<String> {
    let title = |chat: &Value| chat["title"].as_str().unwrap().to_owned();
    chats.as_array().unwrap().iter().map(title).collect()
}

async fn list(user: &User, query: &str) -> Vec<String> {
    titles(&user.get(&format!("/api/chats/{query}")).await.expect(200))
}

#[tokio::test]
async fn a_new_chat_has_everything_filled_in() {
    let app = app().await;
    let alice = app.user("alice").await;
    let reply = alice.post("/api/chats/", json!({})).await;
    let location = reply.header("location").to_owned();
    let chat = reply.expect(201);
    assert_eq!(location, format!("/api/chats/{}", chat["id"].as_str().unwrap()));
    assert_eq!(chat["title"], "New chat");
    assert_eq!(chat["user_id"], alice.id.as_str());
    for field in ["model", "system_prompt", "last_message_at"] {
        assert!(chat[field].is_null(), "{field}");
    }
    assert_eq!(chat["metadata"], json!({}));
    assert_eq!(alice.get(&location).await.expect(200), chat);
}

#[tokio::test]
async fn rows_are_what_the_document_says() {
    let app = app().await;
    let alice = app.user("alice").await;
    let body = json!({ "title": "Trip", "model": "scripted/demo", "metadata": { "a": [1] } });
    let chat = alice.post("/api/chats/", body).await.expect(201);
    let typed: Chat = serde_json::from_value(chat.clone()).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), chat);
}

#[tokio::test]
async fn titles_are_trimmed_and_checked() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.post("/api/chats/", json!({ "title": "  Rome \n" })).await.expect(201);
    assert_eq!(chat["title"], "Rome");
    for title in ["", "   ", &"a".repeat(201)] {
        let reply = alice.post("/api/chats/", json!({ "title": title })).await;
        assert_eq!(reply.pointers(), ["/title"]);
    }
    alice.post("/api/chats/", json!({ "title": "é".repeat(200) })).await.expect(201);
}

#[tokio::test]
async fn a_creation_can_be_repeated() {
    let app = app().await;
    let alice = app.user("alice").await;
    // A database may write a number in another way.
    let metadata = json!({ "whole": 1000.0, "zero": -0.0, "large": 1e300 });
    let body = json!({ "id": Uuid::new_v4(), "title": "Trip", "metadata": metadata });
    let chat = alice.post("/api/chats/", body.clone()).await.expect(201);
    assert_eq!(alice.post("/api/chats/", body.clone()).await.expect(200), chat);
    let other = json!({ "id": body["id"], "title": "Another" });
    assert_eq!(alice.post("/api/chats/", other).await.problem(409), "id_conflict");
    let only_the_id = json!({ "id": body["id"] });
    assert_eq!(alice.post("/api/chats/", only_the_id).await.expect(200), chat);
    let bob = app.user("bob").await;
    assert_eq!(bob.post("/api/chats/", body).await.problem(409), "id_conflict");
}

#[tokio::test]
async fn only_the_fields_that_are_present_change() {
    let app = app().await;
    let alice = app.user("alice").await;
    let body = json!({ "title": "Trip", "model": "scripted/demo", "system_prompt": "Be brief" });
    let chat = alice.post("/api/chats/", body).await.expect(201);
    let path = format!("/api/chats/{}", chat["id"].as_str().unwrap());
    let changed = alice.patch(&path, json!({ "title": "Rome" })).await.expect(200);
    assert_eq!(changed["title"], "Rome");
    assert_eq!(changed["model"], "scripted/demo");
    let changed = alice.put(&path, json!({ "model": null, "is_archived": true })).await.expect(200);
    assert!(changed["model"].is_null());
    assert_eq!(changed["system_prompt"], "Be brief");
    assert_eq!(changed["is_archived"], true);
    assert_eq!(alice.patch(&path, json!({})).await.expect(200), changed);
    assert_eq!(alice.patch(&path, json!({ "title": null })).await.pointers(), ["/title"]);
    let both = json!({ "title": "", "model": "" });
    assert_eq!(alice.patch(&path, both).await.pointers(), ["/title", "/model"]);
}

#[tokio::test]
async fn archive_and_bookmark_set_or_change_sides() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    for (action, field, flag) in
        [("archive", "archived", "is_archived"), ("bookmark", "bookmarked", "is_bookmarked")]
    {
        let path = format!("/api/chats/{chat}/{action}");
        assert_eq!(alice.poke(&path).await.expect(200)[flag], true);
        assert_eq!(alice.poke(&path).await.expect(200)[flag], false);
        for _ in 0..2 {
            let set = alice.post(&path, json!({ field: true })).await;
            assert_eq!(set.expect(200)[flag], true);
        }
        assert_eq!(alice.post(&path, json!({ field: "yes" })).await.status, 422);
        assert_eq!(alice.post(&path, json!({})).await.status, 422);
    }
}

#[tokio::test]
async fn lists_are_by_last_activity() {
    let app = app().await;
    let alice = app.user("alice").await;
    let mut chats = Vec::new();
    for title in ["first", "second", "third"] {
        chats.push(alice.create_chat(title).await);
        app.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(list(&alice, "").await, ["third", "second", "first"]);
    alice.add_message(&chats[0], "Hello").await;
    assert_eq!(list(&alice, "").await, ["first", "third", "second"]);
    alice.poke(&format!("/api/chats/{}/bookmark", chats[1])).await.expect(200);
    assert_eq!(list(&alice, "").await, ["first", "third", "second"]);
}

#[tokio::test]
async fn lists_can_be_filtered() {
    let app = app().await;
    let alice = app.user("alice").await;
    let archived = alice.create_chat("archived").await;
    let bookmarked = alice.create_chat("bookmarked").await;
    alice.poke(&format!("/api/chats/{archived}/archive")).await.expect(200);
    alice.poke(&format!("/api/chats/{bookmarked}/bookmark")).await.expect(200);
    assert_eq!(list(&alice, "?archived=true").await, ["archived"]);
    assert_eq!(list(&alice, "?archived=false").await, ["bookmarked"]);
    assert_eq!(list(&alice, "?bookmarked=true&archived=false").await, ["bookmarked"]);
    assert_eq!(list(&alice, "?bookmarked=true&archived=true").await, [""; 0]);
}

#[tokio::test]
async fn search_is_literal_and_looks_into_active_messages() {
    let app = app().await;
    let alice = app.user("alice").await;
    let rome = alice.create_chat("Trip to Rome").await;
    alice.create_chat("100% Müller").await;
    let message = alice.add_message(&rome, "Where is the Colosseum?").await;
    assert_eq!(list(&alice, "?q=rome").await, ["Trip to Rome"]);
    assert_eq!(list(&alice, "?q=COLOSSEUM").await, ["Trip to Rome"]);
    assert_eq!(list(&alice, "?q=0%25").await, ["100% Müller"]);
    assert_eq!(list(&alice, "?q=m%C3%9CLLER").await, ["100% Müller"]);
    // What PostgREST would take for a filter is a word like any other.
    alice.create_chat("eq.1 is.null not.a.b in.(1)").await;
    for word in ["eq.1", "is.null", "not.a", "in.(1", "eq.1%20is"] {
        let found = ["eq.1 is.null not.a.b in.(1)"];
        assert_eq!(list(&alice, &format!("?q={word}")).await, found, "{word}");
    }
    for nothing in ["%25rome", "r_me", "*", "\\", "';--", "like.*"] {
        assert_eq!(list(&alice, &format!("?q={nothing}")).await, [""; 0], "{nothing}");
    }
    let bob = app.user("bob").await;
    assert_eq!(list(&bob, "?q=rome").await, [""; 0]);
    let path = format!("/messages?id=eq.{}", message["id"].as_str().unwrap());
    let inactive = Some(json!({ "is_active": false }));
    alice.rest(reqwest::Method::PATCH, &path, inactive).await.expect(200);
    assert_eq!(list(&alice, "?q=colosseum").await, [""; 0]);
}

#[tokio::test]
async fn pages_follow_one_another_without_gaps() {
    let app = app().await;
    let alice = app.user("alice").await;
    // The clock stands still: all have the same time, and ids break the tie.
    for number in 0..7 {
        alice.create_chat(&format!("Chat {number}")).await;
    }
    for start in [
        "/api/chats/?limit=3&archived=false",
        "/api/chats?limit=3",
        "/api/chats/?limit=3&q=none",
        "/api/chats/?limit=3&q=chat",
    ] {
        let mut seen = Vec::new();
        let mut next = Some(start.to_owned());
        while let Some(path) = next {
            let reply = alice.get(&path).await;
            next = reply.next_page();
            seen.extend(titles(&reply.expect(200)));
        }
        let expected = if start.contains("none") { 0 } else { 7 };
        let all: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), all.len()), (expected, expected), "{start}: {seen:?}");
    }
    let reply = alice.get("/api/chats/?limit=7").await;
    assert_eq!(reply.next_page(), None);
}

#[tokio::test]
async fn a_chat_can_come_with_its_last_messages() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let path = format!("/api/chats/{chat}?include=messages");
    assert_eq!(alice.get(&path).await.expect(200)["messages"], json!([]));
    for number in 0..52 {
        alice.add_message(&chat, &format!("message {number}")).await;
    }
    let reply = alice.get(&path).await.expect(200);
    let messages = reply["messages"].as_array().unwrap();
    assert_eq!(reply["title"], "Trip");
    assert_eq!(messages.len(), 50);
    assert_eq!(messages[0]["content"], "message 2");
    assert_eq!(messages[49]["content"], "message 51");
    assert_eq!(alice.get(&format!("/api/chats/{chat}?include=all")).await.pointers(), ["/include"]);
}

#[tokio::test]
async fn a_deleted_chat_takes_its_messages_along_and_leaves_usage() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    alice.ask(&chat, "Hello").await;
    assert_eq!(alice.delete(&format!("/api/chats/{chat}")).await.status, 204);
    assert_eq!(alice.delete(&format!("/api/chats/{chat}")).await.problem(404), "chat_not_found");
    let messages = alice.rest(reqwest::Method::GET, "/messages", None).await.expect(200);
    assert_eq!(messages, json!([]));
    let usage = alice.usage_logs().await;
    assert_eq!(usage.len(), 1);
    assert!(usage[0]["chat_id"].is_null() && usage[0]["message_id"].is_null());
}

#[tokio::test]
async fn another_users_chat_is_not_there() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let chat = alice.create_chat("Secret").await;
    let message = alice.add_message(&chat, "Secret").await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/chats/{chat}");
    let ai = format!("/api/ai/chat/{chat}");
    let messages = format!("/api/messages/chat/{chat}");
    let replies = [
        bob.get(&path).await,
        bob.get(&format!("{path}?include=messages")).await,
        bob.patch(&path, json!({ "title": "Mine" })).await,
        bob.patch(&path, json!({})).await,
        bob.delete(&path).await,
        bob.poke(&format!("{path}/archive")).await,
        bob.post(&format!("{path}/bookmark"), json!({ "bookmarked": true })).await,
        bob.get(&messages).await,
        bob.post(&messages, json!({ "content": "Hello" })).await,
        bob.get(&format!("/api/messages/{message}")).await,
        bob.patch(&format!("/api/messages/{message}"), json!({ "content": "Mine" })).await,
        bob.delete(&format!("/api/messages/{message}")).await,
        bob.post(&format!("{ai}/generate"), json!({ "content": "Hello" })).await,
        bob.post(&format!("{ai}/generate"), json!({ "regenerate": message })).await,
        bob.post("/api/ai/chat", json!({ "id": chat, "message": { "content": "Hello" } })).await,
        bob.get(&format!("{ai}/stream")).await,
        bob.poke(&format!("{ai}/stop")).await,
    ];
    for (number, reply) in replies.into_iter().enumerate() {
        assert_eq!(reply.status, 404, "{number}: {}", reply.text);
        assert!(!reply.text.contains("Secret"), "{number}");
    }
    assert_eq!(alice.get(&path).await.expect(200)["title"], "Secret");
    assert_eq!(alice.messages(&chat).await.len(), 1);
    assert_eq!(list(&bob, "").await, [""; 0]);
    let taken = json!({ "id": message, "content": "Mine" });
    let own = bob.create_chat("Own").await;
    let reply = bob.post(&format!("/api/messages/chat/{own}"), taken.clone()).await;
    assert_eq!(reply.problem(409), "id_conflict");
    let reply = bob.generate(&own, json!({ "message": taken })).await;
    assert_eq!(reply.problem(409), "id_conflict");
}
