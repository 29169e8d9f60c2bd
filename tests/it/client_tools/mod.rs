//! Tools that run in the page: the answer waits for them and is continued.

mod recorded;

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, FakeProvider, Frames, TestApp, User, calls, frames, live, says,
    skipped_on_a_real_supabase,
};

fn locate() -> Value {
    json!({ "name": "getLocation", "description": "Where the person is.",
        "parameters": { "type": "object", "properties": { "precise": { "type": "boolean" } },
            "additionalProperties": false } })
}

struct Page {
    provider: FakeProvider,
    app: TestApp,
    alice: User,
    chat: String,
}

impl Page {
    async fn with(answers: impl IntoIterator<Item = Answer>) -> Self {
        let provider = FakeProvider::with(answers).await;
        let settings = [("OPENAI_BASE_URL", &*provider.url), ("DEFAULT_MODEL", "openai/any")];
        let app = TestApp::with(&settings).await;
        let alice = app.user("alice").await;
        let chat = alice.create_chat("Trip").await;
        Self { provider, app, alice, chat }
    }

    /// An answer whose call of `getLocation` waits.
    async fn waiting(further: impl IntoIterator<Item = Answer>) -> Self {
        let call = calls(&[("getLocation", json!({ "precise": true }))]);
        let page = Self::with([call].into_iter().chain(further)).await;
        let body = json!({ "content": "Where am I?", "client_tools": [locate()] });
        let answer = page.alice.generate(&page.chat, body).await.expect(200);
        assert_eq!(answer["message"]["status"], "awaiting");
        page
    }

    fn path(&self, call: &str) -> String {
        format!("/api/ai/chat/{}/tool-calls/{call}", self.chat)
    }

    async fn send(&self, user: &User, call: &str, body: Value) -> Frames {
        let stream = user.stream(&self.path(call), body).await;
        assert_eq!(stream.status, 200);
        stream
    }

    async fn last_message(&self) -> Value {
        self.alice.messages(&self.chat).await.pop().unwrap()
    }

    /// What the model received for a call, in its last request.
    fn result_of(&self, call: &str) -> Value {
        let request = self.provider.requests().pop().unwrap();
        let messages = request["messages"].as_array().unwrap();
        let result = messages.iter().find(|message| message["tool_call_id"] == call);
        let result = result.unwrap_or_else(|| panic!("no result of {call} in {request}"));
        let content = result["content"].as_str().unwrap();
        json!(content.strip_prefix("Error: ").unwrap_or(content))
    }
}

#[tokio::test]
async fn an_answer_waits_for_the_page_and_is_continued_in_the_same_message() {
    let script = json!({ "language": "javascript", "code": "1 + 1" });
    let both = [("getLocation", json!({ "precise": true })), ("run_script", script)];
    let page = Page::with([calls(&both), says("In Berlin.")]).await;
    let body =
        json!({ "content": "Where am I?", "tools": ["run_script", locate()], "stream": true });
    let path = format!("/api/ai/chat/{}/generate", page.chat);
    let first = page.alice.stream(&path, body).await.rest().await;
    assert_eq!(
        first[first.len() - 2..].iter().map(|f| &f["type"]).collect::<Vec<_>>(),
        ["finish-step", "finish"]
    );
    let results = first.iter().filter(|frame| frame["type"] == "tool-output-available");
    assert_eq!(results.map(|frame| &frame["toolCallId"]).collect::<Vec<_>>(), ["call-1"]);
    let message = page.last_message().await;
    assert_eq!(message["status"], "awaiting");
    assert_eq!(message["finish_reason"], "tool-calls");
    assert_eq!(message["parts"][1]["state"], "input-available");
    assert_eq!(message["parts"][2]["state"], "output-available");
    let log = page.alice.usage_logs().await;
    assert_eq!((log.len(), &log[0]["status"]), (1, &json!("complete")));
    let offered = page.provider.requests()[0]["tools"].as_array().unwrap().len();
    assert_eq!(offered, 2);

    let place = json!({ "output": { "city": "Berlin", "__proto__": 1 } });
    let rest = page.send(&page.alice, "call-0", place.clone()).await.rest().await;
    assert_eq!(rest[0]["messageId"], message["id"]);
    let kinds = frames(&rest).join(" ");
    let expected = "start tool-output-available tool-output-available start-step text-start \
                    text-delta In Berlin. text-end finish-step finish";
    assert_eq!(kinds, expected);
    assert!(page.result_of("call-0").as_str().unwrap().contains("Berlin"));
    let whole = page.last_message().await;
    assert_eq!((&whole["id"], &whole["status"]), (&message["id"], &json!("complete")));
    assert_eq!(whole["content"], "In Berlin.");
    assert_eq!(whole["parts"][1]["output"], json!({ "city": "Berlin" }));
    assert_eq!(whole["usage"]["total_tokens"], 30);
    assert_eq!(page.alice.usage_logs().await.len(), 2);

    // The same again is answered as the first time; another result is too late.
    let again = page.send(&page.alice, "call-0", place).await.rest().await;
    assert_eq!(frames(&again).join(" "), expected);
    let other = page.alice.post(&page.path("call-0"), json!({ "output": 1 })).await;
    assert_eq!(other.problem(409), "already_decided");
    assert_eq!(page.alice.post(&page.path("call-9"), json!({ "output": 1 })).await.status, 404);
    let mallory = page.app.user("mallory").await;
    assert_eq!(mallory.post(&page.path("call-0"), json!({ "output": 1 })).await.status, 404);
}

#[tokio::test]
async fn the_last_result_continues_the_answer_on_any_replica_once() {
    let two = [("getLocation", json!({})), ("getLocation", json!({ "precise": true }))];
    let page = Page::with([calls(&two), says("Here.")]).await;
    let id = Uuid::new_v4();
    let body = json!({ "message": { "id": id, "content": "Where?" }, "client_tools": [locate()] });
    let message = page.alice.generate(&page.chat, body).await.expect(200)["message"].clone();
    let first = page.alice.post(&page.path("call-0"), json!({ "error": "No." })).await.expect(200);
    assert_eq!(first, json!({ "state": "failed", "remaining": 1 }));
    assert_eq!(page.alice.resume(&page.chat).await.status, 204);

    // As the AI SDK sends it, from two pages to two replicas. Nothing but the results is read of it.
    let replica = page.app.replica(&[]).await;
    let tool = |call: &str, field: &str, value: Value| {
        let state = if field == "output" { "output-available" } else { "output-error" };
        json!({ "type": "tool-other", "toolCallId": call, "state": state, "input": { "forged": 1 },
            field: value })
    };
    let parts = json!([{ "type": "step-start" }, tool("call-0", "errorText", json!("No.")),
        tool("call-1", "output", json!({ "lat": 1 })), tool("call-7", "output", json!(1))]);
    let body = json!({ "id": page.chat, "trigger": "submit-message", "messageId": message["id"],
        "messages": [{ "id": id, "role": "user", "parts": [{ "type": "text", "text": "Where?" }] },
            { "id": message["id"], "role": "assistant", "parts": parts }] });
    let elsewhere = page.alice.on(&replica);
    let (one, other) = tokio::join!(
        async { page.alice.stream("/api/ai/chat", body.clone()).await.rest().await },
        async { elsewhere.stream("/api/ai/chat", body.clone()).await.rest().await },
    );
    for rest in [one, other] {
        assert_eq!(rest[0]["messageId"], message["id"]);
        let kinds = frames(&rest).join(" ");
        assert!(
            kinds.starts_with("start tool-output-error tool-output-available start-step"),
            "{kinds}"
        );
        assert!(kinds.ends_with("text-end finish-step finish"), "{kinds}");
        assert!(kinds.contains("Here."), "{kinds}");
    }
    assert_eq!(page.provider.requests().len(), 2);
    assert_eq!(page.result_of("call-0"), "No.");
    let stored = page.last_message().await;
    assert_eq!(stored["status"], "complete");
    assert_eq!(stored["parts"][1]["input"], json!({}));
    assert_eq!(page.alice.messages(&page.chat).await.len(), 2);
    // A transport that sends the last message alone.
    let alone = json!({ "id": page.chat, "trigger": "submit-message", "messageId": message["id"],
        "message": body["messages"][1] });
    let again = page.alice.stream("/api/ai/chat", alone).await.rest().await;
    assert!(frames(&again).join(" ").contains("start-step text-start text-delta Here."));
    let mut different = body;
    different["messages"][1]["parts"][2]["output"] = json!({ "lat": 2 });
    let late = page.alice.post("/api/ai/chat", different).await;
    assert_eq!(late.problem(409), "already_decided");
}

// What goes wrong between threads shows with several.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn equal_results_at_once_all_follow_the_answer() {
    let (voice, answer) = live();
    let page = Page::waiting([answer]).await;
    let replica = page.app.replica(&[]).await;
    let elsewhere = page.alice.on(&replica);
    let say = |delta: Value, reason: Option<&str>| {
        let chunk = json!({ "choices": [{ "delta": delta, "finish_reason": reason }] });
        voice.send(format!("data: {chunk}\n\n").into()).unwrap();
    };
    say(json!({ "content": "Here." }), None);
    let output = json!({ "output": { "lat": 1 } });
    let first = page.send(&page.alice, "call-0", output.clone()).await;
    let others = join_all((0..30).map(|_| page.send(&elsewhere, "call-0", output.clone()))).await;
    say(json!({}), Some("stop"));
    drop(voice);
    for stream in std::iter::once(first).chain(others) {
        let kinds = frames(&stream.rest().await).join(" ");
        assert!(kinds.ends_with("finish-step finish"), "{kinds}");
    }
}

#[tokio::test]
async fn what_waits_is_superseded() {
    let page = Page::waiting([says("As you like.")]).await;
    page.alice.ask(&page.chat, "Never mind.").await;
    let content = page.result_of("call-0");
    assert_eq!(content, "Not run: the person wrote something else instead.");
    let messages = page.alice.messages(&page.chat).await;
    assert_eq!(messages[1]["status"], "complete");
    assert_eq!(messages[1]["parts"][1]["errorText"], content);
    let late = page.alice.post(&page.path("call-0"), json!({ "output": 1 })).await;
    assert_eq!(late.problem(409), "already_decided");

    let page = Page::waiting([]).await;
    let stop = format!("/api/ai/chat/{}/stop", page.chat);
    let stopped = page.alice.poke(&stop).await.expect(200);
    assert_eq!(stopped["status"], "complete");
    assert_eq!(stopped["parts"][1]["errorText"], "Not run: the answer was stopped.");

    let page = Page::waiting([says("In Rome.")]).await;
    let waiting = page.last_message().await;
    let again = json!({ "regenerate": waiting["id"] });
    page.alice.generate(&page.chat, again).await.expect(200);
    let any = format!("/api/messages/{}", waiting["id"].as_str().unwrap());
    let replaced = page.alice.get(&any).await.expect(200);
    assert_eq!((&replaced["status"], &replaced["is_active"]), (&json!("complete"), &json!(false)));
}

#[tokio::test]
async fn a_page_has_ten_minutes() {
    if skipped_on_a_real_supabase("the clock") {
        return;
    }
    let page = Page::waiting([says("I cannot see where you are.")]).await;
    page.app.clock.advance(Duration::from_secs(601));
    let late = page.alice.post(&page.path("call-0"), json!({ "output": 1 })).await;
    assert_eq!(late.problem(410), "approval_expired");
    // Whoever comes back has the answer continued without it.
    let rest = page.alice.resume(&page.chat).await.rest().await;
    assert!(frames(&rest).contains(&"tool-output-error".to_owned()));
    assert_eq!(page.result_of("call-0"), "There was no answer from the page in time.");
    assert_eq!(page.last_message().await["status"], "complete");
}

#[tokio::test]
async fn arguments_that_do_not_fit_go_back_to_the_model() {
    let wrong = calls(&[("getLocation", json!({ "precise": "very" }))]);
    let page = Page::with([wrong, says("Somewhere.")]).await;
    let body = json!({ "content": "Where am I?", "tools": { "getLocation": locate() } });
    let answer = page.alice.generate(&page.chat, body).await.expect(200);
    assert_eq!(answer["message"]["status"], "complete");
    let content = page.result_of("call-0");
    assert_eq!(content, "The arguments do not fit: /precise must be of type boolean.");
}

#[tokio::test]
async fn wrong_definitions_and_results_are_named() {
    let page = Page::waiting([]).await;
    let many: Vec<_> =
        (0..17).map(|n| json!({ "name": format!("t{n}"), "parameters": {} })).collect();
    let long = json!([{ "name": "a", "parameters": { "x": "y".repeat(33_000) } }]);
    // Short as it is sent, and long with its references written out.
    let growing = |properties: usize| {
        let references = (0..properties).map(|n| (format!("p{n}"), json!({ "$ref": "#/$defs/l" })));
        json!({ "$defs": { "l": { "description": "😀".repeat(300) } }, "type": "object",
            "properties": references.collect::<Map<_, _>>() })
    };
    let tool = |n: usize| json!({ "name": format!("t{n}"), "parameters": growing(50) });
    let together: Vec<_> = (0..3).map(tool).collect();
    for (body, pointer) in [
        (
            json!({ "client_tools": [{ "name": "a", "parameters": growing(70) }] }),
            "/client_tools/0/parameters/properties/p55",
        ),
        (json!({ "client_tools": together }), "/client_tools/2"),
        (json!({ "tools": 5 }), "/tools"),
        (json!({ "tools": [5] }), "/tools/0"),
        (json!({ "tools": [{ "parameters": {} }] }), "/tools/0/name"),
        (json!({ "tools": ["nothing"] }), "/tools/0"),
        (json!({ "tools": { "a b": {} } }), "/tools/a b"),
        (json!({ "tools": { "__proto__": {} } }), "/tools/__proto__"),
        (
            json!({ "tools": { "a": { "parameters": { "type": "string" } } } }),
            "/tools/a/parameters",
        ),
        (
            json!({ "tools": { "a": { "inputSchema": { "properties": { "x": { "$ref": "http://x/" } } } } } }),
            "/tools/a/inputSchema/properties/x/$ref",
        ),
        (json!({ "tools": { "a": {} }, "client_tools": [{ "name": "a" }] }), "/client_tools/0"),
        (json!({ "client_tools": many }), "/client_tools/16"),
        (json!({ "client_tools": long }), "/client_tools/0"),
        (json!({ "client_tools": {} }), "/client_tools"),
    ] {
        let mut body = body;
        body["content"] = json!("Hi");
        let reply = page.alice.generate(&page.chat, body.clone()).await;
        assert_eq!((reply.status, reply.pointers()), (422, vec![pointer.to_owned()]), "{body}");
    }
    let taken = json!({ "content": "Hi", "tools": { "run_script": {} } });
    let reply = page.alice.generate(&page.chat, taken).await;
    assert_eq!(reply.problem(422), "tool_name_taken");

    let deep = (0..61).fold(json!(1), |inner, _| json!([inner]));
    for (body, pointer) in [
        (json!({}), "/output"),
        (json!({ "output": 1, "error": "x" }), "/error"),
        (json!({ "output": "x".repeat(65_536) }), "/output"),
        (json!({ "output": deep }), "/output"),
        (json!({ "error": 1 }), "/error"),
        (json!({ "output": "\0" }), "/output"),
    ] {
        let reply = page.alice.post(&page.path("call-0"), body).await;
        assert_eq!((reply.status, reply.pointers()), (422, vec![pointer.to_owned()]));
    }
    assert_eq!(page.last_message().await["status"], "awaiting");
}

#[tokio::test]
async fn the_reason_of_the_end_is_said_to_those_who_take_it() {
    let page = Page::with([says("One."), says("Two.")]).await;
    let path = format!("/api/ai/chat/{}/generate", page.chat);
    let ask = async |more: Value| {
        let mut body = json!({ "content": "Hi", "stream": true });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        page.alice.stream(&path, body).await.rest().await.pop().unwrap()
    };
    assert_eq!(ask(json!({})).await.get("finishReason"), None);
    let last = ask(json!({ "capabilities": ["finish-reason", "something-newer"] })).await;
    assert_eq!(last["finishReason"], "stop");
}
