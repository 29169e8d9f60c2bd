//! The end of an answer beside a stop and a lapse.

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
