//! Rows that users write without the API.

use serde_json::json;

use super::race;

#[tokio::test]
async fn messages_inserted_at_once_wait_for_one_another() {
    let Some(race) = race().await else { return };
    let message = json!({ "chat_id": race.chat, "role": "user", "content": "Hi" });
    let first = race.one.begin().await;
    first.insert("messages", message.clone()).await.unwrap();
    let second = race.other.insert("messages", message);
    let commit = async {
        race.db.until_blocked(&race.other).await;
        first.commit().await;
    };
    tokio::join!(second, commit).0.unwrap();
    let newest =
        "select (last_message_at = (select max(created_at) from messages))::text from chats";
    assert_eq!(race.db.strings(newest).await, ["true"]);
    // Many at once change their chat once: who waits for it reads through each version of its row.
    let many = race.one.begin().await;
    let changes = "select n_tup_upd::text from pg_stat_xact_user_tables where relname = 'chats'";
    let before: u64 = many.texts(changes).await.unwrap()[0].parse().unwrap();
    let insert = "insert into messages (chat_id, role, content)
        select id, 'user', 'Hi' from chats, generate_series(1, 50)";
    many.run(insert).await.unwrap();
    assert_eq!(many.texts(changes).await.unwrap(), [(before + 1).to_string()]);
    many.commit().await;
    assert_eq!(race.db.strings(newest).await, ["true"]);
}

#[tokio::test]
async fn of_two_messages_at_once_one_follows_the_other() {
    let Some(race) = race().await else { return };
    let insert = format!(
        "insert into messages (chat_id, role, parts) values ('{}', 'user', '[]')",
        race.chat
    );
    let first = race.one.begin().await;
    first.run(&insert).await.unwrap();
    let commit = async {
        race.db.until_blocked(&race.other).await;
        first.commit().await;
    };
    let (second, ()) = tokio::join!(race.other.run(&insert), commit);
    assert_eq!(second.unwrap(), 1);
    let roots = race.one.rows("select id from messages where parent_id is null").await.unwrap();
    assert_eq!(roots.len(), 1);
}

#[tokio::test]
async fn two_toggles_change_nothing() {
    let Some(race) = race().await else { return };
    let toggle = format!("select is_archived from toggle_chat('{}', 'is_archived')", race.chat);
    let first = race.one.begin().await;
    assert_eq!(first.rows(&toggle).await.unwrap(), [json!({ "is_archived": true })]);
    let second = race.other.rows(&toggle);
    let commit = async {
        race.db.until_blocked(&race.other).await;
        first.commit().await;
    };
    assert_eq!(tokio::join!(second, commit).0.unwrap(), [json!({ "is_archived": false })]);
}
