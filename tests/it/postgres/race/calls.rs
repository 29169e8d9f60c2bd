//! Calls of tools: decided once, made once.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Attempt, Race, race};

impl Race {
    /// An answer with a call that waits for a decision.
    async fn asked(&self) -> Attempt {
        let attempt = self.started().await;
        let call = json!({ "call_id": "a", "source": "s", "source_tool": "t", "tool": "t",
            "policy": "always", "definition_digest": "d", "arguments": {}, "arguments_digest": "a",
            "seal": "s", "expires_in_s": 600 });
        let part = json!({ "type": "tool-t", "toolCallId": "a", "state": "approval-requested" });
        let mut end = self.end(&attempt);
        end["p_parts"] = json!([part]);
        end["p_end"]["status"] = "awaiting".into();
        end["p_end"]["tool_calls"] = json!([call]);
        self.one.call("save_generation", end).await.unwrap();
        attempt
    }

    fn decide(&self, approved: bool) -> Value {
        json!({ "p_chat_id": self.chat, "p_call": "a", "p_approved": approved })
    }

    fn resume(&self, attempt: &Attempt, run: &str) -> Value {
        json!({ "p_chat_id": self.chat, "p_message_id": attempt.message, "p_run": run })
    }

    async fn state(&self) -> String {
        self.db.strings("select state from private.tool_calls").await.pop().unwrap()
    }
}

#[tokio::test]
async fn a_call_is_decided_once_and_continued_once() {
    let Some(race) = race().await else { return };
    let attempt = race.asked().await;
    let first = race.one.begin().await;
    assert_eq!(first.call("decide_tool_call", race.decide(true)).await.unwrap()["remaining"], 0);
    let other = race.then(first, "decide_tool_call", race.decide(false)).await.unwrap();
    assert_eq!((&other["answer"], &other["approved"]), (&json!("decided"), &json!(true)));
    let runs = [(); 2].map(|()| Uuid::new_v4().to_string());
    let first = race.one.begin().await;
    let started = first.call("continue_generation", race.resume(&attempt, &runs[0])).await.unwrap();
    assert_eq!(started["calls"][0]["call_id"], "a");
    let again = race.resume(&attempt, &runs[1]);
    let again = race.then(first, "continue_generation", again).await.unwrap();
    assert_eq!(again["answer"], "running");
    let claim =
        |run: &str| json!({ "p_message_id": attempt.message, "p_run": run, "p_call_id": "a" });
    let first = race.one.begin().await;
    let claimed = first.call("claim_tool_call", claim(&runs[0])).await.unwrap();
    assert_eq!(claimed["answer"], "claimed");
    first.commit().await;
    assert_eq!(race.other.call("claim_tool_call", claim(&runs[1])).await.unwrap(), Value::Null);
    // The run is lost: what its call did is not known, and the next run does not make it again.
    race.lapse().await;
    let next = race.one.begin().await;
    next.call("continue_generation", race.resume(&attempt, &runs[1])).await.unwrap();
    let late = json!({ "p_message_id": attempt.message, "p_run": runs[0], "p_call_id": "a",
        "p_state": "done", "p_outcome": { "output": 1 } });
    let taken = next.call("claim_tool_call", claim(&runs[1])).await.unwrap();
    assert_eq!(taken["answer"], "unknown");
    assert_eq!(race.then(next, "finish_tool_call", late).await.unwrap(), json!(false));
    assert_eq!(race.state().await, "unknown");
}

#[tokio::test]
async fn a_decision_and_another_message_at_once() {
    let Some(race) = race().await else { return };
    let attempt = race.asked().await;
    let first = race.one.begin().await;
    first.call("begin_generation", race.begin(&Attempt::new())).await.unwrap();
    let late = race.then(first, "decide_tool_call", race.decide(true)).await.unwrap();
    assert_eq!(late["answer"], "superseded");
    let run = Uuid::new_v4().to_string();
    let ended = race.one.call("continue_generation", race.resume(&attempt, &run)).await.unwrap();
    assert_eq!(ended["answer"], "ended");
    let stop = race.one.call("request_stop", race.stop()).await.unwrap();
    assert_eq!(stop["running"], true);

    let Some(race) = self::race().await else { return };
    let attempt = race.asked().await;
    let first = race.one.begin().await;
    first.call("decide_tool_call", race.decide(true)).await.unwrap();
    let stop = race.then(first, "request_stop", race.stop()).await.unwrap();
    assert_eq!(stop["message"]["status"], "complete");
    assert_eq!(race.state().await, "superseded");
    let ended = race.one.call("continue_generation", race.resume(&attempt, &run)).await.unwrap();
    assert_eq!(ended["answer"], "ended");
    let deleted = race.one.run("delete from chats").await.unwrap();
    assert_eq!(deleted, 1);
    assert_eq!(race.db.strings("select state from private.tool_calls").await, [""; 0]);
}
