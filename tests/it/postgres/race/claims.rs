//! Who may answer, and when: a chat has one answer at a time.

use serde_json::json;
use uuid::Uuid;

use super::{Attempt, race};

#[tokio::test]
async fn money_is_reserved_once() {
    let Some(race) = race().await else { return };
    let reserve = json!({ "budgets": [{ "period": "day", "limit_usd": 0.01 }], "output_tokens": 600,
        "usd_per_output_token": 0.000_01 });
    let first = race.one.begin().await;
    let mut begin = race.begin(&Attempt::new());
    begin["p_reserve"] = reserve.clone();
    let started = first.call("begin_generation", begin).await.unwrap();
    assert_eq!(started["reserved"]["usd"], 0.006);
    let second = json!({ "p_run": Uuid::new_v4(), "p_reserve": reserve });
    let refused = race.then(first, "reserve_tokens", second).await.unwrap();
    assert_eq!(refused["over_limit"]["budget"]["remaining_usd"], 0.004);
}

#[tokio::test]
async fn a_message_sent_twice_is_answered_once() {
    let Some(race) = race().await else { return };
    let attempt = Attempt::new();
    let first = race.one.begin().await;
    let started = first.call("begin_generation", race.begin(&attempt)).await.unwrap();
    assert_eq!(started["answer"], "started");
    let again = race.begin(&attempt.again());
    let answer = race.then(first, "begin_generation", again).await.unwrap();
    assert_eq!(answer["answer"], "running");
    assert_eq!(answer["message"]["id"], attempt.message.as_str());
    assert_eq!(race.statuses().await, ["streaming"]);
}

#[tokio::test]
async fn a_call_that_is_repeated_starts_once() {
    let Some(race) = race().await else { return };
    let attempt = Attempt::new();
    let first = race.one.begin().await;
    let started = first.call("begin_generation", race.begin(&attempt)).await.unwrap();
    let again = race.then(first, "begin_generation", race.begin(&attempt)).await.unwrap();
    assert_eq!(again, started);
    assert_eq!(race.statuses().await, ["streaming"]);
}

#[tokio::test]
async fn a_chat_answers_one_message_at_a_time() {
    let Some(race) = race().await else { return };
    let attempt = Attempt::new();
    let first = race.one.begin().await;
    first.call("begin_generation", race.begin(&attempt)).await.unwrap();
    let other = race.begin(&Attempt::new());
    let answer = race.then(first, "begin_generation", other).await.unwrap();
    assert_eq!(answer, json!({ "answer": "busy", "message_id": attempt.message }));
}

#[tokio::test]
async fn a_chat_is_created_once() {
    let Some(mut race) = race().await else { return };
    race.chat = Uuid::new_v4().to_string();
    let with_chat = |attempt: &Attempt, title: &str| {
        let mut begin = race.begin(attempt);
        begin["p_create_chat"] = json!({ "title": title });
        begin
    };
    let attempt = Attempt::new();
    let first = race.one.begin().await;
    first.call("begin_generation", with_chat(&attempt, "One")).await.unwrap();
    let other = with_chat(&Attempt::new(), "Other");
    let answer = race.then(first, "begin_generation", other).await.unwrap();
    assert_eq!(answer["answer"], "busy", "{answer}");
    let titles =
        "select title from chats where id <> all (select id from chats where title = 'Trip')";
    assert_eq!(race.db.strings(titles).await, ["One"]);
}

#[tokio::test]
async fn a_lapsed_answer_is_left_to_those_who_are_at_work_in_its_chat() {
    let Some(race) = race().await else { return };
    let attempt = race.started().await;
    race.lapse().await;
    let service = race.db.as_service().await;
    let all = json!({ "p_user_id": null });
    // What begin_generation begins with: to wait for it with the run locked would be a deadlock.
    let first = race.one.begin().await;
    first.run("select from chats for update").await.unwrap();
    assert_eq!(service.call("count_lapsed_usage", all.clone()).await.unwrap(), 0);
    let again = first.call("begin_generation", race.begin(&attempt.again())).await.unwrap();
    assert_eq!(again["answer"], "started");
    first.commit().await;
    assert_eq!(race.usage().await.len(), 1);
    race.lapse().await;
    assert_eq!(service.call("count_lapsed_usage", all).await.unwrap(), 1);
    assert_eq!(race.statuses().await, ["interrupted, replaced", "interrupted"]);
}
