//! Every table, command and role.

use serde_json::{Value, json};

use super::{Database, Refusal, Session, database};

/// Tables that users may append to and no more.
const APPEND_ONLY: [&str; 2] = ["usage_logs", "analytics"];

const DENIED: &str = "42501";

pub fn message(chat: &Value) -> Value {
    json!({ "chat_id": chat, "role": "user", "content": "Hi" })
}

pub fn usage() -> Value {
    json!({ "operation": "chat", "provider": "openai", "model": "m", "input_tokens": 10,
            "usage_source": "reported", "status": "complete" })
}

/// A row of each table, the user's own.
async fn fill(user: &Session) -> Vec<(&'static str, Value)> {
    let chat = user.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    let message = user.insert("messages", message(&chat["id"])).await.unwrap();
    let mut log = usage();
    log["chat_id"] = chat["id"].clone();
    log["message_id"] = message["id"].clone();
    let log = user.insert("usage_logs", log).await.unwrap();
    let event = json!({ "name": "opened", "chat_id": chat["id"] });
    let event = user.insert("analytics", event).await.unwrap();
    vec![("chats", chat), ("messages", message), ("usage_logs", log), ("analytics", event)]
}

/// Tries a statement without keeping what it did.
async fn attempt(session: &Session, sql: &str) -> Result<u64, String> {
    let transaction = session.begin().await;
    let result = transaction.run(sql).await;
    transaction.rollback().await;
    result.map_err(|refusal| refusal.code)
}

fn code<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    result.unwrap_err().code
}

#[tokio::test]
async fn whose_rows_a_role_reaches() {
    let Some(db) = database().await else { return };
    let (alice, bob) = (db.user("alice").await, db.user("bob").await);
    let (anon, service) = (db.as_anon().await, db.as_service().await);
    let rows = fill(&alice).await;
    for (table, row) in &rows {
        let id = row["id"].as_str().unwrap();
        assert_eq!(row["user_id"], alice.id.as_str(), "{table}");
        let denied = || Err(DENIED.to_owned());
        let appended = APPEND_ONLY.contains(table);
        let changes = |rows| if appended { denied() } else { Ok(rows) };
        for (command, of_owner, of_other) in [
            (format!("select * from {table} where id = '{id}'"), Ok(1), Ok(0)),
            (
                format!("update {table} set user_id = user_id where id = '{id}'"),
                changes(1),
                changes(0),
            ),
            (format!("delete from {table} where id = '{id}'"), changes(1), changes(0)),
            (format!("select * from {table} where id = '{id}' for update"), changes(1), changes(0)),
            (format!("truncate {table} cascade"), denied(), denied()),
        ] {
            assert_eq!(attempt(&alice, &command).await, of_owner, "owner: {command}");
            assert_eq!(attempt(&bob, &command).await, of_other, "other user: {command}");
            assert_eq!(attempt(&anon, &command).await, denied(), "anon: {command}");
            let all = if command.starts_with("truncate") { Ok(0) } else { Ok(1) };
            assert_eq!(attempt(&service, &command).await, all, "service: {command}");
        }
    }
    // A user without a row of their own sees none at all, whatever they ask.
    for (table, _) in &rows {
        let none = bob.rows(&format!("select * from {table}")).await.unwrap();
        assert_eq!(none, Vec::<Value>::new(), "{table}");
    }
}

#[tokio::test]
async fn rows_are_made_for_oneself() {
    let Some(db) = database().await else { return };
    let (alice, bob) = (db.user("alice").await, db.user("bob").await);
    let (anon, service) = (db.as_anon().await, db.as_service().await);
    let nobody = db.as_user("00000000-0000-4000-8000-000000000000").await;
    let chat = alice.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    let bobs = bob.insert("chats", json!({ "title": "Bob's" })).await.unwrap();
    let mut tables = vec![
        ("chats", json!({ "title": "New" })),
        ("messages", message(&chat["id"])),
        ("usage_logs", usage()),
        ("analytics", json!({ "name": "opened" })),
    ];
    for (table, row) in &mut tables {
        assert_eq!(code(anon.insert(table, row.clone()).await), DENIED, "{table}");
        row["user_id"] = json!(alice.id);
        assert_eq!(code(anon.insert(table, row.clone()).await), DENIED, "{table}");
        assert_eq!(code(bob.insert(table, row.clone()).await), DENIED, "{table}: forged user_id");
        assert!(service.insert(table, row.clone()).await.is_ok(), "{table}");
        assert!(alice.insert(table, row.clone()).await.is_ok(), "{table}");
        row.as_object_mut().unwrap().remove("user_id");
        // An account that was deleted still has a token for a while.
        let refused = nobody.insert(table, row.clone()).await.unwrap_err();
        assert_eq!(refused.code, "23503", "{table}: {}", refused.message);
    }
    for table in ["messages", "usage_logs", "analytics"] {
        let mut row = tables.iter().find(|(name, _)| *name == table).unwrap().1.clone();
        row["chat_id"] = bobs["id"].clone();
        let refused = alice.insert(table, row).await.unwrap_err();
        assert_eq!(refused.code, "23503", "{table} in another's chat: {}", refused.message);
    }
}

#[tokio::test]
async fn rows_stay_with_their_user_and_chat() {
    let Some(db) = database().await else { return };
    let (alice, bob) = (db.user("alice").await, db.user("bob").await);
    let chat = alice.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    let other = alice.insert("chats", json!({ "title": "Other" })).await.unwrap();
    let bobs = bob.insert("chats", json!({ "title": "Bob's" })).await.unwrap();
    let parent = bob.insert("messages", message(&bobs["id"])).await.unwrap();
    let elsewhere = alice.insert("messages", message(&other["id"])).await.unwrap();
    let mine = alice.insert("messages", message(&chat["id"])).await.unwrap();
    let set = |table: &str, column: &str, value: &Value, of: &Value| {
        format!("update {table} set {column} = {value} where id = {of}").replace('"', "'")
    };
    for (sql, refused) in [
        (set("chats", "user_id", &json!(bob.id), &chat["id"]), DENIED),
        (set("messages", "user_id", &json!(bob.id), &mine["id"]), DENIED),
        (set("messages", "chat_id", &bobs["id"], &mine["id"]), "23503"),
        (set("messages", "parent_id", &parent["id"], &mine["id"]), "23503"),
        (set("messages", "parent_id", &elsewhere["id"], &mine["id"]), "23503"),
    ] {
        assert_eq!(attempt(&alice, &sql).await, Err(refused.to_owned()), "{sql}");
    }
    for foreign in [&parent, &elsewhere] {
        let mut child = message(&chat["id"]);
        child["parent_id"] = foreign["id"].clone();
        assert_eq!(code(alice.insert("messages", child).await), "23503", "a parent from elsewhere");
    }
    let mut log = usage();
    log["message_id"] = parent["id"].clone();
    assert_eq!(code(alice.insert("usage_logs", log).await), DENIED, "usage of another's message");
    // An upsert reaches another's row no more than an update does.
    let upsert = format!(
        "insert into chats (id, title) values ({}, 'mine') \
         on conflict (id) do update set title = excluded.title",
        bobs["id"].to_string().replace('"', "'")
    );
    assert_eq!(attempt(&alice, &upsert).await, Err(DENIED.to_owned()));
}

#[tokio::test]
async fn usage_is_neither_chosen_nor_changed() {
    let Some(db) = database().await else { return };
    let alice = db.user("alice").await;
    let log = alice.insert("usage_logs", usage()).await.unwrap();
    let with = |column: &str, value: Value| {
        let mut row = usage();
        row[column] = value;
        row
    };
    for (column, value) in [("id", log["id"].clone()), ("created_at", json!("2020-01-01"))] {
        let refused = alice.insert("usage_logs", with(column, value)).await;
        assert_eq!(code(refused), DENIED, "{column}");
    }
    let mut event = json!({ "name": "opened", "created_at": "2020-01-01" });
    assert_eq!(code(alice.insert("analytics", event.clone()).await), DENIED);
    event.as_object_mut().unwrap().remove("created_at");
    alice.insert("analytics", event).await.unwrap();
    for column in ["input_tokens", "cost_usd", "created_at", "user_id", "usage_source"] {
        let sql = format!("update usage_logs set {column} = {column}");
        assert_eq!(attempt(&alice, &sql).await, Err(DENIED.to_owned()), "{column}");
    }
    let upsert = "insert into usage_logs (operation, provider, model, usage_source, status) \
                  values ('chat', 'p', 'm', 'reported', 'complete') \
                  on conflict (id) do update set input_tokens = 0";
    assert_eq!(attempt(&alice, upsert).await, Err(DENIED.to_owned()));
    // The rows that a user may not touch still lose their references and go with their user.
    let chat = alice.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    alice.insert("usage_logs", with("chat_id", chat["id"].clone())).await.unwrap();
    assert_eq!(alice.run("delete from chats").await.unwrap(), 1);
    assert_eq!(left(&db, "usage_logs where chat_id is not null").await, "0");
    assert_eq!(left(&db, "usage_logs").await, "2");
    db.admin.batch_execute("set role supabase_auth_admin; delete from auth.users").await.unwrap();
    db.admin.batch_execute("reset role").await.unwrap();
    for table in ["chats", "messages", "usage_logs", "analytics"] {
        assert_eq!(left(&db, table).await, "0", "{table}");
    }
}

async fn left(db: &Database, of: &str) -> String {
    db.strings(&format!("select count(*)::text from {of}")).await.remove(0)
}
