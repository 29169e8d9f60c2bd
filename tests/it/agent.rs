//! The agent's loop with a fake model.

use serde_json::{Value, json};

use crate::support::{Answer, FakeProvider, PNG, TestApp, User, answer, calling, says};

/// An answer that calls `run_script` once for each of these arguments.
fn calls(id: &str, arguments: &[Value], finish_reason: &str) -> Answer {
    let call = |(index, arguments)| (format!("{id}-{index}"), "run_script", arguments);
    let calls: Vec<_> = arguments.iter().enumerate().map(call).collect();
    answer(&calling(&calls), finish_reason)
}

fn javascript(code: &str) -> Value {
    json!({ "language": "javascript", "code": code })
}

struct Stage {
    provider: FakeProvider,
    alice: User,
    chat: String,
    app: TestApp,
}

impl Stage {
    async fn with(answers: Vec<Answer>) -> Self {
        Self::beside(answers, &[]).await
    }

    /// With further settings.
    async fn beside(answers: Vec<Answer>, further: &[(&str, &str)]) -> Self {
        let provider = FakeProvider::with(answers).await;
        let mut settings =
            vec![("OPENAI_BASE_URL", &*provider.url), ("DEFAULT_MODEL", "openai/any")];
        settings.extend(further);
        let app = TestApp::with(&settings).await;
        let alice = app.user("alice").await;
        let chat = alice.create_chat("Numbers").await;
        Self { provider, alice, chat, app }
    }

    async fn ask(&self, options: Value) -> Value {
        let mut body = json!({ "content": "Compute.", "tools": ["run_script"] });
        body.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        self.alice.generate(&self.chat, body).await.expect(200)["message"].clone()
    }
}

fn tools(message: &Value) -> Vec<&Value> {
    let parts = message["parts"].as_array().unwrap();
    parts.iter().filter(|part| part["type"] == "tool-run_script").collect()
}

#[tokio::test]
async fn a_failed_script_is_corrected() {
    let stage = Stage::with(vec![
        calls("a", &[javascript("nothing.there"), javascript("files.write('n', '1'); 1")], "stop"),
        calls("b", &[javascript("6 * 7")], "tool_calls"),
        says("It is 42."),
    ])
    .await;
    let message = stage.ask(json!({})).await;
    assert_eq!(message["content"], "It is 42.");
    let tools = tools(&message);
    let statuses: Vec<_> = tools.iter().map(|tool| &tool["output"]["status"]).collect();
    assert_eq!(statuses, ["error", "ok", "ok"]);
    assert_eq!(tools[1]["output"]["files"][0]["name"], "n");
    // Three calls of the model, summed.
    assert_eq!(message["usage"]["input_tokens"], 30);
    let requests = stage.provider.requests();
    let results: Vec<_> = requests[1]["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["role"] == "tool")
        .map(|message| message["tool_call_id"].as_str().unwrap())
        .collect();
    assert_eq!(results, ["a-0", "a-1"]);
    let error = requests[1]["messages"].to_string();
    assert!(error.contains("ReferenceError") && error.contains("script.js:1"), "{error}");
}

/// A picture that a script writes is shown to the model that goes on.
#[tokio::test]
async fn a_model_sees_the_pictures_that_its_scripts_write() {
    let code =
        format!("files.write('chart.png', new Uint8Array({PNG:?})); files.write('a.csv', 'a'); 1");
    let stage = Stage::with(vec![
        calls("a", &[javascript(&code)], "tool_calls"),
        calls("b", &[javascript("2")], "tool_calls"),
        says("It rises."),
    ])
    .await;
    stage.ask(json!({ "model": "gpt-6-sol" })).await;
    for request in &stage.provider.requests()[1..] {
        let messages = request["messages"].as_array().unwrap();
        let shown: Vec<_> = messages
            .iter()
            .filter_map(|message| message["content"].as_array())
            .flatten()
            .filter_map(|part| part["image_url"]["url"].as_str())
            .collect();
        let [picture] = shown[..] else { panic!("{messages:?}") };
        assert!(picture.starts_with("data:image/png;base64,iVBORw0KGgo"), "{picture}");
    }
}

/// More than a user may have running or waiting.
#[tokio::test]
async fn the_scripts_of_one_step_wait_for_one_another() {
    let scripts: Vec<_> = (0..30).map(|number| javascript(&number.to_string())).collect();
    let stage = Stage::with(vec![calls("a", &scripts, "tool_calls"), says("Done.")]).await;
    let message = stage.ask(json!({})).await;
    let results: Vec<_> =
        tools(&message).iter().map(|tool| tool["output"]["result"].clone()).collect();
    assert_eq!(results, (0..30).map(|number| json!(number)).collect::<Vec<_>>());
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_told() {
    let stage = Stage::with(vec![
        calls(
            "a",
            &[json!({ "language": "javascript" }), json!({ "language": "perl", "code": "1" })],
            "stop",
        ),
        says("Well."),
    ])
    .await;
    let message = stage.ask(json!({})).await;
    let errors: Vec<_> = tools(&message).into_iter().map(|tool| &tool["errorText"]).collect();
    assert_eq!(errors[0], "The arguments do not fit: /code is missing.");
    let language = "The arguments do not fit: /language must be one of \"javascript\"";
    assert!(errors[1].as_str().unwrap().starts_with(language), "{}", errors[1]);
    assert_eq!(stage.alice.get("/api/scripts/runs").await.expect(200), json!([]));
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_not_run() {
    let cut = json!({ "index": 0, "id": "a", "type": "function",
        "function": { "name": "run_script", "arguments": "{\"language\":\"javascript\",\"co" } });
    let cut = answer(&json!({ "role": "assistant", "tool_calls": [cut] }), "length");
    let whole = calls("b", &[javascript("1")], "length");
    let stage = Stage::with(vec![cut, whole]).await;
    for _ in 0..2 {
        let message = stage.ask(json!({})).await;
        assert_eq!(message["finish_reason"], "length");
        assert_eq!(tools(&message)[0]["state"], "output-error", "{message}");
    }
    assert_eq!(stage.alice.get("/api/scripts/runs").await.expect(200), json!([]));
}

#[tokio::test]
async fn a_model_that_goes_in_circles_is_told_and_ended() {
    let same = || calls("a", &[javascript("1")], "tool_calls");
    let stage = Stage::with((0..10).map(|_| same()).collect()).await;
    let message = stage.ask(json!({ "max_steps": 50 })).await;
    assert_eq!(
        (&message["status"], &message["finish_reason"]),
        (&json!("complete"), &json!("tool_loop"))
    );
    let states: Vec<_> = tools(&message).into_iter().map(|tool| &tool["state"]).collect();
    let (ran, error) = ("output-available", "output-error");
    assert_eq!(states, [ran, ran, error, error, error]);
    assert_eq!(stage.provider.requests().len(), 5);
}

#[tokio::test]
async fn steps_are_limited() {
    let answers = (0..3).map(|n| calls("a", &[javascript(&n.to_string())], "tool_calls")).collect();
    let stage = Stage::with(answers).await;
    let message = stage.ask(json!({ "max_steps": 2 })).await;
    assert_eq!(message["finish_reason"], "max_steps");
    assert_eq!(stage.provider.requests().len(), 2);
    assert_eq!(tools(&message)[1]["state"], "output-error");
}

#[tokio::test]
async fn a_script_finds_files_by_id_or_name() {
    let read = |files: Value, code: &str| json!({ "code": code, "files": files, "language": null });
    let stage = Stage::with(vec![
        calls("a", &[read(json!(["sales.csv"]), "files.read('sales.csv')")], "stop"),
        calls("b", &[read(json!(["no.csv"]), "1")], "stop"),
        says("Well."),
    ])
    .await;
    stage.alice.add_file("sales.csv", "text/csv", "old").await;
    stage.app.clock.advance(std::time::Duration::from_secs(1));
    stage.alice.add_file("sales.csv", "text/csv", "new").await;
    let message = stage.ask(json!({})).await;
    let tools = tools(&message);
    assert_eq!(tools[0]["output"]["result"], "new", "{message}");
    assert_eq!(tools[1]["errorText"], "There is no file named no.csv.");
}

#[tokio::test]
async fn the_history_goes_on_with_the_other_provider() {
    let anthropic = FakeProvider::with([Answer::Fixture("anthropic/text_stream.sse")]).await;
    let further = [("ANTHROPIC_BASE_URL", &*anthropic.url)];
    let calls = calls("call.1", &[javascript("nothing.there"), javascript("6 * 7")], "tool_calls");
    let stage = Stage::beside(vec![calls, says("It is 42.")], &further).await;
    stage.ask(json!({})).await;
    let answer = stage.ask(json!({ "model": "claude-opus-5-5" })).await;
    assert_eq!(answer["metadata"]["provider"], "anthropic");
    let request = &anthropic.requests()[0];
    let turns = request["messages"].as_array().unwrap();
    let roles: Vec<_> = turns.iter().map(|turn| turn["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    let ids = |turn: &Value, key: &str| -> Vec<String> {
        let blocks = turn["content"].as_array().unwrap().iter();
        blocks.filter_map(|block| block[key].as_str().map(str::to_owned)).collect()
    };
    let called = ids(&turns[1], "id");
    assert_eq!(called, ids(&turns[2], "tool_use_id"));
    // Anthropic takes no dots in ids.
    assert!(called.len() == 2 && called.iter().all(|id| !id.contains('.')), "{called:?}");
    assert!(turns[2]["content"][0]["content"].to_string().contains("ReferenceError"));
}
