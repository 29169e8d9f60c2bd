//! The end of an answer beside a stop, a lapse and a deletion.

use serde_json::json;

use super::{Attempt, race, reported};

#[tokio::test]
async fn a_stop_that_comes_early_stops_the_answer() {
    let Some(race) = race().await else { return };
    let attempt = Attempt::new();
    let first = race.one.begin().await;
    first.call("begin_generation", race.begin(&attempt)).await.unwrap();
    let stopped = race.then(first, "request_stop", race.stop()).await.unwrap();
    assert_eq!(stopped["running"], true, "{stopped}");
    let saved = race.one.call("save_generation", race.end(&attempt)).await.unwrap();
    assert_eq!((&saved["owned"], &saved["stop_requested"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn a_stop_and_the_end_at_once() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    let first = race.one.begin().await;
    first.call("save_generation", race.end(&attempt)).await.unwrap();
    let stopped = race.then(first, "request_stop", race.stop()).await.unwrap();
    assert_eq!(stopped["running"], false);
    assert_eq!(stopped["message"]["status"], "complete");

    let attempt = race.started().await;
    let first = race.one.begin().await;
    assert_eq!(first.call("request_stop", race.stop()).await.unwrap()["running"], true);
    let saved = race.then(first, "save_generation", race.end(&attempt)).await.unwrap();
    assert_eq!((&saved["owned"], &saved["stop_requested"]), (&json!(true), &json!(true)));
    assert_eq!(race.usage().await.len(), 2);
}

#[tokio::test]
async fn an_end_before_the_lapse_is_seen() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    race.lapse().await;
    let first = race.one.begin().await;
    first.call("save_generation", race.end(&attempt)).await.unwrap();
    let next = race.begin(&Attempt::new());
    let answer = race.then(first, "begin_generation", next).await.unwrap();
    assert_eq!(answer["answer"], "started", "{answer}");
    assert_eq!(answer["history"][1]["id"], attempt.message.as_str());
    assert_eq!(race.statuses().await, ["complete", "streaming"]);
    assert_eq!(race.usage().await, reported(false, false));
}

#[tokio::test]
async fn an_end_after_the_lapse_was_seen() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    race.lapse().await;
    let first = race.one.begin().await;
    let again = first.call("begin_generation", race.begin(&attempt.again())).await.unwrap();
    assert_eq!(again["answer"], "started");
    let saved = race.then(first, "save_generation", race.end(&attempt)).await.unwrap();
    assert_eq!(saved["owned"], false, "another attempt has taken its place");
    assert_eq!(race.statuses().await, ["interrupted, replaced", "streaming"]);
    assert_eq!(race.usage().await, reported(false, false));
}

#[tokio::test]
async fn deleting_an_account_waits_for_a_save_without_its_run() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    let service = race.db.as_service().await;
    let account = json!({ "p_user_id": race.one.id });
    service.call("begin_account_deletion", account.clone()).await.unwrap();
    // What a save begins with.
    let owner = race.db.as_service().await;
    let save = owner.begin().await;
    save.run("select from chats for key share").await.unwrap();
    let delete = service.call("delete_account_rows", account);
    let end = async {
        race.db.until_blocked(&service).await;
        let mut end = race.end(&attempt);
        end["p_user_id"] = race.one.id.clone().into();
        let saved = save.call("save_generation", end).await;
        save.commit().await;
        saved
    };
    let (deleted, saved) = tokio::join!(delete, end);
    assert_eq!(saved.unwrap()["owned"], true);
    assert_eq!(deleted.unwrap(), true);
    assert_eq!(race.db.strings("select id::text from usage_logs").await, [""; 0]);
}

#[tokio::test]
async fn deleting_a_chat_waits_for_a_save() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    let first = race.one.begin().await;
    first.call("save_generation", race.end(&attempt)).await.unwrap();
    let delete = race.other.run("delete from chats");
    let commit = async {
        race.db.until_blocked(&race.other).await;
        first.commit().await;
    };
    assert_eq!(tokio::join!(delete, commit).0.unwrap(), 1);
    assert_eq!(race.statuses().await, Vec::<String>::new());
    assert_eq!(race.usage().await, reported(true, true));
}

/// Makes a save wait in its midst, after it changed the message, until the lock is given back.
const PAUSE: &str = "
    create function private.pause() returns trigger language plpgsql as $$
    begin
      perform pg_advisory_xact_lock(1);
      return new;
    end;
    $$;
    create trigger pause before insert on usage_logs for each row execute function private.pause();
    select pg_advisory_lock(1);
";

#[tokio::test]
async fn a_save_and_a_deletion_do_not_wait_for_one_another() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    race.db.admin.batch_execute(PAUSE).await.unwrap();
    let save = race.one.call("save_generation", race.end(&attempt));
    let delete = async {
        race.db.until_blocked(&race.one).await;
        race.other.run("delete from chats").await
    };
    let go_on = async {
        race.db.until_blocked(&race.other).await;
        race.db.admin.batch_execute("select pg_advisory_unlock(1)").await.unwrap();
    };
    let (saved, deleted, ()) = tokio::join!(save, delete, go_on);
    assert_eq!(saved.unwrap()["owned"], true);
    assert_eq!(deleted.unwrap(), 1);
    assert_eq!(race.usage().await, reported(true, true));
}

#[tokio::test]
async fn usage_outlives_a_chat_that_goes_before_the_end() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    let first = race.one.begin().await;
    assert_eq!(first.run("delete from chats").await.unwrap(), 1);
    let saved = race.then(first, "save_generation", race.end(&attempt)).await.unwrap();
    assert_eq!(saved, json!({ "owned": false, "stop_requested": false, "message": null }));
    assert_eq!(race.usage().await, reported(true, true));
}

#[tokio::test]
async fn usage_outlives_a_message_that_goes_before_the_end() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    let first = race.one.begin().await;
    assert_eq!(first.run("delete from messages where role = 'assistant'").await.unwrap(), 1);
    let saved = race.then(first, "save_generation", race.end(&attempt)).await.unwrap();
    assert_eq!(saved["owned"], false);
    assert_eq!(race.usage().await, reported(false, true));
}
