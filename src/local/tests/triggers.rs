//! What the triggers and foreign keys do to rows that a request does not name.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::*;
use crate::local_supabase::Role;

fn message(number: u128, more: Value) -> Value {
    let mut message = json!({"id": id(number), "chat_id": id(0xa002), "role": "user"});
    message.as_object_mut().unwrap().extend(members(more));
    message
}

async fn placed(server: &Server, number: u128) -> Value {
    let uri = format!("/messages?id=eq.{}&select=parent_id,created_at", id(number));
    server.rows(ALICE, &uri).await[0].clone()
}

#[tokio::test]
async fn a_message_follows_the_newest_active_one() {
    let server = Server::with_chats().await;
    server.insert(ALICE, "messages", message(1, json!({}))).await;
    assert_eq!(placed(&server, 1).await["parent_id"], Value::Null);
    server.clock.advance(Duration::from_secs(1));
    server.insert(ALICE, "messages", message(2, json!({"is_active": false}))).await;
    assert_eq!(placed(&server, 2).await["parent_id"], Value::Null);
    server.insert(ALICE, "messages", message(3, json!({}))).await;
    assert_eq!(placed(&server, 3).await["parent_id"], id(1));
    // Named parents stay, and an answer is later than its question.
    server.insert(ALICE, "messages", message(4, json!({"parent_id": id(3)}))).await;
    assert_eq!(
        placed(&server, 4).await,
        json!({"parent_id": id(3), "created_at": "2026-11-22T19:53:32.893151+00:00"})
    );
    let early = json!({"parent_id": id(4), "created_at": "2020-01-01"});
    server.insert(ALICE, "messages", message(5, early)).await;
    assert_eq!(placed(&server, 5).await["created_at"], "2026-11-22T19:53:32.893152+00:00");
}

#[tokio::test]
async fn a_message_makes_its_chat_recent() {
    let server = Server::with_chats().await;
    let chat = format!("/chats?id=eq.{}&select=last_message_at,updated_at", id(0xa002));
    server.clock.advance(Duration::from_secs(1));
    server.insert(ALICE, "messages", message(1, json!({"created_at": "2026-05-01"}))).await;
    let touched = json!([{"last_message_at": "2026-05-01T00:00:00+00:00",
                          "updated_at": "2026-11-22T19:53:32.89315+00:00"}]);
    assert_eq!(server.rows(ALICE, &chat).await, touched);
    server.insert(ALICE, "messages", message(2, json!({"created_at": "2026-04-01"}))).await;
    assert_eq!(server.rows(ALICE, &chat).await[0]["last_message_at"], "2026-05-01T00:00:00+00:00");
}

#[tokio::test]
async fn what_refers_to_a_deleted_row_loses_the_reference_only() {
    let server = Server::with_chats().await;
    let usage = json!({"chat_id": id(0xa001), "message_id": id(0xa101),
        "operation": "chat", "provider": "p", "model": "m", "usage_source": "reported",
        "status": "complete"});
    server.insert(ALICE, "usage_logs", usage).await;
    let event = json!({"id": id(2), "name": "opened", "chat_id": id(0xa001)});
    server.insert(ALICE, "analytics", event).await;
    server.send(ALICE, delete(&format!("/messages?id=eq.{}", id(0xa101)))).await;
    let second = placed(&server, 0xa102).await;
    assert_eq!(second["parent_id"], Value::Null);
    let usage = "/usage_logs?select=chat_id,message_id,user_id";
    let alice = id_of(ALICE);
    assert_eq!(
        server.rows(ALICE, usage).await,
        json!([{"chat_id": id(0xa001), "message_id": null, "user_id": alice}])
    );
    server.send(ALICE, delete(&format!("/chats?id=eq.{}", id(0xa001)))).await;
    let events = server.rows(ALICE, "/analytics?select=chat_id,user_id").await;
    assert_eq!(events, json!([{"chat_id": null, "user_id": alice}]));
    assert_eq!(server.rows(ALICE, usage).await[0]["chat_id"], Value::Null);
    assert_eq!(server.rows(ALICE, "/messages").await, json!([]));
}

#[tokio::test]
async fn everything_goes_with_its_user() {
    let server = Server::with_chats().await;
    let usage = json!({"operation": "chat", "provider": "p", "model": "m", "chat_id": id(0xa001),
        "usage_source": "reported", "status": "complete"});
    server.insert(ALICE, "usage_logs", usage).await;
    server.execute(&format!("delete from auth_users where id = '{}'", id_of(ALICE))).await;
    for (table, left) in [("chats", 1), ("messages", 1), ("usage_logs", 0), ("analytics", 0)] {
        let rows = server.rows(Role::Service, &format!("/{table}?select=id")).await;
        assert_eq!(rows.as_array().unwrap().len(), left, "{table}");
    }
}
