//! What an answer makes of the calls of tools, and what of it is shown and stored.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat_backend::agent::tools::source::{Outcome, SourceKind, SourceTool, ToolFile};
use serde_json::{Value, json};

use crate::support::{
    Answer, Called, FakeProvider, FakeSource, Listed, PNG, TestApp, User, calls, ok, says, tool,
    until,
};

struct Stage {
    provider: FakeProvider,
    app: TestApp,
    alice: User,
    chat: String,
}

impl Stage {
    async fn with(answers: Vec<Answer>, sources: &[Arc<FakeSource>]) -> Self {
        let provider = FakeProvider::with(answers).await;
        let settings = [
            ("OPENAI_BASE_URL", &*provider.url),
            ("DEFAULT_MODEL", "openai/any"),
            ("METRICS_ADDR", "127.0.0.1:0"),
        ];
        let app = TestApp::with(&settings).await;
        app.offer(sources);
        let alice = app.user("alice").await;
        let chat = alice.create_chat("Tools").await;
        Self { provider, app, alice, chat }
    }

    /// The names that the model was offered in its last request.
    fn offered(&self) -> Vec<String> {
        let requests = self.provider.requests();
        let tools = requests.last().unwrap()["tools"].as_array().cloned().unwrap_or_default();
        tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap().to_owned()).collect()
    }
}

/// The results of a message's calls, in their order.
fn results(message: &Value) -> Vec<Value> {
    let parts = message["parts"].as_array().unwrap().iter();
    let calls = parts.filter(|part| part["type"].as_str().unwrap().starts_with("tool-"));
    calls.map(|call| call.get("output").unwrap_or(&call["errorText"]).clone()).collect()
}

#[tokio::test]
async fn a_request_is_offered_what_it_names() {
    let (d, r) = (
        FakeSource::mcp("d", vec![tool("a")]).answering([]),
        FakeSource::mcp("r", vec![tool("b"), tool("c")]).on_request().answering([]),
    );
    let locate = json!({ "locate": { "parameters": { "type": "object" } } });
    let cases = [
        (json!({}), vec!["d_a"]),
        (json!({ "tools": locate }), vec!["d_a", "locate"]),
        (json!({ "tools": [] }), vec![]),
        (json!({ "tools": ["r"] }), vec!["r_b", "r_c"]),
        (json!({ "tools": ["r_c", "files", "r"] }), vec!["r_c", "files", "r_b"]),
    ];
    let stage = Stage::with(cases.iter().map(|_| says("Hi.")).collect(), &[d.clone(), r]).await;
    for (mut body, expected) in cases {
        body["content"] = json!("Hello");
        stage.alice.generate(&stage.chat, body).await.expect(200);
        assert_eq!(stage.offered(), expected);
    }
    // A request that asks for none lists none.
    assert_eq!(d.listings(), 3);
    let refused = |body: Value| async { stage.alice.generate(&stage.chat, body).await };
    let unknown = refused(json!({ "content": "x", "tools": ["r_d"] })).await;
    assert_eq!(unknown.pointers(), ["/tools/0"]);
    for name in ["d_a", "d", "files"] {
        let body = json!({ "content": "x", "tools": { name: { "parameters": {} } } });
        assert_eq!(refused(body).await.problem(422), "tool_name_taken", "{name}");
    }
    let tools = stage.alice.get("/api/ai/tools").await.expect(200);
    let find =
        |name: &str| tools.as_array().unwrap().iter().find(|tool| tool["name"] == name).cloned();
    assert_eq!(
        find("r_b").unwrap(),
        json!({ "name": "r_b", "title": null, "description": "Does b.", "source": "r",
            "runs_on": "server", "approval": "never", "is_default": false, "available": true })
    );
    assert_eq!(find("run_script").unwrap()["source"], "built_in");
    stage.app.offer(&[
        FakeSource::new("x", SourceKind::Mcp, Listed::Failure("it is closed")).answering([])
    ]);
    let tools = stage.alice.get("/api/ai/tools").await.expect(200);
    let last = tools.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["name"], &last["available"], &last["reason"]),
        (&json!("x"), &json!(false), &json!("it is closed"))
    );
    let health = stage.app.get("/health").await.json();
    let check = json!({ "kind": "mcp", "status": "down", "tools": 0 });
    assert_eq!(health["checks"]["tools"]["x"], check);
    assert_eq!(health["status"], "ok");
}

#[tokio::test]
async fn whatever_a_call_comes_to_is_a_result() {
    let named = |name: &str, change: fn(SourceTool) -> SourceTool| change(tool(name));
    let source = FakeSource::mcp(
        "s",
        vec![
            named("long", |tool| SourceTool { max_result_bytes: 10, ..tool }),
            tool("b"),
            tool("c"),
            named("slow", |tool| SourceTool { deadline: Duration::from_millis(50), ..tool }),
            tool("f"),
        ],
    );
    let failed = Outcome::Failed { sentence: "It is gone.".into(), may_have_happened: false };
    let source = source.answering([
        Called::Outcome(ok(json!("größer als zehn"))),
        Called::Outcome(Outcome::Refused("Try n = 2.".into())),
        Called::Panic,
        Called::Silence,
        Called::Outcome(failed),
    ]);
    let all = ["s_long", "s_b", "s_c", "s_slow", "s_f", "s_none", "s_b"];
    let mut made: Vec<_> = all.map(|name| (name, json!({ "n": null }))).to_vec();
    made[6].1 = json!({ "n": "two" });
    let stage = Stage::with(vec![calls(&made), says("Well.")], std::slice::from_ref(&source)).await;
    let message = stage.alice.ask(&stage.chat, "Go").await["message"].clone();
    let results = results(&message);
    assert_eq!(results[0], "größer a\n[cut, 17 bytes in all]");
    assert_eq!(results[1], "Try n = 2.");
    assert_eq!(results[2], "The tool crashed.");
    assert!(results[3].as_str().unwrap().starts_with("The tool took longer than 0.05 seconds"));
    assert_eq!(results[4], "It is gone.");
    assert_eq!(results[5], "There is no tool named s_none.");
    assert_eq!(results[6], "The arguments do not fit: /n must be of type integer.");
    // What is left out is not sent as null, and what is not allowed is not sent at all.
    let calls = source.calls();
    assert_eq!(calls.len(), 5);
    assert!(calls.iter().all(|(_, arguments)| *arguments == json!({})));
    assert!(source.has_nothing_running());
    let metrics = stage.app.metrics().await;
    for (outcome, count) in [("ok", 1), ("refused", 1), ("unknown", 2), ("failed", 1)] {
        let line = format!(
            "chat_backend_tool_calls_total{{source=\"mcp\",outcome=\"{outcome}\"}} {count}\n"
        );
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[tokio::test]
async fn a_stop_ends_the_calls_that_run() {
    let source = FakeSource::mcp("s", vec![tool("a")]).answering([Called::Silence]);
    let stage =
        Stage::with(vec![calls(&[("s_a", json!({}))])], std::slice::from_ref(&source)).await;
    let body = json!({ "content": "Go", "stream": true });
    let path = format!("/api/ai/chat/{}/generate", stage.chat);
    let mut stream = stage.alice.stream(&path, body).await;
    while stream.next().await.unwrap()["type"] != "tool-input-available" {}
    until("the tool is called", async || !source.calls().is_empty()).await;
    stage.alice.poke(&format!("/api/ai/chat/{}/stop", stage.chat)).await.expect(200);
    assert!(source.has_nothing_running());
    let stored = stage.alice.messages(&stage.chat).await.pop().unwrap();
    assert!(stored.to_string().contains("The person stopped this call while it ran."), "{stored}");
}

#[tokio::test]
async fn progress_is_shown_and_not_stored() {
    let (go, wait) = tokio::sync::oneshot::channel();
    let reports = Called::Reports(1_000, json!("done"), wait);
    let source = FakeSource::mcp("s", vec![tool("a")]).answering([reports]);
    let answers = vec![calls(&[("s_a", json!({}))]), says("Done.")];
    let stage = Stage::with(answers, &[source]).await;
    let body = json!({ "content": "Go", "stream": true });
    let path = format!("/api/ai/chat/{}/generate", stage.chat);
    let mut stream = stage.alice.stream(&path, body).await;
    let shown = stream.until("data-tool-progress").await;
    let data = json!({ "toolCallId": "call-0", "progress": 999.0, "total": 1000.0,
        "message": "step 999" });
    assert_eq!(shown, json!({ "type": "data-tool-progress", "data": data, "transient": true }));
    go.send(()).unwrap();
    let rest = stream.rest().await;
    assert!(rest.iter().all(|frame| frame["type"] != "data-tool-progress"), "{rest:?}");
    let stored = stage.alice.messages(&stage.chat).await;
    assert!(!stored[1].to_string().contains("step 999"));
}

#[tokio::test]
async fn files_of_tools_are_the_users_and_models_see_the_pictures() {
    let file = |name: &str, media_type: &str, bytes: &'static [u8]| ToolFile {
        name: name.into(),
        media_type: media_type.into(),
        bytes: Bytes::from_static(bytes),
    };
    let files =
        vec![file("dot.png", "image/png", PNG), file("lies.png", "image/png", b"no picture")];
    let source_part =
        json!({ "type": "source-url", "sourceId": "1", "url": "https://example.com/" });
    let outcome = Outcome::Ok { output: json!("drawn"), parts: vec![source_part], files };
    let source = FakeSource::mcp("s", vec![tool("a")]).answering([Called::Outcome(outcome)]);
    let answers = vec![calls(&[("s_a", json!({}))]), says("Done."), says("Again.")];
    let stage = Stage::with(answers, &[source]).await;
    let body = json!({ "content": "Go", "stream": true });
    let path = format!("/api/ai/chat/{}/generate", stage.chat);
    let frames = stage.alice.stream(&path, body).await.rest().await;
    let shown: Vec<_> = frames.iter().filter(|frame| frame["type"] == "file").collect();
    let url = shown[0]["url"].as_str().unwrap();
    let read = stage.app.http.get(url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(&read[..], PNG);
    let rows = stage.alice.rest(reqwest::Method::GET, "/messages?role=eq.assistant", None).await;
    let stored = rows.expect(200)[0]["parts"].clone();
    let stored = stored.as_array().unwrap();
    let kinds: Vec<_> = stored.iter().map(|part| part["type"].as_str().unwrap()).collect();
    assert_eq!(&kinds[1..5], ["tool-s_a", "source-url", "file", "file"], "{kinds:?}");
    assert!(stored[3]["url"].as_str().unwrap().starts_with("/api/files/"));
    // Its bytes say that it is none.
    assert_eq!(stored[4]["mediaType"], "text/plain");
    let owned = stage.alice.get("/api/files/").await.expect(200);
    assert_eq!(owned.as_array().unwrap().len(), 2);
    // In the same turn, and when the history is read again.
    stage.alice.ask(&stage.chat, "And now?").await;
    for request in &stage.provider.requests()[1..] {
        let messages = request["messages"].as_array().unwrap();
        let roles: Vec<_> =
            messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(&roles[..4], ["user", "assistant", "tool", "user"]);
        let content = messages[3]["content"].to_string();
        assert!(
            content.contains("data:image/png;base64,") && content.contains("lies.png"),
            "{content}"
        );
    }
}
