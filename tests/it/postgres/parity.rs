//! The functions of the migrations beside those of the local Supabase: whatever is called, both
//! answer the same and leave the same rows.

use std::collections::BTreeMap;

use chat_backend::database::{
    AnswerToResume, AnswerToolCalls, BeginFile, BeginGeneration, ContinueGeneration,
    CountLapsedUsage, FinishFile, FollowAnswer, Function, MarkAnswerRead, QueuedMessages,
    RecordEvents, ReleaseLeases, RequestStop, ReserveTokens, SaveCheckpoints, SaveGeneration,
    SelectMessage, TakeOverGeneration,
};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Database, Session, database, literal};
use crate::support::{TestApp, User, app, skipped_on_a_real_supabase};

const CHAT: u32 = 100;
/// What is not stored of a message.
const COMPUTED: &[&str] =
    &["current_status", "current_content", "current_parts", "current_metadata", "sibling_ids"];

/// A user of both, to whom the same happens on both sides.
struct Twins {
    postgres: Session,
    local: User,
    _kept: (Database, TestApp),
}

/// `id(7)` is the id that ends with 7.
fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

async fn twins() -> Option<Twins> {
    if skipped_on_a_real_supabase("the local one") {
        return None;
    }
    let db = database().await?;
    let app = app().await;
    let local = app.user("alice").await;
    let postgres = db.user("alice").await;
    Some(Twins { postgres, local, _kept: (db, app) })
}

/// A message of the user's as `begin_generation` takes it.
fn user_message(message: u32, text: &str) -> Value {
    json!({ "id": id(message), "content": text, "parts": [{ "type": "text", "text": text }] })
}

/// Begins an answer: the run and the answer have the number, the question is given.
fn begin(number: u32, question: Value) -> Value {
    let key = json!({ "p_chat_id": id(CHAT), "p_run": id(number), "p_message_id": id(number) });
    with(key, Map::from_iter([("p_user_message".to_owned(), question)]).into())
}

fn with(mut arguments: Value, more: Value) -> Value {
    let (Value::Object(all), Value::Object(more)) = (&mut arguments, more) else {
        panic!("arguments are objects")
    };
    all.extend(more);
    arguments
}

fn save(number: u32, more: Value) -> Value {
    let key = json!({ "p_message_id": id(number), "p_run": id(number), "p_chat_id": id(CHAT) });
    with(key, more)
}

fn end(number: u32, status: &str) -> Value {
    let log = json!({ "operation": "chat", "provider": "openai", "model": "m", "input_tokens": 10,
        "output_tokens": 5, "cached_input_tokens": 3, "usage_source": "reported",
        "cost_usd": 0.000125, "latency_ms": 900, "status": status, "raw": { "id": "x" } });
    save(
        number,
        json!({
        "p_content": "Hello", "p_parts": [{ "type": "text", "text": "Hello" }], "p_model": "m",
        "p_usage": { "input_tokens": 10 }, "p_cost_usd": 0.000125,
        "p_end": { "status": status, "finish_reason": "stop", "usage_log": log } }),
    )
}

impl Twins {
    /// What both answer, or with what both refuse.
    async fn call(&self, function: &str, arguments: Value) -> Value {
        let real = match self.postgres.call(function, arguments.clone()).await {
            Ok(answer) => {
                assert_readable(function, &answer);
                answer
            }
            Err(refusal) => json!({ "code": refusal.code, "message": refusal.message }),
        };
        let path = format!("/rpc/{function}");
        let reply = self.local.rest(Method::POST, &path, Some(arguments.clone())).await;
        let local = match (reply.status, reply.json()) {
            (200, answer) => {
                assert_readable(function, &answer);
                answer
            }
            (_, error) => json!({ "code": error["code"], "message": error["message"] }),
        };
        let real = self.plain(real);
        assert_eq!(real, self.plain(local), "{function} {arguments}");
        self.compare_rows(&format!("{function} {arguments}")).await;
        real
    }

    async fn begin(&self, arguments: Value) -> Value {
        let answer = self.call("begin_generation", arguments).await;
        answer.get("answer").cloned().unwrap_or(answer)
    }

    async fn save(&self, arguments: Value) -> Value {
        let answer = self.call("save_generation", arguments).await;
        answer.get("owned").cloned().unwrap_or(answer)
    }

    /// Saves checkpoints of the run with this number; what becomes of the first.
    async fn checkpoint(&self, number: u32, checkpoint: Value) -> Value {
        let checkpoint = with(json!({ "run": id(number) }), checkpoint);
        self.checkpoints(json!([checkpoint])).await[0].clone()
    }

    async fn checkpoints(&self, checkpoints: Value) -> Value {
        self.call("save_checkpoints", json!({ "p_checkpoints": checkpoints })).await
    }

    async fn follow(&self, message: u32, after: u32) -> Value {
        self.call("follow_answer", json!({ "p_message_id": id(message), "p_after": after })).await
    }

    async fn stop(&self) -> Value {
        let answer = self.call("request_stop", json!({ "p_chat_id": id(CHAT) })).await;
        answer.get("running").cloned().unwrap_or(answer)
    }

    /// Releases a server's leases with the service key, on both sides.
    async fn release(&self, server: &str) -> [u64; 2] {
        let (db, app) = &self._kept;
        let arguments = json!({ "p_server": server });
        let real = db.as_service().await.call("release_leases", arguments.clone()).await.unwrap();
        let local = app.call_as_service("release_leases", &arguments).await;
        [real, local].map(|released| released.as_u64().unwrap())
    }

    /// The same change of a message on both sides.
    async fn change(&self, message: u32, changes: Value) {
        let set = changes.as_object().unwrap().iter();
        let set: Vec<_> = set.map(|(column, to)| format!("{column} = {}", literal(to))).collect();
        let sql = format!("update messages set {} where id = '{}'", set.join(", "), id(message));
        assert_eq!(self.postgres.run(&sql).await.unwrap(), 1);
        let path = format!("/messages?id=eq.{}", id(message));
        self.local.rest(Method::PATCH, &path, Some(changes)).await.expect(200);
    }

    /// A chat with this question and its whole answer.
    async fn answered(&self) {
        let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
        assert_eq!(self.begin(question).await, "started");
        assert_eq!(self.save(end(1, "complete")).await, true);
    }

    async fn compare_rows(&self, after: &str) {
        for table in ["chats", "messages", "usage_logs", "files"] {
            let computed = match table {
                "messages" => COMPUTED,
                "chats" => &["unread_answer"],
                _ => &[],
            };
            let columns = |name: &dyn Fn(&str) -> String| {
                let computed = computed.iter().map(|column| format!(",{}", name(column)));
                format!("*{}", computed.collect::<String>())
            };
            let real = columns(&|column| format!("{column}({table}) as {column}"));
            let real = self.postgres.rows(&format!("select {real} from {table}")).await.unwrap();
            let path = format!("/{table}?select={}", columns(&str::to_owned));
            let local = self.local.rest(Method::GET, &path, None).await.expect(200);
            let sorted = |rows: Vec<Value>| {
                let mut rows: Vec<_> = rows.into_iter().map(|row| self.plain(row)).collect();
                rows.sort_by_key(ToString::to_string);
                rows
            };
            let local = local.as_array().unwrap().clone();
            assert_eq!(sorted(real), sorted(local), "{table} after {after}");
        }
    }

    /// Without what may differ: times, the user's id, and ids that the database made.
    fn plain(&self, value: Value) -> Value {
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.plain(item)).collect(),
            Value::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| (name, self.plain(value)));
                // In one order, in which the rows can be compared as text.
                json!(fields.collect::<BTreeMap<_, _>>())
            }
            Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => json!("a time"),
            Value::String(text) if self.postgres.id == text || self.local.id == text => {
                json!("Alice")
            }
            Value::String(text) if is_made(&text) => json!("an id"),
            other => other,
        }
    }
}

/// The types by which the server calls the functions read what these have answered.
fn assert_readable(function: &str, answer: &Value) {
    fn read<F: Function<Reply: DeserializeOwned>>(answer: &str) -> Result<(), serde_json::Error> {
        serde_json::from_str::<F::Reply>(answer).map(drop)
    }
    let read = match function {
        BeginGeneration::NAME => read::<BeginGeneration<'_>>,
        SaveCheckpoints::NAME => read::<SaveCheckpoints<'_>>,
        FollowAnswer::NAME => read::<FollowAnswer>,
        SaveGeneration::NAME => read::<SaveGeneration<'_>>,
        RequestStop::NAME => read::<RequestStop>,
        MarkAnswerRead::NAME => read::<MarkAnswerRead>,
        AnswerToResume::NAME => read::<AnswerToResume>,
        SelectMessage::NAME => read::<SelectMessage>,
        QueuedMessages::NAME => read::<QueuedMessages>,
        ReserveTokens::NAME => read::<ReserveTokens>,
        AnswerToolCalls::NAME => read::<AnswerToolCalls<'_>>,
        ContinueGeneration::NAME => read::<ContinueGeneration<'_>>,
        TakeOverGeneration::NAME => read::<TakeOverGeneration>,
        BeginFile::NAME => read::<BeginFile<'_>>,
        FinishFile::NAME => read::<FinishFile<'_>>,
        RecordEvents::<Value>::NAME => read::<RecordEvents<'_, Value>>,
        CountLapsedUsage::NAME => read::<CountLapsedUsage>,
        ReleaseLeases::NAME => read::<ReleaseLeases<'_>>,
        // These pass through.
        "usage_statistics" | "chat_statistics" => return,
        other => panic!("{other}: name the type of its reply here, or that it passes through"),
    };
    if let Err(error) = read(&answer.to_string()) {
        panic!("{function} answered {answer}: {error}");
    }
}

fn is_made(text: &str) -> bool {
    text.len() == 36 && text.parse::<uuid::Uuid>().is_ok() && !text.starts_with("00000000-")
}

#[tokio::test]
async fn questions_and_repeats() {
    let Some(twins) = twins().await else { return };
    assert_eq!(twins.begin(begin(1, user_message(10, "Hi"))).await, "not_found");
    let first = with(
        begin(1, user_message(10, "Hi")),
        json!({
        "p_create_chat": { "title": "Trip", "model": "a", "system_prompt": "Be brief",
            "metadata": { "n": 1 } },
        "p_default_model": "b" }),
    );
    assert_eq!(twins.begin(first.clone()).await, "started");
    assert_eq!(twins.begin(first).await, "started");
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "running");
    assert_eq!(twins.begin(begin(2, user_message(11, "And?"))).await, "busy");
    assert_eq!(twins.save(end(1, "complete")).await, true);
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "answered");
    assert_eq!(twins.begin(begin(2, user_message(10, "Changed"))).await, "conflict");
    assert_eq!(twins.begin(begin(2, user_message(1, "An answer's id"))).await, "conflict");
    assert_eq!(twins.begin(begin(2, Value::Null)).await, "nothing_to_answer");
    let second = with(begin(2, user_message(11, "And?")), json!({ "p_model": "c" }));
    assert_eq!(twins.begin(second).await, "started");
    let elsewhere = with(
        begin(3, user_message(10, "Hi")),
        json!({ "p_chat_id": id(101),
        "p_create_chat": {} }),
    );
    assert_eq!(twins.begin(elsewhere).await, "conflict");
}

#[tokio::test]
async fn edits_and_regenerations() {
    let Some(twins) = twins().await else { return };
    twins.answered().await;
    let action = |begin: Value, action: &str| with(begin, json!({ "p_action": action }));
    let edit = action(begin(2, user_message(10, "Hello")), "edit");
    assert_eq!(twins.begin(edit).await, "started");
    assert_eq!(twins.save(end(2, "complete")).await, true);
    assert_eq!(twins.begin(begin(3, user_message(11, "And?"))).await, "started");
    assert_eq!(twins.save(end(3, "stopped")).await, true);
    assert_eq!(twins.begin(action(begin(4, user_message(10, "Third")), "edit")).await, "started");
    assert_eq!(twins.save(end(4, "complete")).await, true);
    let inactive = action(begin(5, user_message(11, "Anew")), "edit");
    assert_eq!(twins.begin(inactive).await, "conflict");
    let of_answer = json!({ "p_action": "regenerate", "p_regenerate": id(4) });
    assert_eq!(twins.begin(with(begin(5, Value::Null), of_answer.clone())).await, "started");
    assert_eq!(twins.save(end(5, "complete")).await, true);
    let of_question = json!({ "p_action": "regenerate", "p_regenerate": id(10) });
    assert_eq!(twins.begin(with(begin(6, Value::Null), of_question)).await, "started");
    assert_eq!(twins.begin(with(begin(7, Value::Null), of_answer)).await, "busy");
    assert_eq!(twins.save(end(6, "failed")).await, true);
    let unknown = json!({ "p_action": "regenerate", "p_regenerate": id(99) });
    assert_eq!(twins.begin(with(begin(7, Value::Null), unknown.clone())).await, "not_found");
    assert_eq!(twins.begin(with(begin(7, user_message(12, "New")), unknown)).await, "started");
    assert_eq!(twins.save(end(7, "complete")).await, true);
    assert_eq!(twins.begin(action(begin(8, Value::Null), "regenerate")).await, "started");
}

#[tokio::test]
async fn candidates() {
    let Some(twins) = twins().await else { return };
    twins.answered().await;
    let action = |arguments: Value, action: &str| with(arguments, json!({ "p_action": action }));
    let empty = |number: u32, status: &str| {
        save(number, json!({ "p_parts": [], "p_end": { "status": status, "is_active": false } }))
    };
    let step = json!({ "p_parts": [{ "type": "step-start" }] });
    let content = json!({ "p_content": "New", "p_parts": [{ "type": "text", "text": "New" }] });
    assert_eq!(twins.begin(action(begin(2, user_message(10, "Edited")), "edit")).await, "started");
    assert_eq!(twins.begin(action(begin(3, user_message(10, "Edited")), "edit")).await, "running");
    assert_eq!(twins.begin(begin(3, user_message(10, "Hi"))).await, "answered");
    assert_eq!(twins.save(save(2, step)).await, true);
    assert_eq!(twins.save(empty(2, "failed")).await, true);
    assert_eq!(twins.begin(action(begin(3, user_message(10, "Edited")), "edit")).await, "started");
    assert_eq!(twins.save(save(3, content.clone())).await, true);
    assert_eq!(twins.save(end(3, "complete")).await, true);
    assert_eq!(twins.begin(action(begin(4, Value::Null), "regenerate")).await, "started");
    assert_eq!(twins.stop().await, true);
    assert_eq!(twins.save(empty(4, "stopped")).await, true);
    assert_eq!(twins.begin(action(begin(5, Value::Null), "regenerate")).await, "started");
    assert_eq!(twins.save(save(5, content)).await, true);
    assert_eq!(twins.save(end(5, "failed")).await, true);
    assert_eq!(twins.begin(begin(6, user_message(10, "Edited"))).await, "started");
    assert_eq!(twins.save(empty(6, "failed")).await, true);
}

#[tokio::test]
async fn lapsed_runs() {
    let Some(twins) = twins().await else { return };
    let reserve = json!({ "p_reserve": { "input_tokens": 7, "server": "local" } });
    let question = with(begin(1, user_message(10, "Hi there")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(with(question, reserve.clone())).await, "started");
    let alone = with(json!({ "p_run": id(2) }), reserve);
    assert_eq!(twins.call("reserve_tokens", alone).await["reserved"], Value::Null);
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 0, "they live");
    let used = json!({ "p_usage": { "input_tokens": 70, "output_tokens": 2 }, "p_model": "m2",
        "p_metadata": { "provider": "openai" }, "p_cost_usd": 0.5 });
    assert_eq!(twins.save(save(1, used)).await, true);
    assert_eq!(twins.release("local").await, [2, 2]);
    assert_eq!(twins.release("other").await, [0, 0]);
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 2);
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 0, "once");
    assert_eq!(twins.begin(begin(3, user_message(10, "Hi there"))).await, "started");
    assert_eq!(twins.save(end(1, "complete")).await, false, "replaced, but accounted");
    // Nonsense is passed over and keeps nothing else from being counted.
    let nonsense = json!({ "p_usage": { "cached_input_tokens": "many" } });
    assert_eq!(twins.save(save(3, nonsense)).await, true);
    let denied = twins.call("release_leases", json!({ "p_server": "local" })).await;
    assert_eq!(denied["code"], "42501");
}

#[tokio::test]
async fn failures_and_new_attempts() {
    let Some(twins) = twins().await else { return };
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started");
    let mut failed = end(1, "failed");
    failed["p_end"]["is_active"] = json!(false);
    failed["p_end"]["usage_log"]["error_code"] = json!("overloaded");
    assert_eq!(twins.save(failed).await, true);
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "started");
    let no_usage = save(2, json!({ "p_end": { "status": "failed", "finish_reason": "error" } }));
    assert_eq!(twins.save(no_usage).await, true);
    assert_eq!(twins.begin(begin(3, Value::Null)).await, "started");
}

#[tokio::test]
async fn saves_and_stops() {
    let Some(twins) = twins().await else { return };
    assert_eq!(twins.stop().await, Value::Null);
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started");
    let checkpoint = json!({ "p_content": "Hel", "p_parts": [1], "p_cost_usd": 0.5,
        "p_metadata": { "provider": "openai" }, "p_usage": { "input_tokens": 4 } });
    assert_eq!(twins.save(save(1, checkpoint)).await, true);
    assert_eq!(twins.save(save(1, json!({}))).await, true);
    let older = json!({ "p_content": "He", "p_parts": [2] });
    assert_eq!(twins.save(save(1, older)).await, true);
    assert_eq!(
        twins.postgres.rows("select content from messages where content like 'He%'").await.unwrap(),
        [json!({ "content": "Hel" })]
    );
    let other_run = with(save(1, json!({ "p_content": "forged" })), json!({ "p_run": id(2) }));
    assert_eq!(twins.save(other_run).await, false);
    assert_eq!(twins.stop().await, true);
    assert_eq!(twins.stop().await, true);
    assert_eq!(twins.save(save(1, json!({}))).await, true);
    assert_eq!(twins.save(end(1, "stopped")).await, true);
    assert_eq!(twins.save(end(1, "stopped")).await, false, "saved before");
    assert_eq!(twins.save(save(1, json!({ "p_content": "late" }))).await, false);
    assert_eq!(twins.stop().await, false);
}

/// The same, by a server with this name.
fn by(server: &str, begin: Value) -> Value {
    with(begin, json!({ "p_reserve": { "server": server } }))
}

#[tokio::test]
async fn lapses() {
    let Some(twins) = twins().await else { return };
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(by("one", question)).await, "started");
    let checkpoint = json!({ "p_usage": { "input_tokens": 4 }, "p_cost_usd": 0.25,
        "p_metadata": { "provider": "openai" } });
    assert_eq!(twins.save(save(1, checkpoint)).await, true);
    let past = json!({ "lease_expires_at": "2020-01-01T00:00:00Z" });
    twins.change(1, past).await;
    assert_eq!(twins.begin(begin(2, user_message(11, "And?"))).await, "busy", "its run lives");
    twins.release("one").await;
    assert_eq!(twins.stop().await, false);
    assert_eq!(twins.save(save(1, json!({ "p_content": "late" }))).await, false);
    assert_eq!(twins.save(end(1, "complete")).await, true, "slow, but still the owner");
    assert_eq!(twins.begin(by("two", begin(2, user_message(11, "And?")))).await, "started");
    twins.release("two").await;
    assert_eq!(twins.begin(by("three", begin(3, user_message(11, "And?")))).await, "started");
    assert_eq!(twins.save(end(2, "complete")).await, false, "replaced");
    twins.release("three").await;
    twins.change(3, json!({ "usage": { "input_tokens": 0 } })).await;
    assert_eq!(twins.stop().await, false);
    let mut estimate = end(3, "interrupted");
    estimate["p_end"]["usage_log"]["usage_source"] = json!("estimated");
    assert_eq!(twins.save(estimate).await, true);
}

/// What is new of a text part.
fn text(at: u32, text: &str) -> Value {
    json!([{ "index": 1, "at": at, "text": text }])
}

/// The beginning of an answer.
fn beginning(content: &str) -> Value {
    json!([{ "index": 0, "part": { "type": "step-start" } },
        { "index": 1, "text": content,
            "part": { "type": "text", "text": "", "state": "streaming" } }])
}

const CARRIED_OUT: &str = r#"{"owned":true,"stop_requested":false}"#;

#[tokio::test]
async fn checkpoints() {
    let Some(twins) = twins().await else { return };
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(by("one", question)).await, "started");
    let used = json!({ "input_tokens": 4, "output_tokens": 1, "total_tokens": 5,
        "cached_input_tokens": 0, "cache_write_input_tokens": 0, "reasoning_tokens": 0,
        "model": "m2", "provider": "openai", "cost_usd": 0.5 });
    let first = json!({ "number": 1, "after": 0, "delta": beginning("Grü"), "used": used });
    let saved = |reply: Value| assert_eq!(reply.to_string(), CARRIED_OUT);
    saved(twins.checkpoint(1, first.clone()).await);
    saved(twins.checkpoint(1, first).await);
    saved(twins.checkpoint(1, json!({ "number": 2, "after": 1, "delta": text(4, "ß") })).await);
    // Nothing was heard of that one, and when it comes again it is too late.
    saved(twins.checkpoint(1, json!({ "number": 3, "after": 1, "delta": text(4, "ß Go") })).await);
    saved(twins.checkpoint(1, json!({ "number": 2, "after": 1, "delta": text(4, "ß") })).await);
    assert_eq!(
        twins.follow(1, 1).await["delta"],
        json!([
        { "index": 1, "at": 4, "text": "ß Go", "part": null }])
    );
    assert_eq!(twins.follow(1, 3).await["delta"], json!([]));
    assert_eq!(twins.follow(1, 0).await["model"], "m2");
    assert_eq!(twins.follow(10, 0).await["message"]["role"], "user");
    assert_eq!(twins.follow(99, 0).await, Value::Null);
    let tool =
        |state: &str| json!([{ "index": 2, "part": { "type": "tool-clock", "state": state } }]);
    saved(
        twins
            .checkpoint(1, json!({ "number": 4, "after": 3, "delta": tool("input-streaming") }))
            .await,
    );
    saved(
        twins
            .checkpoint(1, json!({ "number": 5, "after": 4, "delta": tool("input-available") }))
            .await,
    );
    let row = "select content, current_content(m), current_parts(m) -> 2 ->> 'state' as tool \
               from messages m where role = 'assistant'";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "",
        "current_content": "Grüß Go", "tool": "input-available" })]
    );
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "running");
    // Each is saved by itself.
    let replies = twins
        .checkpoints(json!([
            { "run": id(9), "number": 1, "after": 0 },
            { "run": id(1), "number": 6, "after": 5, "delta": [{ "index": 3, "part": [] }] },
            { "run": id(1), "number": 6, "after": 5, "delta": text(8, "tt") },
        ]))
        .await;
    assert_eq!((&replies[0]["owned"], &replies[2]["owned"]), (&json!(false), &json!(true)));
    assert!(replies[1]["error"].is_string(), "{replies}");
    assert_eq!(twins.stop().await, true);
    assert_eq!(
        twins.checkpoint(1, json!({ "number": 7, "after": 6 })).await["stop_requested"],
        true
    );
    twins.release("one").await;
    assert_eq!(twins.stop().await, false);
    let row = "select content, status, model from messages where role = 'assistant'";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "Grüß Gott", "status": "interrupted", "model": "m2" })]
    );
    assert_eq!(twins.checkpoint(1, json!({ "number": 8, "after": 7 })).await["owned"], false);
    assert_eq!(twins.save(end(1, "complete")).await, true, "slow, but still the owner");
}

#[tokio::test]
async fn ends_of_what_checkpoints_have_saved() {
    let Some(twins) = twins().await else { return };
    let first = json!({ "number": 1, "after": 0, "delta": beginning("Hello") });
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started");
    assert_eq!(twins.checkpoint(1, first.clone()).await["owned"], true);
    // Without the parts it is what was saved.
    let bare = json!({ "p_end": { "status": "failed", "finish_reason": "error" } });
    assert_eq!(twins.save(save(1, bare)).await, true);
    // With the parts it is their text.
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "started");
    assert_eq!(twins.checkpoint(2, first.clone()).await["owned"], true);
    let parts = json!([{ "type": "text", "text": "One" }, { "type": "reasoning", "text": "?" },
        { "type": "text", "text": " two" }]);
    let whole = json!({ "p_parts": parts, "p_end": { "status": "complete" } });
    assert_eq!(twins.save(save(2, whole)).await, true);
    let row = "select content from messages where run_id is not null order by created_at";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "Hello" }), json!({ "content": "One two" })]
    );
    // A candidate takes its place with the first content.
    let edit = with(begin(3, user_message(10, "Hey")), json!({ "p_action": "edit" }));
    assert_eq!(twins.begin(by("one", edit)).await, "started");
    let step = json!({ "number": 1, "after": 0,
        "delta": [{ "index": 0, "part": { "type": "step-start" } }] });
    assert_eq!(twins.checkpoint(3, step).await["owned"], true);
    assert_eq!(
        twins.checkpoint(3, json!({ "number": 2, "after": 0, "delta": beginning("Hey") })).await["owned"],
        true
    );
    // A run that is not heard of again, in a chat that nobody uses.
    twins.release("one").await;
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 1);
    let row =
        "select content, status, is_active from messages where content = 'Hey' and role <> 'user'";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "Hey", "status": "interrupted", "is_active": true })]
    );
}

/// The last word of a run whose estimate was recorded in its place, with these tokens in all.
fn late_end(number: u32, status: &str, tokens: u32) -> Value {
    let mut end = end(number, status);
    end["p_metadata"] = json!({ "error": { "code": "database_error" }, "finish_reason": "error" });
    end["p_end"]["usage_log"]["usage_source"] = json!("estimated");
    end["p_end"]["usage_log"]["error_code"] = json!("database_error");
    end["p_end"]["usage_log"]["input_tokens"] = json!(tokens - 5);
    end
}

#[tokio::test]
async fn last_words() {
    let Some(twins) = twins().await else { return };
    let create = json!({ "p_create_chat": {} });
    let question = with(begin(1, user_message(10, "Hi")), create.clone());
    assert_eq!(twins.begin(by("one", question)).await, "started");
    let used = json!({ "input_tokens": 70, "output_tokens": 30 });
    let first = json!({ "number": 1, "after": 0, "delta": beginning("He"), "used": used });
    assert_eq!(twins.checkpoint(1, first).await["owned"], true);
    twins.release("one").await;
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 1);
    // What the run itself says takes the place of the estimate, though it is less.
    assert_eq!(twins.save(late_end(1, "interrupted", 60)).await, true);
    let counted = "select input_tokens + output_tokens as tokens from usage_logs";
    assert_eq!(twins.postgres.rows(counted).await.unwrap(), [json!({ "tokens": 60 })]);
    // One that was to stop is stopped, unless it is complete.
    for (number, status, kept) in
        [(2, "interrupted", "stopped"), (3, "failed", "stopped"), (4, "complete", "complete")]
    {
        assert_eq!(twins.begin(begin(number, user_message(number + 20, "And?"))).await, "started");
        assert_eq!(twins.stop().await, true);
        assert_eq!(twins.save(late_end(number, status, 60)).await, true);
        let row = format!("select status from messages where id = '{}'", id(number));
        assert_eq!(twins.postgres.rows(&row).await.unwrap(), [json!({ "status": kept })]);
    }
    // A run outlives its chat: the next one of the same id waits for it.
    assert_eq!(twins.begin(by("five", begin(5, user_message(25, "And?")))).await, "started");
    let delete = format!("delete from chats where id = '{}'", id(CHAT));
    assert_eq!(twins.postgres.run(&delete).await.unwrap(), 1);
    twins.local.rest(Method::DELETE, &format!("/chats?id=eq.{}", id(CHAT)), None).await;
    let anew = |number| with(begin(number, user_message(26, "Hi")), create.clone());
    assert_eq!(twins.begin(anew(6)).await, "busy");
    twins.release("five").await;
    assert_eq!(twins.begin(anew(6)).await, "started");
}

#[tokio::test]
async fn overheads_are_reserved_and_not_counted() {
    let Some(twins) = twins().await else { return };
    let reserve = json!({ "p_create_chat": {}, "p_reserve": { "limit": 1000, "input_tokens": 20,
        "overhead_tokens": 100, "output_tokens": 50, "min_output_tokens": 1, "server": "one" } });
    let question = with(begin(1, user_message(10, "Hi there")), reserve);
    let started = twins.call("begin_generation", question).await;
    assert_eq!(started["reserved"], json!({ "tokens": 172, "output_tokens": 50 }));
    twins.release("one").await;
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 1);
    let counted = "select input_tokens from usage_logs";
    assert_eq!(twins.postgres.rows(counted).await.unwrap(), [json!({ "input_tokens": 22 })]);
}

#[tokio::test]
async fn answers_that_are_taken_over() {
    let Some(twins) = twins().await else { return };
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started");
    let saved = json!({ "number": 3, "after": 0, "delta": beginning("Hello"),
        "used": { "model": "m2", "provider": "openai", "input_tokens": 7, "output_tokens": 2 } });
    assert_eq!(twins.checkpoint(1, saved).await["owned"], true);
    let take = |run: u32, next: u32, more: Value| {
        let key = json!({ "p_chat_id": id(CHAT), "p_message_id": id(1), "p_run": id(run),
            "p_next_run": id(next) });
        twins.call("take_over_generation", with(key, more))
    };
    // Only who knows the run.
    assert_eq!(take(9, 2, json!({})).await["answer"], "conflict");
    let taken = take(1, 2, json!({})).await;
    assert_eq!((&taken["answer"], &taken["checkpoint"]), (&json!("started"), &json!(3)));
    assert_eq!(taken["message"]["content"], "Hello");
    assert_eq!(take(1, 2, json!({})).await, taken, "the same again");
    assert_eq!(take(1, 4, json!({})).await["answer"], "conflict", "once");
    // The run before has only its usage to save.
    let late = json!({ "number": 4, "after": 3, "delta": beginning("late") });
    assert_eq!(twins.checkpoint(1, late).await["owned"], false);
    let log = json!({ "operation": "chat", "provider": "openai", "model": "m2", "input_tokens": 7,
        "output_tokens": 2, "usage_source": "reported", "status": "complete" });
    let end = json!({ "p_end": { "status": "complete", "usage_log": log } });
    assert_eq!(twins.save(save(1, end)).await, false);
    let more =
        json!({ "number": 4, "after": 3, "delta": [{ "index": 1, "at": 5, "text": " you" }] });
    assert_eq!(twins.checkpoint(2, more).await["owned"], true);
    let whole = json!({ "p_message_id": id(1), "p_run": id(2), "p_chat_id": id(CHAT),
        "p_end": { "status": "complete", "finish_reason": "stop" } });
    assert_eq!(twins.save(whole).await, true);
    let row = "select content, status from messages where run_id is not null";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "Hello you", "status": "complete" })]
    );
    // What is to be stopped is not taken over.
    assert_eq!(twins.begin(begin(5, user_message(11, "And?"))).await, "started");
    assert_eq!(twins.stop().await, true);
    let key = json!({ "p_chat_id": id(CHAT), "p_message_id": id(5), "p_run": id(5),
        "p_next_run": id(6) });
    assert_eq!(twins.call("take_over_generation", key).await["answer"], "conflict");
}

#[tokio::test]
async fn unread_answers() {
    let Some(twins) = twins().await else { return };
    let resume = async || twins.call("answer_to_resume", json!({ "p_chat_id": id(CHAT) })).await;
    let read = async |number: u32| {
        twins.call("mark_answer_read", json!({ "p_message_id": id(number) })).await
    };
    assert_eq!(resume().await, Value::Null);
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(by("one", question)).await, "started");
    assert_eq!(resume().await["message"]["status"], "streaming");
    assert_eq!(read(1).await, false, "it is still being written");
    assert_eq!(twins.save(end(1, "complete")).await, true);
    assert_eq!(resume().await["message"]["id"], id(1));
    assert_eq!((read(10).await, read(99).await), (json!(false), json!(false)));
    assert_eq!((read(1).await, read(1).await), (json!(true), json!(false)));
    assert_eq!(resume().await["message"], Value::Null);
    // One that is not heard of again has ended, also while nobody has ended its row.
    let first = json!({ "number": 1, "after": 0, "delta": beginning("Half") });
    assert_eq!(twins.begin(by("two", begin(2, user_message(11, "And?")))).await, "started");
    assert_eq!(twins.checkpoint(2, first).await["owned"], true);
    twins.release("two").await;
    twins.compare_rows("a lapse").await;
    assert_eq!(read(2).await, true);
    assert_eq!(twins.save(end(2, "complete")).await, true, "slow, and there is more of it");
    assert_eq!(resume().await["message"]["content"], "Hello");
    // One that failed before it said anything.
    assert_eq!(twins.begin(begin(3, user_message(12, "So?"))).await, "started");
    let empty = json!({ "p_parts": [], "p_end": { "status": "failed", "is_active": false } });
    assert_eq!(twins.save(save(3, empty)).await, true);
    assert_eq!(resume().await["message"]["status"], "failed");
    assert_eq!(twins.begin(by("four", begin(4, user_message(13, "Oh?")))).await, "started");
    twins.release("four").await;
    assert_eq!(resume().await["message"]["status"], "interrupted");
}

#[tokio::test]
async fn versions_and_branches() {
    let Some(twins) = twins().await else { return };
    let select = async |message: &str| {
        let reply = twins.call("select_message", json!({ "p_message_id": message })).await;
        reply["answer"].clone()
    };
    assert_eq!(select(&id(1)).await, "not_found");
    twins.answered().await;
    assert_eq!(twins.begin(begin(2, user_message(11, "And?"))).await, "started");
    assert_eq!(select(&id(1)).await, "busy");
    assert_eq!(twins.save(end(2, "complete")).await, true);
    assert_eq!(select(&id(10)).await, "selected");
    let again = json!({ "p_action": "regenerate", "p_regenerate": id(1) });
    assert_eq!(twins.begin(with(begin(3, Value::Null), again)).await, "started");
    assert_eq!(twins.save(end(3, "complete")).await, true);
    assert_eq!(twins.begin(begin(4, user_message(12, "So?"))).await, "started");
    assert_eq!(twins.save(end(4, "complete")).await, true);
    for message in [1, 3, 11, 12, 2, 4, 10] {
        assert_eq!(select(&id(message)).await, "selected", "{message}");
    }
    let edit = with(begin(5, user_message(10, "Hey")), json!({ "p_action": "edit" }));
    assert_eq!(twins.begin(edit).await, "started");
    assert_eq!(twins.save(end(5, "complete")).await, true);
    for message in [1, 5, 4] {
        assert_eq!(select(&id(message)).await, "selected", "{message}");
    }
    // Circles, and paths with a gap.
    twins.change(10, json!({ "parent_id": id(5) })).await;
    assert_eq!(select(&id(5)).await, "selected");
    twins.change(10, json!({ "parent_id": null })).await;
    twins.change(12, json!({ "parent_id": null })).await;
    for message in [4, 10, 3] {
        assert_eq!(select(&id(message)).await, "selected", "{message}");
    }
}

#[tokio::test]
async fn queues() {
    let Some(twins) = twins().await else { return };
    let waits = |message: u32, text: &str| {
        with(
            user_message(message, text),
            json!({ "queue": { "model": "m" }, "metadata": { "a": 1 } }),
        )
    };
    let next = |number: u32, message: u32| {
        with(
            begin(number, Value::Null),
            json!({ "p_action": "queued", "p_regenerate": id(message) }),
        )
    };
    let list = async || twins.call("queued_messages", json!({ "p_chat_id": id(CHAT) })).await;
    let question = with(begin(1, waits(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started", "nothing to wait for");
    for message in [11, 12, 13] {
        assert_eq!(twins.begin(begin(2, waits(message, "So?"))).await, "queued");
    }
    assert_eq!(twins.begin(begin(2, waits(11, "So?"))).await, "queued", "once");
    assert_eq!(twins.begin(begin(2, user_message(11, "So?"))).await, "busy");
    assert_eq!(twins.begin(next(2, 11)).await, "busy");
    assert_eq!(list().await.as_array().unwrap().len(), 3);
    let mut wrong = waits(14, "x");
    wrong["queue"] = json!([]);
    assert_eq!(twins.begin(begin(2, wrong)).await["code"], "23514");
    let mut wrong = waits(14, "x");
    wrong["metadata"] = json!([]);
    assert_eq!(twins.begin(begin(2, wrong)).await["code"], "23514");
    assert_eq!(twins.save(end(1, "complete")).await, true);
    assert_eq!(
        twins.call("answer_to_resume", json!({ "p_chat_id": id(CHAT) })).await["queued"],
        id(11)
    );
    // Another question comes first, and what waits comes after its answer.
    assert_eq!(twins.begin(begin(3, user_message(20, "First"))).await, "started");
    assert_eq!(twins.save(end(3, "complete")).await, true);
    assert_eq!(twins.begin(begin(4, Value::Null)).await, "nothing_to_answer");
    assert_eq!(
        twins.call("select_message", json!({ "p_message_id": id(1) })).await["answer"],
        "selected"
    );
    assert_eq!(twins.begin(next(4, 11)).await, "started");
    assert_eq!(twins.begin(next(5, 11)).await, "running");
    assert_eq!(twins.save(end(4, "complete")).await, true);
    assert_eq!(twins.begin(next(5, 11)).await, "answered");
    assert_eq!(twins.begin(next(5, 99)).await, "not_found");
    assert_eq!(twins.begin(next(5, 20)).await, "answered");
    // Sent again when nothing is being written it is answered.
    assert_eq!(twins.begin(begin(5, waits(12, "So?"))).await, "started");
    assert_eq!(twins.save(end(5, "failed")).await, true);
    assert_eq!(twins.begin(next(6, 12)).await, "conflict");
    let again = json!({ "p_action": "regenerate", "p_regenerate": id(3) });
    assert_eq!(twins.begin(with(begin(6, Value::Null), again)).await, "started");
    assert_eq!(twins.save(end(6, "complete")).await, true);
    assert_eq!(list().await.as_array().unwrap().len(), 1, "a regenerate takes nothing from it");
    assert_eq!(twins.begin(begin(7, user_message(21, "Busy"))).await, "started");
    for message in 30..39 {
        assert_eq!(twins.begin(begin(8, waits(message, "So?"))).await, "queued");
    }
    assert_eq!(twins.begin(begin(8, waits(39, "So?"))).await, "queue_full");
}

#[tokio::test]
async fn questions_as_branches() {
    let Some(twins) = twins().await else { return };
    twins.answered().await;
    let after = |number: u32, message: u32, after: Value| {
        let question = with(user_message(message, "New"), json!({ "after": after }));
        with(begin(number, question), json!({ "p_action": "edit" }))
    };
    assert_eq!(twins.begin(after(2, 11, json!(id(1)))).await, "started");
    assert_eq!(twins.save(end(2, "complete")).await, true);
    // Another one after the first answer.
    let reply = twins.call("begin_generation", after(3, 12, json!(id(1)))).await;
    assert_eq!(reply["history"].as_array().unwrap().len(), 3);
    let empty = json!({ "p_parts": [], "p_end": { "status": "failed", "is_active": false } });
    assert_eq!(twins.save(save(3, empty.clone())).await, true);
    assert_eq!(twins.begin(after(4, 12, json!(id(1)))).await, "started");
    let first = json!({ "number": 1, "after": 0, "delta": beginning("Half") });
    assert_eq!(twins.checkpoint(4, first).await["owned"], true);
    assert_eq!(twins.save(end(4, "complete")).await, true);
    // A first question, one in a branch that is not active, and what is unknown or came to nothing.
    assert_eq!(twins.begin(after(5, 13, Value::Null)).await, "started");
    assert_eq!(twins.save(end(5, "complete")).await, true);
    assert_eq!(twins.begin(after(6, 14, json!(id(2)))).await, "started");
    assert_eq!(twins.save(end(6, "complete")).await, true);
    for (number, known) in [(7, 99), (8, 3)] {
        assert_eq!(twins.begin(after(number, 20 + number, json!(id(known)))).await, "started");
        assert_eq!(twins.save(end(number, "complete")).await, true);
    }
    assert_eq!(
        twins.call("select_message", json!({ "p_message_id": id(10) })).await["answer"],
        "selected"
    );
}

#[tokio::test]
async fn refusals() {
    let Some(twins) = twins().await else { return };
    twins.answered().await;
    let code = |answer: Value| answer["code"].as_str().map(str::to_owned);
    let check = Some("23514".to_owned());
    let long = json!({ "p_chat_id": id(101), "p_create_chat": { "title": "x".repeat(201) } });
    assert_eq!(code(twins.begin(with(begin(2, user_message(11, "x")), long)).await), check);
    let mut no_parts = user_message(11, "x");
    no_parts["parts"] = json!({});
    assert_eq!(code(twins.begin(begin(2, no_parts)).await), check);
    let mut not_an_object = user_message(11, "x");
    not_an_object["metadata"] = json!([]);
    assert_eq!(code(twins.begin(begin(2, not_an_object)).await), check);
    let taken = twins.begin(begin(1, user_message(11, "x"))).await;
    assert_eq!(code(taken), Some("23505".to_owned()), "the answer's id is in use");
    assert_eq!(twins.begin(begin(2, user_message(11, "x"))).await, "started");
    for (field, value) in [
        ("cached_input_tokens", json!(11)),
        ("cost_usd", json!(-1)),
        ("output_tokens", json!(-1)),
        ("status", json!("streaming")),
        ("usage_source", json!("?")),
    ] {
        let mut wrong = end(2, "complete");
        wrong["p_end"]["usage_log"][field] = value;
        assert_eq!(code(twins.save(wrong).await), check, "{field}");
    }
    let mut wrong = end(2, "complete");
    wrong["p_end"]["usage_log"]["input_tokens"] = json!("many");
    assert_eq!(code(twins.save(wrong).await), Some("22P02".to_owned()));
    let mut wrong = end(2, "complete");
    wrong["p_end"]["usage_log"]["provider"] = Value::Null;
    assert_eq!(code(twins.save(wrong).await), Some("23502".to_owned()));
    assert_eq!(code(twins.save(end(2, "done")).await), check);
    assert_eq!(twins.save(end(2, "complete")).await, true);
}

#[tokio::test]
async fn uploads() {
    let Some(twins) = twins().await else { return };
    let begin = |file: u32, upload: u32, most: u32| {
        json!({ "p_id": id(file), "p_upload_id": id(upload), "p_name": "a.txt", "p_quota": 100,
            "p_max_files": most })
    };
    let finish = |upload: u32, size: u32, chat: Value| {
        json!({ "p_id": id(1), "p_upload_id": id(upload), "p_name": "b.txt",
            "p_media_type": "text/plain", "p_size": size, "p_sha256": "0".repeat(64),
            "p_quota": 100, "p_chat_id": chat, "p_metadata": { "n": 1 } })
    };
    for (function, arguments, answer) in [
        ("begin_file", begin(1, 1, 0), json!({ "answer": "too_many" })),
        ("begin_file", begin(1, 1, 1), json!({ "answer": "started", "room": 100 })),
        ("begin_file", begin(1, 1, 1), json!({ "answer": "started", "room": 100 })),
        ("begin_file", begin(1, 2, 1), json!({ "answer": "busy" })),
        ("finish_file", finish(2, 40, Value::Null), json!({ "answer": "lost" })),
        ("finish_file", finish(1, 101, Value::Null), json!({ "answer": "over_quota" })),
        ("finish_file", finish(1, 40, json!(id(99))), json!({ "answer": "no_chat" })),
        ("finish_file", finish(1, 40, Value::Null), json!({ "answer": "stored" })),
        ("finish_file", finish(1, 40, Value::Null), json!({ "answer": "stored" })),
        ("begin_file", begin(1, 1, 1), json!({ "answer": "exists" })),
        ("begin_file", begin(2, 2, 9), json!({ "answer": "started", "room": 60 })),
    ] {
        assert_eq!(twins.call(function, arguments).await, answer);
    }
}

/// An end with which these calls begin to wait.
fn awaiting(number: u32, calls: &[&str]) -> Value {
    let part = |call: &&str| json!({ "type": "tool-look", "toolCallId": call, "state": "input-available", "input": {} });
    let row = |call: &&str| {
        json!({ "call_id": call, "source": "client", "tool": "look", "arguments": { "n": 1 },
            "definition": { "name": "look" }, "definition_digest": "d", "expires_in_s": 600 })
    };
    let text = json!({ "type": "text", "text": "Let me look.", "state": "done" });
    let mut parts = vec![json!({ "type": "step-start" }), text];
    parts.extend(calls.iter().map(part));
    let log = json!({ "operation": "chat", "provider": "openai", "model": "m", "input_tokens": 10,
        "output_tokens": 5, "usage_source": "reported", "status": "complete" });
    let end = json!({ "status": "awaiting", "finish_reason": "tool-calls", "usage_log": log,
        "tool_calls": calls.iter().map(row).collect::<Vec<_>>() });
    save(number, json!({ "p_parts": parts, "p_model": "m", "p_end": end }))
}

#[tokio::test]
async fn calls_that_wait() {
    let Some(twins) = twins().await else { return };
    let answer = |outcomes: Value, message: Option<u32>| {
        let mut arguments = json!({ "p_chat_id": id(CHAT), "p_outcomes": outcomes });
        arguments["p_message_id"] = message.map(id).into();
        arguments
    };
    let resume = |message: u32, run: u32| {
        json!({ "p_chat_id": id(CHAT), "p_message_id": id(message), "p_run": id(run),
            "p_reserve": { "input_tokens": 7 } })
    };
    let question = with(begin(1, user_message(10, "Where?")), json!({ "p_create_chat": {} }));
    assert_eq!(
        twins.call("answer_tool_calls", answer(json!({ "a": {} }), None)).await,
        Value::Null
    );
    assert_eq!(twins.call("continue_generation", resume(1, 1)).await["missing"], "chat");
    assert_eq!(twins.begin(question.clone()).await, "started");
    assert_eq!(twins.save(awaiting(1, &["a", "b"])).await, true);
    assert_eq!(twins.save(awaiting(1, &["a", "b"])).await, false, "a repeat");
    assert_eq!(twins.begin(begin(2, user_message(10, "Where?"))).await, "answered");
    assert_eq!(twins.begin(begin(2, Value::Null)).await, "nothing_to_answer");
    assert_eq!(twins.call("continue_generation", resume(1, 3)).await["answer"], "not_ready");
    assert_eq!(twins.call("continue_generation", resume(99, 3)).await["missing"], "message");
    let first = json!({ "a": { "output": { "x": [1, null] } }, "z": { "error": "?" } });
    let reply = twins.call("answer_tool_calls", answer(first.clone(), Some(1))).await;
    assert_eq!(reply["results"], json!({ "a": "recorded", "z": "unknown" }));
    assert_eq!((&reply["remaining"], &reply["message_parts"]), (&json!(1), &json!(4)));
    let reply = twins.call("answer_tool_calls", answer(first, Some(1))).await;
    assert_eq!(reply["results"]["a"], "same");
    let other = answer(json!({ "a": { "output": 2 } }), None);
    assert_eq!(twins.call("answer_tool_calls", other).await["results"]["a"], "decided");
    let last = answer(json!({ "b": { "error": "No." } }), None);
    assert_eq!(twins.call("answer_tool_calls", last).await["remaining"], 0);
    let started = twins.call("continue_generation", resume(1, 3)).await;
    assert_eq!((&started["answer"], &started["checkpoint"]), (&json!("started"), &json!(1)));
    assert_eq!(started["message"]["parts"][2]["output"], json!({ "x": [1, null] }));
    assert_eq!(started["message"]["content"], "Let me look.");
    assert_eq!(started["definitions"], json!([{ "name": "look" }, { "name": "look" }]));
    assert_eq!(twins.call("continue_generation", resume(1, 3)).await["answer"], "started");
    assert_eq!(twins.call("continue_generation", resume(1, 4)).await["answer"], "running");
    let more = json!({ "number": 2, "after": 1, "delta": [
        { "index": 4, "part": { "type": "step-start" } },
        { "index": 5, "text": "Here", "part": { "type": "text", "text": "" } }] });
    let checkpoint = |checkpoint: Value| with(json!({ "run": id(3) }), checkpoint);
    let saved = twins.checkpoints(json!([checkpoint(more)])).await;
    assert_eq!(saved[0]["owned"], true);
    twins.follow(1, 0).await;
    let own = json!({ "p_run": id(3), "p_end": { "status": "complete", "usage_log": {
        "operation": "chat", "provider": "p", "model": "m", "usage_source": "reported",
        "status": "complete" } } });
    let saved = twins.call("save_generation", with(save(1, json!({})), own)).await;
    assert_eq!(saved["message"]["content"], "Let me look.Here");
    assert_eq!(twins.call("continue_generation", resume(1, 5)).await["answer"], "ended");

    // Superseded by another message, by a stop, and when the question is gone.
    assert_eq!(twins.begin(begin(20, user_message(11, "And?"))).await, "started");
    assert_eq!(twins.save(awaiting(20, &["a"])).await, true);
    assert_eq!(twins.begin(begin(21, user_message(12, "No"))).await, "started");
    assert_eq!(twins.save(awaiting(21, &["a"])).await, true);
    assert_eq!(twins.stop().await, false);
    let late = answer(json!({ "a": { "output": 2 } }), Some(21));
    assert_eq!(twins.call("answer_tool_calls", late).await["results"]["a"], "superseded");
    assert_eq!(twins.begin(begin(22, user_message(13, "Well"))).await, "started");
    assert_eq!(twins.save(awaiting(22, &["a"])).await, true);
    let nobody = json!({ "parent_id": null });
    twins.change(22, nobody).await;
    assert_eq!(twins.call("continue_generation", resume(22, 6)).await["answer"], "ended");
}
