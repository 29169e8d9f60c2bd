//! What one user can learn of another's rows, or do to them: nothing.

use serde_json::{Value, json};

use super::support::*;
use crate::local_supabase::Role;

/// Everything there is.
async fn dump(server: &Server) -> Vec<Value> {
    let mut tables = Vec::new();
    for table in ["chats", "messages", "usage_logs", "analytics"] {
        tables.push(server.rows(Role::Service, &format!("/{table}?order=id")).await);
    }
    tables
}

/// Alice's rows in every table, and a row of Bob's that refers to one of hers, which only the
/// service role can make.
async fn server() -> Server {
    let server = Server::with_chats().await;
    let usage = |number, role, message| {
        json!({"id": id(number), "user_id": id_of(role), "message_id": id(message),
            "operation": "chat", "provider": "p", "model": "m", "usage_source": "reported",
            "status": "complete"})
    };
    server.insert(Role::Service, "usage_logs", usage(0xb201, BOB, 0xa101)).await;
    server.insert(Role::Service, "usage_logs", usage(0xa201, ALICE, 0xa102)).await;
    let event = json!({"id": id(0xa301), "name": "alice opened", "chat_id": id(0xa001)});
    server.insert(ALICE, "analytics", event).await;
    server
}

#[tokio::test]
async fn reads() {
    let server = server().await;
    let uris = [
        "/chats",
        "/chats?select=*,messages(*,usage_logs(*)),usage_logs(*),analytics(*)",
        "/chats?select=...messages(content,usage_logs(*))",
        "/chats?or=(title.eq.alpha,title.eq.gamma,not.and(title.eq.x))",
        "/chats?select=id,messages(count)",
        "/chats?select=count",
        "/chats?id=eq.00000000-0000-0000-0000-00000000a001",
        "/chats?select=id,messages!inner(content)&messages.content=eq.first",
        "/messages?select=*,chats(*),messages(*),usage_logs(*)",
        "/messages?select=content,...chats(title)",
        "/messages?user_id=eq.00000000-0000-0000-0000-0000000a11ce",
        "/usage_logs?select=id,messages(*,chats(*))",
        "/usage_logs?select=id,...messages(content)",
        "/usage_logs?select=id,messages!inner(content)",
        "/usage_logs?select=id,messages(content)&order=messages(content)",
        "/usage_logs?select=id,messages()&messages=not.is.null",
        "/usage_logs?select=id,m:messages(count)",
        "/analytics?select=*,chats(*)",
        "/rpc/search_chats?q=a",
        "/rpc/search_chats?q=&select=*,messages(*)",
    ];
    for uri in uris {
        for request in [get(uri), get(uri).accept("text/csv")] {
            let answer = server.send(BOB, request.prefer("count=exact")).await;
            assert!(answer.status.is_success(), "{uri}: {}", answer.body);
            for secret in ["a11ce", "00a001", "00a002", "00a003", "00a101", "00a201", "00a301"] {
                assert!(!answer.body.contains(secret), "{uri}: {}", answer.body);
            }
            for secret in ["alpha", "gamma", "first", "second", "alice"] {
                assert!(!answer.body.contains(secret), "{uri}: {}", answer.body);
            }
        }
    }
    let rows = server.rows(BOB, "/usage_logs?select=messages(content)").await;
    assert_eq!(rows, json!([{"messages": null}]));
    let rows = server.rows(BOB, "/usage_logs?select=m:messages(count)").await;
    assert_eq!(rows, json!([{"m": {"count": 0}}]));
}

#[tokio::test]
async fn writes() {
    let server = server().await;
    let before = dump(&server).await;
    let alice = id_of(ALICE);
    let requests = [
        patch("/chats?title=eq.alpha").json(&json!({"title": "bob was here"})),
        patch("/chats?or=(title.eq.alpha,id.not.is.null)&title=neq.bob one")
            .json(&json!({"title": "bob was here"})),
        patch("/messages?content=eq.first").json(&json!({"content": "bob was here"})),
        patch("/usage_logs?model=eq.m").json(&json!({"model": "x"})),
        patch("/analytics?name=neq.x").json(&json!({"name": "x"})),
        delete("/chats?title=neq.bob one"),
        delete("/messages?content=neq.bob's"),
        delete("/usage_logs?model=eq.m"),
        delete("/analytics?name=neq.x"),
        post("/chats").json(&json!({"user_id": alice})),
        post("/messages").json(&json!({"chat_id": id(0xa001), "role": "user"})),
        post("/messages").json(&json!({"chat_id": id(0xa001), "user_id": alice, "role": "user"})),
        post("/analytics").json(&json!({"name": "x", "user_id": alice})),
        post("/analytics").json(&json!({"name": "x", "chat_id": id(0xa001)})),
        post("/chats")
            .prefer("resolution=merge-duplicates")
            .json(&json!({"id": id(0xa001), "title": "bob was here"})),
        post("/messages").prefer("resolution=merge-duplicates").json(
            &json!({"id": id(0xa101), "chat_id": id(0xb001), "role": "user", "content": "bob"}),
        ),
        post("/chats").prefer("resolution=ignore-duplicates").json(&json!({"id": id(0xa001)})),
        request("PUT", &format!("/chats?id=eq.{}", id(0xa001)))
            .json(&json!({"id": id(0xa001), "title": "bob was here"})),
        post("/rpc/toggle_chat").json(&json!({"p_chat_id": id(0xa001), "p_column": "is_archived"})),
    ];
    for (number, request) in requests.into_iter().enumerate() {
        let answer = server.send(BOB, request).await;
        assert!(answer.status != 500, "{number}: {}", answer.body);
        assert!(!answer.body.contains("alpha"), "{number}: {}", answer.body);
        assert_eq!(dump(&server).await, before, "request {number}");
    }
}

#[tokio::test]
async fn functions() {
    let server = server().await;
    let before = dump(&server).await;
    let (chat, alice) = (id(0xa001), id_of(ALICE));
    for user in [json!(null), json!(alice)] {
        let begin = json!({"p_chat_id": chat, "p_run": id(1), "p_message_id": id(2),
            "p_user_message": {"id": id(3), "content": "q", "parts": []}, "p_user_id": user,
            "p_create_chat": {}});
        let answer = server.call(BOB, "begin_generation", begin).await;
        assert_eq!(answer, json!({"answer": "not_found", "missing": "chat"}));
        let stop = json!({"p_chat_id": chat, "p_user_id": user});
        assert_eq!(server.call(BOB, "request_stop", stop).await, Value::Null);
        let save = json!({"p_message_id": id(0xa102), "p_run": id(1), "p_chat_id": chat,
            "p_content": "bob was here", "p_end": {"status": "complete"}, "p_user_id": user});
        let answer = server.call(BOB, "save_generation", save).await;
        assert_eq!(answer, json!({"owned": false, "stop_requested": false, "message": null}));
    }
    assert_eq!(dump(&server).await, before);
}
