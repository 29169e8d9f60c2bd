//! Tools that the provider runs, as clients of this server see them.

use serde_json::{Value, json};

use crate::support::{Answer, FakeProvider, TestApp, User, new_folder, skipped_on_a_real_supabase};

const MODEL: &str = "claude-sonnet-5";

struct Stage {
    provider: FakeProvider,
    alice: User,
    chat: String,
    // Keeps the application running.
    _app: TestApp,
}

async fn stage(answers: &[&'static str]) -> Stage {
    let answers = answers.iter().map(|name| Answer::Fixture(name));
    let provider = FakeProvider::with(answers).await;
    let settings = [
        ("ANTHROPIC_BASE_URL", provider.url.as_str()),
        ("ANTHROPIC_API_KEY", "sk-very-secret"),
        ("DEFAULT_MODEL", MODEL),
    ];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Oslo").await;
    Stage { provider, alice, chat, _app: app }
}

fn found(name: &str, title: &str, age: Option<&str>) -> Value {
    json!({ "type": "web_search_result", "url": format!("https://example.com/{name}"),
            "title": title, "pageAge": age })
}

#[tokio::test]
async fn a_search_is_shown_stored_and_goes_back_unchanged() {
    let search = "hosted/anthropic-web-search.sse";
    let stage = stage(&[search, "anthropic/text_stream.sse"]).await;
    let path = format!("/api/ai/chat/{}/generate", stage.chat);
    let body = json!({ "content": "How many?", "stream": true });
    let frames = stage.alice.stream(&path, body).await.rest().await;
    let shown: Vec<_> = frames
        .iter()
        .filter(|frame| {
            let kind = frame["type"].as_str().unwrap();
            kind.starts_with("tool-")
                || kind.starts_with("source-")
                || kind.starts_with("reasoning")
                || frame.get("providerMetadata").is_some()
        })
        .collect();
    let call = |kind: &str, more: Value| {
        let mut frame = json!({ "type": kind, "toolCallId": "srvtoolu_01" });
        frame.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        frame["providerExecuted"] = json!(true);
        frame
    };
    let input = json!({ "query": "population of Oslo 2024" });
    let results = json!([
        found("oslo", "Oslo in figures", Some("March 3, 2026")),
        found("norway", "Norway", None),
    ]);
    let source = |name: &str, title: &str| json!([format!("https://example.com/{name}"), title]);
    assert_eq!(
        shown[..3],
        [
            &call("tool-input-start", json!({ "toolName": "web_search" })),
            &call("tool-input-available", json!({ "toolName": "web_search", "input": input })),
            &call("tool-output-available", json!({ "output": results })),
        ]
    );
    let sources: Vec<_> = shown[3..5].iter().map(|s| json!([s["url"], s["title"]])).collect();
    assert_eq!(sources, [source("oslo", "Oslo in figures"), source("norway", "Norway")]);
    let citation = &shown[5]["providerMetadata"]["anthropic"]["citations"][0];
    assert_eq!(citation["url"], "https://example.com/oslo");
    assert_eq!((shown.len(), citation.get("encrypted_index")), (6, None));

    let answer = stage.alice.messages(&stage.chat).await.remove(1);
    let parts = answer["parts"].as_array().unwrap();
    let stored = parts.iter().find(|part| part["type"] == "tool-web_search").unwrap();
    assert_eq!((&stored["output"], &stored["providerExecuted"]), (&results, &json!(true)));
    assert!(
        !stored.to_string().contains("EqgfCioIARgBIiQ3"),
        "what is encrypted is kept elsewhere"
    );
    // 10,682 and 122 tokens, and a search.
    let cost = answer["metadata"]["cost_usd"].as_f64().unwrap();
    assert!((cost - (10_682.0 * 2e-6 + 122.0 * 10e-6 + 0.01)).abs() < 1e-9, "{cost}");

    stage.alice.ask(&stage.chat, "And in 2025?").await;
    let sent = stage.provider.requests()[1]["messages"][1]["content"].clone();
    let kinds: Vec<_> = sent.as_array().unwrap().iter().map(|block| &block["type"]).collect();
    let expected = ["text", "server_tool_use", "web_search_tool_result", "text", "text", "text"];
    assert_eq!(kinds, expected);
    assert_eq!(sent[1]["caller"], json!({ "type": "direct" }));
    assert_eq!(sent[2]["content"][0]["encrypted_content"], "EqgfCioIARgBIiQ3YTAwMjY1Mi1EXAMPLE");
    assert_eq!(sent[4]["citations"][0]["encrypted_index"], "Eo8BCioIAhgBIiQyYjQ0OWJmZi1EXAMPLE");
}

#[tokio::test]
async fn a_paused_answer_is_continued_and_is_one_answer() {
    let pause = "hosted/anthropic-pause-turn.sse";
    let paused_twice = stage(&[pause, pause, "anthropic/text_stream.sse"]).await;
    let answer = paused_twice.alice.ask(&paused_twice.chat, "How many?").await;
    assert_eq!(answer["message"]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["output_tokens"], 60 + 60 + 25);
    let sent = paused_twice.provider.requests();
    let content = |at: usize| sent[at]["messages"][1]["content"].as_array().unwrap().len();
    assert_eq!((sent.len(), content(1), content(2)), (3, 2, 4));
    assert_eq!(paused_twice.alice.messages(&paused_twice.chat).await.len(), 2);

    // A provider that never comes to an end is asked six times.
    let endless = stage(&[pause; 6]).await;
    let answer = endless.alice.ask(&endless.chat, "How many?").await;
    assert_eq!(
        (&answer["message"]["finish_reason"], endless.provider.requests().len()),
        (&json!("paused"), 6)
    );
}

#[tokio::test]
async fn a_failed_search_is_an_error_of_the_tool() {
    let stage = stage(&["hosted/anthropic-web-search-error.sse"]).await;
    let answer = stage.alice.ask(&stage.chat, "How many?").await;
    assert_eq!(answer["message"]["content"], "I could not search any further.");
    let parts = answer["message"]["parts"].as_array().unwrap();
    let call = parts.iter().find(|part| part["type"] == "tool-web_search").unwrap();
    assert_eq!(call["state"], "output-error");
    assert_eq!(call["errorText"], "The search has failed: max_uses_exceeded.");
}

#[tokio::test]
async fn what_the_file_names_is_offered_to_models_that_have_it() {
    if skipped_on_a_real_supabase("the local one") {
        return;
    }
    let file = new_folder().with_extension("toml");
    let tools = "[[tools]]\nkind = \"hosted\"\nname = \"web_search\"\ndefault = true\n\
                 [[tools]]\nkind = \"hosted\"\nname = \"web_fetch\"\n\
                 [[tools]]\nkind = \"postgres\"\nname = \"db\"\n";
    std::fs::write(&file, tools).unwrap();
    let provider = FakeProvider::with([Answer::Fixture("anthropic/text_stream.sse")]).await;
    let settings = [
        ("CONFIG_FILE", file.to_str().unwrap()),
        ("ANTHROPIC_BASE_URL", provider.url.as_str()),
        ("ANTHROPIC_API_KEY", "sk-very-secret"),
        ("DEFAULT_MODEL", "scripted/demo"),
    ];
    let app = TestApp::with(&settings).await;
    std::fs::remove_file(&file).unwrap();
    let alice = app.user("alice").await;
    let listed = alice.get("/api/ai/tools").await.expect(200);
    let tool = |name: &str| {
        let tools = listed.as_array().unwrap().iter();
        tools.clone().find(|tool| tool["name"] == name).unwrap_or_else(|| panic!("{listed}"))
    };
    let (search, fetch, functions) = (tool("web_search"), tool("web_fetch"), tool("db"));
    assert_eq!((&search["available"], &search["runs_on"]), (&json!(true), &json!("provider")));
    assert_eq!((&search["approval"], &search["is_default"]), (&json!("never"), &json!(true)));
    assert_eq!(fetch["available"], false);
    let why = functions["reason"].as_str().unwrap();
    assert!(why.contains("the local Supabase runs no SQL functions"), "{why}");

    let chat = alice.create_chat("Search").await;
    let answer = alice.ask(&chat, "/search fjords").await;
    let parts = answer["message"]["parts"].as_array().unwrap();
    let kinds: Vec<_> = parts.iter().map(|part| &part["type"]).collect();
    let expected = ["step-start", "tool-web_search", "source-url", "source-url", "text"];
    assert_eq!(kinds, expected);
    let none = json!({ "content": "/search fjords", "tools": [] });
    let answer = alice.generate(&chat, none).await.expect(200);
    assert_eq!(answer["message"]["content"], "I was not offered a web search.");

    // A gateway is not known to have it. By name that is refused, and else it is said.
    let named = json!({ "content": "Hi", "model": MODEL, "tools": ["web_search"] });
    let refused = alice.generate(&chat, named).await.expect(422);
    assert!(refused.to_string().contains("web_search is not there for this model"), "{refused}");
    let answer =
        alice.generate(&chat, json!({ "content": "Hi", "model": MODEL })).await.expect(200);
    let warning = &answer["message"]["metadata"]["warnings"][0];
    assert_eq!(warning, "web_search is not there for this model.");
    assert!(provider.requests()[0].get("tools").is_none());
}

#[tokio::test]
async fn the_operator_names_models_behind_a_gateway_that_have_it() {
    let file = new_folder().with_extension("toml");
    let tools = format!(
        "[[tools]]\nkind = \"hosted\"\nname = \"web_search\"\nmodels = [\"{MODEL}\"]\nmax_uses = 2\n"
    );
    std::fs::write(&file, tools).unwrap();
    let provider = FakeProvider::with([Answer::Fixture("hosted/anthropic-web-search.sse")]).await;
    let settings = [
        ("CONFIG_FILE", file.to_str().unwrap()),
        ("ANTHROPIC_BASE_URL", provider.url.as_str()),
        ("ANTHROPIC_API_KEY", "sk-very-secret"),
        ("DEFAULT_MODEL", MODEL),
    ];
    let app = TestApp::with(&settings).await;
    std::fs::remove_file(&file).unwrap();
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Search").await;
    let body = json!({ "content": "How many?", "tools": ["web_search"] });
    alice.generate(&chat, body).await.expect(200);
    let search = json!({ "type": "web_search_20250305", "name": "web_search", "max_uses": 2 });
    assert_eq!(provider.requests()[0]["tools"], json!([search]));
}

#[tokio::test]
async fn clients_of_ag_ui_see_the_call_and_what_it_found() {
    let stage = stage(&["hosted/anthropic-web-search.sse"]).await;
    let (thread, run) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let body = json!({ "threadId": thread, "runId": run, "tools": [], "context": [], "state": {},
        "messages": [{ "id": "1", "role": "user", "content": "How many?" }], "forwardedProps": {} });
    let reply = stage.alice.post("/api/ai/ag-ui", body).await;
    let events = reply
        .text
        .split_terminator("\n\n")
        .map(|event| serde_json::from_str::<Value>(event.strip_prefix("data: ").unwrap()).unwrap());
    let events: Vec<_> = events.collect();
    let calls = events.iter().filter(|event| event["toolCallId"] == "srvtoolu_01");
    let kinds: Vec<_> = calls.clone().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT"]);
    let calls: Vec<_> = calls.collect();
    assert_eq!(calls[0]["toolCallName"], "web_search");
    assert_eq!(calls[1]["delta"], r#"{"query":"population of Oslo 2024"}"#);
    assert!(calls[3]["content"].as_str().unwrap().contains("https://example.com/oslo"));
    let sources = events.iter().filter(|event| event["name"] == "source");
    assert_eq!(
        sources.map(|event| &event["value"]["title"]).collect::<Vec<_>>(),
        ["Oslo in figures", "Norway"]
    );
}
