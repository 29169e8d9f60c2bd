//! Who reaches what.

use serde_json::json;

use super::database;

#[tokio::test]
async fn a_user_sees_their_own_chats_only() {
    let Some(db) = database().await else { return };
    let alice = db.user("alice").await;
    let bob = db.user("bob").await;
    let sql = "insert into chats (title) values ('Trip') returning title, user_id";
    assert_eq!(alice.rows(sql).await.unwrap(), [json!({ "title": "Trip", "user_id": alice.id })]);
    assert_eq!(alice.rows("select title from chats").await.unwrap().len(), 1);
    assert_eq!(bob.rows("select title from chats").await.unwrap().len(), 0);
    let anon = db.as_anon().await;
    assert_eq!(anon.rows("select title from chats").await.unwrap_err().code, "42501");
}
