//! Embedded relations.

use serde_json::json;

use super::cases::{case, check};
use super::support::*;

#[tokio::test]
async fn shapes() {
    let server = Server::with_chats().await;
    let expected = [
        (
            "chats",
            "title,messages(content,role)",
            json!({"title": "alpha", "messages": [
                {"content": "first", "role": "user"},
                {"content": "second", "role": "assistant"},
                {"content": "third", "role": "user"},
            ]}),
        ),
        (
            "chats",
            "said:messages(content)&said.role=eq.user&said.order=created_at.desc",
            json!({"said": [{"content": "third"}, {"content": "first"}]}),
        ),
        (
            "chats",
            "said:messages(content)&messages.role=eq.assistant",
            json!({"said": [{"content": "second"}]}),
        ),
        (
            "chats",
            "title,messages(content)&messages.order=created_at.desc&messages.limit=2",
            json!({"title": "alpha", "messages": [{"content": "third"}, {"content": "second"}]}),
        ),
        (
            "chats",
            "messages(content)&messages.limit=1&messages.offset=1",
            json!({"messages": [{"content": "second"}]}),
        ),
        ("chats", "messages(count)", json!({"messages": [{"count": 3}]})),
        ("chats", "messages(n:count)&messages.role=eq.user", json!({"messages": [{"n": 2}]})),
        ("chats", "title,messages()", json!({"title": "alpha"})),
        (
            "chats",
            "messages(content,chats(title))&messages.limit=1",
            json!({"messages": [{"content": "first", "chats": {"title": "alpha"}}]}),
        ),
        (
            "chats",
            "messages!messages_chat_fkey(content)&messages.limit=1",
            json!({"messages": [{"content": "first"}]}),
        ),
        (
            "chats",
            "messages_chat_fkey(content)&messages_chat_fkey.limit=1",
            json!({"messages_chat_fkey": [{"content": "first"}]}),
        ),
        (
            "chats",
            "...messages(content,is_active)&messages.role=eq.user",
            json!({"content": ["first", "third"], "is_active": [true, true]}),
        ),
        (
            "chats",
            "messages(metadata->x,is_active,created_at,cost_usd)&messages.limit=1",
            json!({"messages": [{"x": null, "is_active": true, "cost_usd": null,
                "created_at": "2026-01-02T00:00:01+00:00"}]}),
        ),
        (
            "chats",
            "title,messages(content)&messages.or=(role.eq.assistant,content.eq.first)",
            json!({"title": "alpha", "messages": [{"content": "first"}, {"content": "second"}]}),
        ),
        (
            "chats",
            "messages(messages(content))&messages.limit=1",
            json!({"messages": [{"messages": [{"content": "second"}]}]}),
        ),
        (
            "messages",
            "content,chats(title)",
            json!({"content": "first", "chats": {"title": "alpha"}}),
        ),
        (
            "messages",
            "content,chats(title)&chats.title=eq.none",
            json!({"content": "first", "chats": null}),
        ),
        (
            "messages",
            "content,...chats(chat:title,metadata->n)",
            json!({"content": "first", "chat": "alpha", "n": 1}),
        ),
        (
            "messages",
            "...chats(...messages(content),title)",
            json!({"title": "alpha",
            "content": ["first", "second", "third"]}),
        ),
        ("messages", "chats(messages(count))", json!({"chats": {"messages": [{"count": 3}]}})),
        ("messages", "chats(count)", json!({"chats": {"count": 1}})),
    ];
    for (table, select, row) in expected {
        let rows = server.rows(ALICE, &format!("/{table}?select={select}&order=id&limit=1")).await;
        assert_eq!(rows, json!([row]), "{select}");
    }
}

#[tokio::test]
async fn parents_by_what_is_embedded() {
    let server = Server::with_chats().await;
    let expected = [
        ("messages!inner(content)", "alpha"),
        ("messages!inner(content)&messages.content=eq.second", "alpha"),
        ("messages!inner(content)&messages.content=eq.none", ""),
        ("messages(content)&messages.content=eq.none", "alpha,beta two,gamma"),
        ("messages()&messages=is.null", "beta two,gamma"),
        ("messages()&messages=not.is.null", "alpha"),
        ("messages(content)&or=(messages.is.null,title.eq.alpha)", "alpha,beta two,gamma"),
        ("m:messages!inner!messages_chat_fkey(content)", "alpha"),
        ("messages!left(content)", "alpha,beta two,gamma"),
        ("messages!inner(usage_logs!inner(id))", ""),
    ];
    for (select, titles) in expected {
        let uri = format!("/chats?select=title,{select}&order=id");
        let answer = server.send(ALICE, get(&uri).prefer("count=exact")).await;
        assert_eq!(column(&answer.json(), "title"), titles, "{select}");
        let count = answer.json().as_array().unwrap().len();
        assert!(answer.header("content-range").ends_with(&format!("/{count}")), "{select}");
    }
}

#[tokio::test]
async fn order_by_an_embedded_row() {
    let server = Server::with_chats().await;
    let message = json!({"chat_id": id(0xa002), "role": "user", "content": "in beta"});
    server.insert(ALICE, "messages", message).await;
    let rows = server
        .rows(ALICE, "/messages?select=content,chats(title)&order=chats(title).desc,content")
        .await;
    assert_eq!(column(&rows, "content"), "in beta,first,second,third");
    let cases = vec![
        case("to-many", ALICE, get("/chats?select=messages(id)&order=messages(id)")).refuses_with(
            400,
            "PGRST118",
            "A related order on 'messages' is not possible",
            "'chats' and 'messages' do not form a many-to-one or one-to-one relationship",
            (),
        ),
        case(
            "by what is not selected there",
            ALICE,
            get("/messages?select=content,chats(id)&order=chats(title)"),
        )
        .refuses(400, "42703", "column messages_chats_1.title does not exist"),
        case("not embedded", ALICE, get("/messages?order=chats(title)")).refuses_with(
            400,
            "PGRST108",
            "'chats' is not an embedded resource in this request",
            (),
            "Verify that 'chats' is included in the 'select' query parameter.",
        ),
    ];
    check(&server, cases).await;
}
