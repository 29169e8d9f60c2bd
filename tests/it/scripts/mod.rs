//! `/api/scripts`, and the agent's tool `run_script`.

mod files;
mod tool;

use std::time::Duration;

use chat_backend::api::scripts::model::{
    Capabilities, ScriptRun, ScriptRunSummary, StoredScriptRun,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandbox::skipped;
use crate::support::{TestApp, User, app, skipped_on_a_real_supabase, until, until_found};

impl User {
    /// Uploads a text; its id.
    async fn add_text(&self, name: &str, text: &str) -> String {
        self.add_file(name, "text/plain", text).await["id"].as_str().unwrap().to_owned()
    }

    async fn run_script(&self, body: Value) -> Value {
        self.post("/api/scripts/run", body).await.expect(200)
    }
}

#[tokio::test]
async fn a_script_is_run_and_recorded() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Numbers").await;
    let code = "console.log('é'); console.warn('!'); ({ z: input.a * 2, a: [] })";
    let body = json!({ "code": code, "input": { "a": 21 }, "chat_id": chat });
    let run = alice.run_script(body).await;
    assert_eq!(run["status"], "ok");
    assert_eq!(run["result"].to_string(), r#"{"z":42,"a":[]}"#);
    assert_eq!((&run["stdout"], &run["stderr"]), (&json!("é\n"), &json!("!\n")));
    assert_eq!(run["limits"]["timeout_ms"], 5000);
    for (field, value) in
        [("language", json!("javascript")), ("error", Value::Null), ("files", json!([]))]
    {
        assert_eq!(run[field], value, "{field}");
    }
    let path = format!("/api/scripts/runs/{}", run["id"].as_str().unwrap());
    let stored = alice.get(&path).await.expect(200);
    assert_eq!((&stored["code"], &stored["input"]), (&json!(code), &json!({ "a": 21 })));
    for field in ["id", "chat_id", "status", "stdout", "stderr", "result", "created_at", "limits"] {
        assert_eq!(stored[field], run[field], "{field}");
    }
    let typed: StoredScriptRun = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), stored);
    serde_json::from_value::<ScriptRun>(run).unwrap();
}

#[tokio::test]
async fn a_script_that_fails_is_no_http_error() {
    let app = TestApp::with(&[("SCRIPT_TIMEOUT_MS", "500")]).await;
    let alice = app.user("alice").await;
    let run = alice.run_script(json!({ "code": "const a = 1\nlet b = a.b.c" })).await;
    assert_eq!(run["status"], "error");
    assert_eq!((&run["error"]["type"], &run["error"]["line"]), (&json!("TypeError"), &json!(2)));
    assert!(run["error"]["traceback"].as_str().unwrap().contains("script.js:2"), "{run}");
    let run = alice.run_script(json!({ "code": "console.log(1); for (;;);" })).await;
    assert_eq!((&run["status"], &run["stdout"]), (&json!("timeout"), &json!("1\n")));
    let run = alice.run_script(json!({ "code": "for (;;);", "timeout_ms": 10 })).await;
    assert_eq!((&run["status"], &run["limits"]["timeout_ms"]), (&json!("timeout"), &json!(10)));
    assert_eq!(alice.run_script(json!({ "code": "1" })).await["result"], 1);
}

#[tokio::test]
async fn of_long_texts_the_beginning_and_the_end_are_kept() {
    let app = app().await;
    let alice = app.user("alice").await;
    let code = "console.log('\\0'.repeat(2 ** 20 - 1)); 'x'.repeat(2 ** 20 - 2)";
    let input = json!({ "text": "i".repeat(100_000) });
    let run = alice.run_script(json!({ "code": code, "input": input })).await;
    assert_eq!((&run["status"], &run["truncated"]), (&json!("ok"), &json!(false)));
    assert_eq!(run["result"].as_str().unwrap().len(), (1 << 20) - 2, "the caller gets it all");
    let stored = alice.get(&format!("/api/scripts/runs/{}", run["id"].as_str().unwrap())).await;
    let stored = stored.expect(200);
    for (field, start) in
        [("stdout", "\u{fffd}"), ("result", "\"xxx"), ("input", "{\"text\":\"iii")]
    {
        let text = stored[field].as_str().unwrap();
        assert!(text.len() < (64 << 10) + 100 && text.starts_with(start), "{field}: {text:.40}");
        assert!(text.contains("bytes left out"), "{field}");
    }
    assert_eq!((&stored["truncated"], &stored["code"]), (&json!(true), &json!(code)));
}

impl User {
    /// Records runs as a front end can, without running anything.
    async fn record_runs(&self, runs: Value) {
        let url = "/script_runs?columns=language,code,status,duration_ms,stdout";
        self.rest(reqwest::Method::POST, url, Some(runs)).await.expect(201);
    }

    async fn count_runs(&self) -> usize {
        let ids = self.rest(reqwest::Method::GET, "/script_runs?select=id", None).await.expect(200);
        ids.as_array().unwrap().len()
    }
}

fn recorded(stdout: &str) -> Value {
    json!({ "language": "python", "code": "1", "status": "ok", "duration_ms": 1, "stdout": stdout })
}

#[tokio::test]
async fn the_newest_runs_of_a_user_are_kept() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    bob.record_runs(json!([recorded("")])).await;
    alice.record_runs((0..600).map(|_| recorded("")).collect()).await;
    alice.record_runs((0..400).map(|_| recorded("")).collect()).await;
    assert_eq!(alice.count_runs().await, 1_000);
    // The newest by its time.
    app.clock.advance(Duration::from_secs(1));
    let run = alice.run_script(json!({ "code": "1" })).await;
    assert_eq!(alice.count_runs().await, 900);
    alice.get(&format!("/api/scripts/runs/{}", run["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(bob.count_runs().await, 1, "another's are not touched");
}

#[tokio::test]
async fn the_runs_of_a_user_take_bounded_room() {
    let app = app().await;
    let alice = app.user("alice").await;
    // On a real project what counts is the room that they take, so they must not be compressible: a repetition
    // is too far back for PostgreSQL to find it.
    let mut random = fastrand::Rng::with_seed(1);
    let block: String = (0..128 << 10).map(|_| random.alphanumeric()).collect();
    let stdout = block.repeat((7 << 20) / block.len());
    alice.record_runs((0..10).map(|_| recorded("")).collect()).await;
    let all = format!("/rest/v1/script_runs?user_id=eq.{}", alice.id);
    let stdout = json!({ "stdout": stdout });
    app.as_service(reqwest::Method::PATCH, &all, Some(stdout)).await.expect(204);
    alice.record_runs(recorded("")).await;
    let left = alice.count_runs().await;
    assert!((2..=9).contains(&left), "{left} are left of 10 runs of 7 MiB and a small one");
}

#[tokio::test]
async fn old_runs_go() {
    if skipped_on_a_real_supabase("a clock that is moved") {
        return;
    }
    let app = TestApp::with(&[("SCRIPT_RUNS_RETENTION_DAYS", "2")]).await;
    let alice = app.user("alice").await;
    alice.run_script(json!({ "code": "1" })).await;
    app.clock.advance(Duration::from_secs(86_400));
    let alice = alice.refreshed(&app).await;
    alice.run_script(json!({ "code": "2" })).await;
    assert_eq!(alice.count_runs().await, 2);
    app.clock.advance(Duration::from_secs(86_401));
    let alice = alice.refreshed(&app).await;
    alice.run_script(json!({ "code": "3" })).await;
    assert_eq!(alice.count_runs().await, 2);
}

/// Also those of users who run no other script: a server with the service key looks for them.
#[tokio::test]
async fn old_runs_of_all_users_go() {
    if skipped_on_a_real_supabase("a clock that is moved") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    alice.record_runs(recorded("")).await;
    app.clock.advance(Duration::from_secs(2 * 86_400 + 1));
    let alice = alice.refreshed(&app).await;
    assert_eq!(alice.count_runs().await, 1);
    let key = ("SUPABASE_SERVICE_ROLE_KEY", app.service_key());
    let _replica = app.replica(&[key, ("SCRIPT_RUNS_RETENTION_DAYS", "2")]).await;
    until("the run is deleted", async || alice.count_runs().await == 0).await;
}

#[tokio::test]
async fn requests_are_checked() {
    let app = app().await;
    let alice = app.user("alice").await;
    for (body, pointer) in [
        (json!({}), "/code"),
        (json!({ "code": "" }), "/code"),
        (json!({ "code": "x".repeat((256 << 10) + 1) }), "/code"),
        (json!({ "code": "a\0" }), "/code"),
        (json!({ "code": 1 }), "/code"),
        (json!({ "code": "1", "language": "ruby" }), "/language"),
        (json!({ "code": "1", "timeout_ms": 0 }), "/timeout_ms"),
        (json!({ "code": "1", "timeout_ms": 30001 }), "/timeout_ms"),
        (json!({ "code": "1", "chat_id": "x" }), "/chat_id"),
    ] {
        let reply = alice.post("/api/scripts/run", body).await;
        assert_eq!(reply.pointers(), [pointer]);
    }
    let body = json!({ "code": "1", "chat_id": Uuid::new_v4() });
    assert_eq!(alice.post("/api/scripts/run", body).await.problem(404), "chat_not_found");
    let body = json!({ "code": "1", "language": "python" });
    let reply = alice.post("/api/scripts/run", body).await;
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(reply.problem(503), "language_unavailable");
}

#[tokio::test]
async fn the_history_is_the_users_own() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let chat = alice.create_chat("Numbers").await;
    for number in 0..3 {
        alice.run_script(json!({ "code": format!("{number}") })).await;
        app.clock.advance(Duration::from_secs(1));
    }
    alice.run_script(json!({ "code": "3", "chat_id": chat })).await;
    let reply = alice.get("/api/scripts/runs?limit=3").await;
    let next = reply.next_page().unwrap();
    let first = reply.expect(200);
    let second = alice.get(&next).await.expect(200);
    let runs: Vec<ScriptRunSummary> = [first, second]
        .into_iter()
        .flat_map(|page| serde_json::from_value::<Vec<_>>(page).unwrap())
        .collect();
    assert_eq!(runs.len(), 4);
    assert!(runs.is_sorted_by(|newer, older| newer.created_at >= older.created_at));
    let of_chat = alice.get(&format!("/api/scripts/runs?chat_id={chat}")).await.expect(200);
    assert_eq!(of_chat.as_array().unwrap().len(), 1);
    assert_eq!(bob.get("/api/scripts/runs").await.expect(200), json!([]));
    let theirs = format!("/api/scripts/runs/{}", runs[0].id);
    assert_eq!(bob.get(&theirs).await.problem(404), "script_run_not_found");
    let body = json!({ "code": "1", "chat_id": chat });
    assert_eq!(bob.post("/api/scripts/run", body).await.problem(404), "chat_not_found");
    alice.delete(&format!("/api/chats/{chat}")).await;
    let kept = alice.get(&theirs).await.expect(200);
    assert!(kept["chat_id"].is_null());
}

/// A script that ends only when it is ended.
const ENDLESS: &str = "for (;;);";

impl User {
    /// Waits until there is one run, and gives its status.
    async fn status_of_the_run(&self) -> Value {
        let look = async || {
            let runs = self.get("/api/scripts/runs").await.expect(200);
            runs.get(0).map(|run| run["status"].clone())
        };
        until_found("there is a run", look).await
    }

    /// Cancels a script that was just sent, as soon as the server knows of it.
    async fn cancel(&self, id: Uuid) {
        let path = format!("/api/scripts/runs/{id}");
        until("it is known", async || self.delete(&path).await.status == 204).await;
    }
}

#[tokio::test]
async fn a_script_ends_when_its_client_leaves() {
    let app = TestApp::with(&[("SCRIPT_WORKERS", "1"), ("SCRIPT_TIMEOUT_MS", "60000")]).await;
    let alice = app.user("alice").await;
    let request = alice.request(reqwest::Method::POST, "/api/scripts/run");
    let request = request.json(&json!({ "code": format!("console.log(1); {ENDLESS}") }));
    let gone = request.timeout(Duration::from_millis(300)).send().await;
    assert!(gone.unwrap_err().is_timeout());
    assert_eq!(alice.status_of_the_run().await, "cancelled");
    assert_eq!(alice.run_script(json!({ "code": "1" })).await["result"], 1);
}

#[tokio::test]
async fn a_script_can_be_cancelled_and_its_run_deleted() {
    let app = TestApp::with(&[("SCRIPT_WORKERS", "1"), ("SCRIPT_TIMEOUT_MS", "60000")]).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (running, waiting) = (Uuid::new_v4(), Uuid::new_v4());
    let send = |id: Uuid| {
        let alice = alice.clone();
        let body = json!({ "id": id, "code": format!("console.log(1); {ENDLESS}") });
        tokio::spawn(async move { alice.run_script(body).await })
    };
    let first = send(running);
    let second = send(waiting);
    for id in [waiting, running] {
        let path = format!("/api/scripts/runs/{id}");
        assert_eq!(bob.delete(&path).await.problem(404), "script_run_not_found");
        alice.cancel(id).await;
    }
    for (run, id) in [(first, running), (second, waiting)] {
        let run = run.await.unwrap();
        assert_eq!((&run["status"], &run["id"]), (&json!("cancelled"), &json!(id)), "{run}");
        assert_eq!(run["error"]["type"], "Cancelled");
        let path = format!("/api/scripts/runs/{id}");
        assert_eq!(alice.get(&path).await.expect(200)["status"], "cancelled");
        let again = json!({ "id": id, "code": "1" });
        assert_eq!(alice.post("/api/scripts/run", again).await.problem(409), "id_conflict");
        assert_eq!(bob.delete(&path).await.problem(404), "script_run_not_found");
        assert_eq!(alice.delete(&path).await.status, 204);
        assert_eq!(alice.get(&path).await.problem(404), "script_run_not_found");
        assert_eq!(alice.delete(&path).await.problem(404), "script_run_not_found");
    }
}

#[tokio::test]
async fn one_user_does_not_keep_another_waiting() {
    let app = TestApp::with(&[("SCRIPT_WORKERS", "2"), ("SCRIPT_TIMEOUT_MS", "600000")]).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let ids: Vec<_> = (0..8).map(|_| Uuid::new_v4()).collect();
    let sent = ids.iter().map(|id| {
        let (alice, body) = (alice.clone(), json!({ "id": id, "code": ENDLESS }));
        tokio::spawn(async move { alice.run_script(body).await })
    });
    let sent: Vec<_> = sent.collect();
    // They are on the server when the last of them can be cancelled.
    alice.cancel(ids[7]).await;
    assert_eq!(bob.run_script(json!({ "code": "1" })).await["result"], 1);
    for id in &ids[..7] {
        alice.cancel(*id).await;
    }
    for run in sent {
        assert_eq!(run.await.unwrap()["status"], "cancelled");
    }
}

#[tokio::test]
async fn only_so_many_scripts_of_a_user_run_at_once() {
    let app = TestApp::with(&[("SCRIPT_WORKERS", "2"), ("SCRIPT_TIMEOUT_MS", "300")]).await;
    let alice = app.user("alice").await;
    let replies = (0..24).map(|_| {
        let alice = alice.clone();
        async move { alice.post("/api/scripts/run", json!({ "code": "for (;;);" })).await }
    });
    let replies = futures_util::future::join_all(replies).await;
    let (ran, refused): (Vec<_>, Vec<_>) =
        replies.into_iter().partition(|reply| reply.status == 200);
    assert!(ran.len() >= 16 && !refused.is_empty(), "{} ran", ran.len());
    for reply in refused {
        assert_eq!(reply.header("retry-after"), "1");
        assert_eq!(reply.header("ratelimit-policy"), "\"scripts\";q=16");
        assert_eq!(reply.problem(429), "too_many_scripts");
    }
    for reply in ran {
        assert_eq!(reply.expect(200)["status"], "timeout");
    }
    assert_eq!(alice.run_script(json!({ "code": "1" })).await["result"], 1);
}

#[tokio::test]
async fn capabilities_say_what_there_is() {
    let app = app().await;
    let alice = app.user("alice").await;
    let found = alice.get("/api/scripts/capabilities").await.expect(200);
    let found: Capabilities = serde_json::from_value(found).unwrap();
    let [javascript, python] = &found.languages[..] else { panic!("{found:?}") };
    assert!(javascript.available && javascript.globals.contains(&"files".to_owned()));
    assert!(!python.available);
    assert_eq!(python.reason.as_deref(), Some("it is turned off"));
    assert_eq!(found.limits.memory_bytes, 256 << 20);
    assert_eq!((found.limits.timeout_ms, found.max_timeout_ms), (5_000, 30_000));
}

#[tokio::test]
async fn python_says_what_it_has() {
    let app = TestApp::with(&[("SCRIPT_PYTHON", "python3")]).await;
    let alice = app.user("alice").await;
    let found = alice.get("/api/scripts/capabilities").await.expect(200);
    let found: Capabilities = serde_json::from_value(found).unwrap();
    if let Some(reason) = &found.languages[1].reason {
        return skipped(reason);
    }
    let code = "import sys\nprint(input['a'])\nsys.version.split()[0]";
    let body = json!({ "language": "python", "code": code, "input": { "a": "é" } });
    let run = alice.run_script(body).await;
    assert_eq!(run["result"], found.languages[1].version.as_deref().unwrap());
    assert_eq!(run["stdout"], "é\n");
}
