//! What a project hands in: tables, functions and buckets.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use bytes::Bytes;
use clock::Clock;
use serde_json::json;
use uuid::Uuid;

use crate::testing::{Folder, Server, notes};
use crate::{Project, Role};

#[tokio::test]
async fn rows_belong_to_their_users() {
    let server = Server::start();
    let ann = server.sign_up().await.access;
    let bob = server.post("/auth/v1/signup").json(&json!({})).await.tokens().access;
    let written = server.post("/rest/v1/notes").bearer(&ann).json(&json!({"body": "hers"})).await;
    assert_eq!(written.status, 201, "{}", written.body);
    for (token, rows, count) in [(&ann, r#"[{"body":"hers"}]"#, "1"), (&bob, "[]", "0")] {
        let notes = server.get("/rest/v1/notes?select=body").bearer(token).send().await;
        assert_eq!(notes.body, rows);
        let counted = server.post("/rest/v1/rpc/count_notes").bearer(token).json(&json!({})).await;
        assert_eq!(counted.body, count);
    }
}

#[tokio::test]
async fn what_the_project_does_not_have_is_not_there() {
    let server = Server::start();
    let token = server.sign_up().await.access;
    let table = server.get("/rest/v1/chats").bearer(&token).send().await;
    assert_eq!((table.status.as_u16(), &table.json()["code"]), (404, &json!("PGRST205")));
    let function = server.post("/rest/v1/rpc/toggle_chat").bearer(&token).json(&json!({})).await;
    assert_eq!((function.status.as_u16(), &function.json()["code"]), (404, &json!("PGRST202")));
    let key = server.service_key().to_owned();
    let buckets = server.get("/storage/v1/bucket").bearer(&key).send().await.json();
    assert_eq!(buckets.as_array().unwrap().len(), 1);
    assert_eq!(buckets[0]["name"], "files");
}

#[tokio::test]
async fn a_role_reaches_rest_without_a_token() {
    let server = Server::start();
    let request = Request::builder().method(Method::GET).uri("/notes").body(Body::empty()).unwrap();
    let (parts, _) = request.into_parts();
    let role = Role::Authenticated { user_id: Uuid::from_u128(1) };
    for (role, status) in [(role, 200), (Role::Service, 200), (Role::Anon, 401)] {
        let answer = server.supabase.rest(role, &parts, Bytes::new()).await;
        assert_eq!(answer.status(), status, "{role:?}");
        to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    }
    let plan = server.supabase.query_plan(role, "notes", "order=id").unwrap();
    assert!(plan.contains("notes USING INDEX"), "{plan}");
}

#[test]
fn a_migration_that_was_added_is_applied_once() {
    let folder = Folder::new();
    let insert = "insert into notes (user_id, body, tag) values ('x', 'y', 'z')";
    drop(folder.open(Clock::System).unwrap());
    let added = ("20260102000000_tag.sql", "alter table notes add column tag text");
    let migrations = Box::leak([notes::PROJECT.migrations, &[added]].concat().into());
    let project = Project { migrations, ..notes::PROJECT };
    for rows in 0..2 {
        let supabase = folder.open_as(project, Clock::System).unwrap();
        let connection = supabase.connect().unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        let count: i64 =
            connection.query_row("select count(*) from notes", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "at start {rows}");
        connection.execute(insert, []).unwrap();
        connection.execute("delete from notes", []).unwrap();
    }
    let refusal = folder.open(Clock::System).err().unwrap().to_string();
    assert!(
        refusal.contains("20260102000000_tag.sql, which this program does not know"),
        "{refusal}"
    );
}
