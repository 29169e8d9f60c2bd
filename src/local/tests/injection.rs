//! Strings that would be SQL if they were ever part of a statement.

use serde_json::{Value, json};

use super::support::*;
use crate::local_supabase::Role;

const HOSTILE: [&str; 10] = [
    "'; drop table chats; --",
    "\"; drop table chats; --",
    "') or ('1'='1",
    "\") or (\"1\"=\"1",
    "title\" from chats; delete from messages; --",
    "x' union select id from auth_users --",
    "?1",
    ":uid @p $1 ??",
    "\\'; vacuum; --",
    "a/*b*/c",
];

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn dump(server: &Server) -> Vec<Value> {
    let mut tables = Vec::new();
    for table in ["chats", "messages", "usage_logs", "analytics"] {
        tables.push(server.rows(Role::Service, &format!("/{table}?order=id")).await);
    }
    tables
}

#[tokio::test]
async fn in_every_position_of_a_query_string() {
    let server = Server::with_chats().await;
    let before = dump(&server).await;
    let positions = [
        "/chats?title=eq.{}",
        "/chats?title=like.{}",
        "/chats?title=in.({},a)",
        "/chats?title=in.(\"{}\")",
        "/chats?title={}",
        "/chats?{}=eq.1",
        "/chats?or=(title.eq.{})",
        "/chats?or=({}.eq.a)",
        "/chats?and={}",
        "/chats?metadata->>{}=eq.1",
        "/chats?metadata->{}->x=eq.1",
        "/chats?metadata=cs.{}",
        "/chats?id=eq.{}",
        "/chats?created_at=gt.{}",
        "/chats?select={}",
        "/chats?select={}:title",
        "/chats?select=\"{}\":title",
        "/chats?select=title::{}",
        "/chats?select=metadata->>{}",
        "/chats?select=messages!{}(id)",
        "/chats?select={}(id)",
        "/chats?select=\"{}\":messages(id)",
        "/chats?select=messages(\"{}\")",
        "/chats?select=messages(id)&messages.content=eq.{}",
        "/chats?select=messages(id)&messages.{}=eq.1",
        "/chats?order={}",
        "/chats?order=title.{}",
        "/chats?order=metadata->>{}",
        "/chats?order={}(title)",
        "/chats?limit={}",
        "/chats?offset={}",
        "/{}",
        "/rpc/{}",
        "/rpc/search_chats?q={}",
        "/rpc/search_chats?{}=a",
    ];
    for position in positions {
        for hostile in HOSTILE {
            let uri = position.replace("{}", &encode(hostile));
            for accept in ["*/*", "text/csv"] {
                let answer = server.send(ALICE, get(&uri).accept(accept)).await;
                assert!(answer.status.as_u16() < 500, "{uri}: {}", answer.body);
                assert!(!answer.body.contains("bob"), "{uri}: {}", answer.body);
            }
            for method in ["PATCH", "DELETE"] {
                // A condition that never holds keeps what is harmless from having an effect.
                let separator = if uri.contains('?') { '&' } else { '?' };
                let uri = format!("{uri}{separator}model=eq.none&title=eq.none");
                let answer =
                    server.send(ALICE, request(method, &uri).json(&json!({"title": "x"}))).await;
                assert!(answer.status.as_u16() < 500, "{method} {uri}: {}", answer.body);
            }
        }
    }
    assert_eq!(dump(&server).await, before);
}

#[tokio::test]
async fn in_headers_and_names() {
    let server = Server::with_chats().await;
    let before = dump(&server).await;
    for hostile in HOSTILE {
        let requests = [
            get("/chats").header("range", hostile),
            get("/chats").header("accept-profile", hostile),
            get("/chats").accept(hostile),
            get("/chats").prefer(hostile),
            get("/chats").prefer(&format!("count={hostile}")),
            post("/chats").json(&json!({ hostile: 1 })),
            post(&format!("/chats?columns=\"{}\"", encode(hostile))).json(&json!({ hostile: 1 })),
            post(&format!("/chats?on_conflict=\"{}\"", encode(hostile)))
                .prefer("resolution=merge-duplicates")
                .json(&json!({"title": null})),
            post("/rpc/toggle_chat").json(&json!({"p_chat_id": id(0), "p_column": hostile})),
            post("/rpc/toggle_chat").json(&json!({ hostile: 1 })),
            post("/rpc/begin_generation").json(&json!({"p_chat_id": hostile})),
            post("/rpc/request_stop").json(&json!({"p_chat_id": hostile})),
        ];
        for request in requests {
            let answer = server.send(ALICE, request).await;
            assert!(answer.status.as_u16() < 500, "{hostile}: {}", answer.body);
        }
    }
    assert_eq!(dump(&server).await, before);
}

#[tokio::test]
async fn are_stored_and_found_as_they_are() {
    let server = Server::start().await;
    for hostile in HOSTILE {
        let row = json!({"title": hostile, "metadata": { hostile: hostile }});
        server.insert(ALICE, "chats", row).await;
        let quoted = hostile.replace('\\', "\\\\").replace('"', "\\\"");
        let filters = [
            format!("title=eq.{}", encode(hostile)),
            format!("title=in.(\"{}\")", encode(&quoted)),
            format!("or=(title.eq.\"{}\")", encode(&quoted)),
            format!("metadata->>\"{}\"=eq.{}", encode(&quoted), encode(hostile)),
            format!("metadata=cs.{}", encode(&json!({ hostile: hostile }).to_string())),
        ];
        for filter in filters {
            let rows = server.rows(ALICE, &format!("/chats?select=title&{filter}")).await;
            assert_eq!(rows, json!([{"title": hostile}]), "{filter}");
        }
        let select = format!("\"{0}\":title,metadata->\"{0}\"", encode(&quoted));
        let uri = format!("/chats?select={select}&title=eq.{}", encode(hostile));
        assert_eq!(server.rows(ALICE, &uri).await, json!([{ hostile: hostile }]));
    }
}
