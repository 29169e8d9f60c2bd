//! The history that `begin_generation` answers with.

use serde_json::{Value, json};

use super::support::*;

const CHAT: u128 = 0xc0;

async fn server() -> Server {
    let server = Server::start().await;
    server.insert(ALICE, "chats", json!({"id": id(CHAT)})).await;
    server
}

/// Sends a message of that number to be answered.
async fn ask(server: &Server, number: u128) -> Value {
    let message = json!({"id": id(number), "content": "now", "parts": ["now"]});
    let call = json!({"p_chat_id": id(CHAT), "p_run": id(1), "p_message_id": id(0x1001),
        "p_user_message": message});
    server.call(ALICE, "begin_generation", call).await
}

#[tokio::test]
async fn history_leaves_out_what_no_model_could_read() {
    let server = server().await;
    let row = |number: u128, at: u32, more: Value| {
        let mut row = json!({"id": id(number), "chat_id": id(CHAT), "role": "user",
            "parts": [{"type": "text", "text": "x"}], "content": "", "status": "complete", "is_active": true,
            "created_at": format!("2026-01-01T00:00:{at:02}Z")});
        row.as_object_mut().unwrap().extend(members(more));
        row
    };
    let rows = json!([
        row(1, 1, json!({})),
        row(2, 2, json!({"role": "assistant", "parts": []})),
        row(3, 3, json!({"is_active": false})),
        row(4, 4, json!({"role": "system"})),
        row(5, 5, json!({"role": "assistant"})),
    ]);
    server.insert(ALICE, "messages", rows).await;
    let started = ask(&server, 6).await;
    let expected: Vec<_> = [1, 4, 5, 6].map(id).into();
    assert_eq!(column(&started["history"], "id"), expected.join(","));
}

#[tokio::test]
async fn history_is_the_newest_thousand() {
    let server = server().await;
    server
        .execute(&format!(
            "insert into messages (id, chat_id, user_id, parent_id, role, parts, created_at) \
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 1200) \
             select printf('00000000-0000-0000-0001-%012x', i), '{}', '{}', null, 'user', '[1]', i \
             from n",
            id(CHAT),
            id_of(ALICE)
        ))
        .await;
    let started = ask(&server, 1).await;
    let history = started["history"].as_array().unwrap();
    assert_eq!(history.len(), 1000);
    assert_eq!(history[999]["id"], id(1));
    assert_eq!(history[0]["id"], "00000000-0000-0000-0001-0000000000ca");
}
