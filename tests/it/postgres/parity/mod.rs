//! The functions of the migrations beside those of the local Supabase: whatever is called, both
//! answer the same and leave the same rows.

mod approvals;
mod branches;
mod budgets;
mod calls;
mod checkpoints;
mod generations;
mod passages;
mod paths;
mod tool_tokens;

use std::collections::BTreeMap;

use chat_backend::database::{
    AnswerToResume, AnswerToolCalls, BeginFile, BeginGeneration, Budgets, ClaimToolCall,
    ClaimToolRefresh, ContinueGeneration, CountLapsedUsage, DecideToolCall, FindToolCall,
    FinishFile, FinishToolCall, FollowAnswer, Function, MarkAnswerRead, PendingToolCalls,
    QueuedMessages, RecordEvents, ReleaseLeases, RequestStop, ReserveTokens, SaveCheckpoints,
    SaveGeneration, SavePassages, SaveToolToken, SearchPassages, SelectMessage, TakeOverGeneration,
    ToolGrants, ToolToken, UnindexedFiles,
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
    kept: (Database, TestApp),
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
    Some(Twins { postgres, local, kept: (db, app) })
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

/// The same, by a server with this name.
fn by(server: &str, begin: Value) -> Value {
    with(begin, json!({ "p_reserve": { "server": server } }))
}

impl Twins {
    /// What both answer, or with what both refuse.
    async fn call(&self, function: &str, arguments: Value) -> Value {
        let answer = self.answer(function, &arguments).await;
        self.compare_rows(&format!("{function} {arguments}")).await;
        answer
    }

    async fn answer(&self, function: &str, arguments: &Value) -> Value {
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
        let (db, app) = &self.kept;
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

    /// Deletes a message on both sides.
    async fn delete(&self, message: &str) {
        let sql = format!("delete from messages where id = '{message}'");
        assert_eq!(self.postgres.run(&sql).await.unwrap(), 1);
        let path = format!("/messages?id=eq.{message}");
        self.local.rest(Method::DELETE, &path, None).await.expect(204);
    }

    /// A chat with this question and its whole answer.
    async fn answered(&self) {
        let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
        assert_eq!(self.begin(question).await, "started");
        assert_eq!(self.save(end(1, "complete")).await, true);
    }

    async fn compare_rows(&self, after: &str) {
        for table in ["chats", "messages", "usage_logs", "files", "passages", "indexed_files"] {
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
                let plain = |name: &str, value| match name {
                    "retry_after_s" => json!("a while"),
                    _ => self.plain(value),
                };
                let fields = fields.into_iter().map(|(name, value)| {
                    let value = plain(&name, value);
                    (name, value)
                });
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
        Budgets::NAME => read::<Budgets<'_>>,
        AnswerToolCalls::NAME => read::<AnswerToolCalls<'_>>,
        FindToolCall::NAME => read::<FindToolCall<'_>>,
        PendingToolCalls::NAME => read::<PendingToolCalls>,
        DecideToolCall::NAME => read::<DecideToolCall<'_>>,
        ToolGrants::NAME => read::<ToolGrants>,
        ClaimToolCall::NAME => read::<ClaimToolCall<'_>>,
        FinishToolCall::NAME => read::<FinishToolCall<'_>>,
        ContinueGeneration::NAME => read::<ContinueGeneration<'_>>,
        TakeOverGeneration::NAME => read::<TakeOverGeneration>,
        ToolToken::NAME => read::<ToolToken<'_>>,
        SaveToolToken::NAME => read::<SaveToolToken<'_>>,
        ClaimToolRefresh::NAME => read::<ClaimToolRefresh<'_>>,
        SavePassages::NAME => read::<SavePassages<'_>>,
        SearchPassages::NAME => read::<SearchPassages>,
        UnindexedFiles::NAME => read::<UnindexedFiles>,
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
