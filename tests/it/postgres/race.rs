//! Two connections at once: which one waits, and what the other then finds.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Database, Refusal, Session, Transaction, database};

/// A chat of Alice's and two of her connections.
struct Race {
    db: Database,
    one: Session,
    other: Session,
    chat: String,
}

/// What begins one answer.
#[derive(Clone)]
struct Attempt {
    run: String,
    message: String,
    question: String,
}

impl Attempt {
    fn new() -> Self {
        let [run, message, question] = [(); 3].map(|()| Uuid::new_v4().to_string());
        Self { run, message, question }
    }

    /// Another attempt to answer the same question.
    fn again(&self) -> Self {
        Self { question: self.question.clone(), ..Self::new() }
    }
}

async fn race() -> Option<Race> {
    let db = database().await?;
    let one = db.user("alice").await;
    let other = db.as_user(&one.id).await;
    let chat = one.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    Some(Race { db, one, other, chat: chat["id"].as_str().unwrap().to_owned() })
}

impl Race {
    fn begin(&self, attempt: &Attempt) -> Value {
        let text = [json!({ "type": "text", "text": "Hi" })];
        json!({ "p_chat_id": self.chat, "p_run": attempt.run, "p_message_id": attempt.message,
            "p_user_message": { "id": attempt.question, "content": "Hi", "parts": text } })
    }

    fn end(&self, attempt: &Attempt) -> Value {
        let log = json!({ "operation": "chat", "provider": "openai", "model": "m",
            "input_tokens": 10, "usage_source": "reported", "status": "complete" });
        json!({ "p_message_id": attempt.message, "p_run": attempt.run, "p_chat_id": self.chat,
            "p_content": "Hello", "p_parts": [{ "type": "text", "text": "Hello" }],
            "p_end": { "status": "complete", "finish_reason": "stop", "usage_log": log } })
    }

    fn stop(&self) -> Value {
        json!({ "p_chat_id": self.chat })
    }

    async fn started(&self) -> Attempt {
        let attempt = Attempt::new();
        let answer = self.one.call("begin_generation", self.begin(&attempt)).await.unwrap();
        assert_eq!(answer["answer"], "started", "{answer}");
        attempt
    }

    /// Lets the other connection call a function while the first one's transaction is open; then
    /// the first one commits.
    async fn then(
        &self,
        first: Transaction<'_>,
        function: &str,
        arguments: Value,
    ) -> Result<Value, Refusal> {
        let call = self.other.call(function, arguments);
        let commit = async {
            self.db.until_blocked(&self.other).await;
            first.commit().await;
        };
        tokio::join!(call, commit).0
    }

    async fn lapse(&self) {
        let sql = "update messages set lease_expires_at = clock_timestamp() - interval '1 second' \
                   where status = 'streaming'";
        assert_eq!(self.one.run(sql).await.unwrap(), 1);
        let past = "update private.token_reservations \
                    set lease_expires_at = clock_timestamp() - interval '1 second'";
        self.db.admin.batch_execute(past).await.unwrap();
    }

    async fn usage(&self) -> Vec<Value> {
        let sql = "select usage_source, provider, input_tokens, chat_id is null as chat_gone, \
                   message_id is null as message_gone from usage_logs";
        self.one.rows(sql).await.unwrap()
    }

    async fn statuses(&self) -> Vec<String> {
        let sql = "select status || case when is_active then '' else ', replaced' end \
                   from messages where role = 'assistant' order by created_at";
        self.db.strings(sql).await
    }
}

fn reported(chat_gone: bool, message_gone: bool) -> Vec<Value> {
    vec![
        json!({ "usage_source": "reported", "provider": "openai", "input_tokens": 10, "chat_gone": chat_gone,
                 "message_gone": message_gone }),
    ]
}

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
