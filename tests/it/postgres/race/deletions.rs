//! Deletions beside what begins and ends answers.

use serde_json::{Value, json};

use super::{Attempt, Race, race, reported};

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

/// Makes who does this wait in its midst until the lock is given back.
fn pause(when: &str) -> String {
    format!(
        "create function private.pause() returns trigger language plpgsql as $$
         begin
           perform pg_advisory_xact_lock(1);
           return new;
         end;
         $$;
         create trigger pause {when} for each row execute function private.pause();
         select pg_advisory_lock(1);"
    )
}

impl Race {
    /// Lets the first connection call a function, and while it is paused the other one delete rows:
    /// what the function answers, and how many rows.
    async fn delete_during(
        &self,
        paused: &str,
        function: &str,
        arguments: Value,
        delete: &str,
    ) -> (Value, u64) {
        self.db.admin.batch_execute(&pause(paused)).await.unwrap();
        let call = self.one.call(function, arguments);
        let deletion = async {
            self.db.until_blocked(&self.one).await;
            self.other.run(delete).await
        };
        let go_on = async {
            self.db.until_blocked(&self.other).await;
            self.db.admin.batch_execute("select pg_advisory_unlock(1)").await.unwrap();
        };
        let (answer, deleted, ()) = tokio::join!(call, deletion, go_on);
        (answer.unwrap(), deleted.unwrap())
    }
}

#[tokio::test]
async fn a_save_and_a_deletion_do_not_wait_for_one_another() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    let paused = "before insert on usage_logs";
    let end = race.end(&attempt);
    let both = race.delete_during(paused, "save_generation", end, "delete from chats").await;
    assert_eq!((&both.0["owned"], both.1), (&json!(true), 1));
    assert_eq!(race.usage().await, reported(true, true));
}

#[tokio::test]
async fn the_save_of_an_edit_and_the_deletion_of_its_question_do_not_wait_for_one_another() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    race.one.call("save_generation", race.end(&attempt)).await.unwrap();
    let edit = attempt.again();
    let mut begin = race.begin(&edit);
    begin["p_action"] = "edit".into();
    begin["p_user_message"]["parts"] = json!([{ "type": "text", "text": "Hello" }]);
    let started = race.one.call("begin_generation", begin).await.unwrap();
    assert_eq!(started["answer"], "started");
    let delete = format!("delete from messages where id = '{}'", edit.question);
    // The question's previous version is stored before the question is changed.
    let paused = "before insert on messages";
    let both = race.delete_during(paused, "save_generation", race.end(&edit), &delete).await;
    assert_eq!((&both.0["owned"], both.1), (&json!(true), 1));
}

#[tokio::test]
async fn a_question_whose_turn_it_is_and_its_deletion_do_not_wait_for_one_another() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    let next = Attempt::new();
    let mut begin = race.begin(&next);
    begin["p_user_message"]["queue"] = json!({});
    let queued = race.one.call("begin_generation", begin).await.unwrap();
    assert_eq!(queued["answer"], "queued");
    race.one.call("save_generation", race.end(&attempt)).await.unwrap();
    let turn = json!({ "p_chat_id": race.chat, "p_run": next.run, "p_message_id": next.message,
        "p_action": "queued", "p_regenerate": next.question });
    let delete = format!("delete from messages where id = '{}'", next.question);
    let paused = "after delete on private.queued_messages";
    let both = race.delete_during(paused, "begin_generation", turn, &delete).await;
    assert_eq!((&both.0["answer"], both.1), (&json!("started"), 1));
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

#[tokio::test]
async fn a_chat_that_goes_is_not_answered() {
    let Some(race) = race().await else { return };
    let first = race.one.begin().await;
    assert_eq!(first.run("delete from chats").await.unwrap(), 1);
    let begin = race.begin(&Attempt::new());
    let answer = race.then(first, "begin_generation", begin).await.unwrap();
    assert_eq!(answer, json!({ "answer": "not_found", "missing": "chat" }));
}
