use serde_json::{Value, json};

use crate::anthropic::request::{body, sampling};
use crate::catalogue::find_for;
use crate::history;
use crate::{
    Content, Message, Opaque, ProviderName, ReasoningEffort, Request, ResponseFormat, Role,
    ToolChoice, ToolDefinition,
};

const NAME: ProviderName = ProviderName::from_static("anthropic");

pub(super) fn sent(request: Request) -> Value {
    let request = history::prepare(request, &NAME);
    let model = find_for(&NAME, &request.model);
    serde_json::to_value(body(&request, model)).unwrap()
}

pub(super) fn message(role: Role, content: Vec<Content>) -> Message {
    Message { role, content }
}

fn text(role: Role, text: &str) -> Message {
    message(role, vec![Content::text(text)])
}

pub(super) fn to(model: &str) -> Request {
    Request {
        model: model.to_owned(),
        messages: vec![text(Role::User, "Hi")],
        ..Request::default()
    }
}

fn thinking(model: &str, effort: ReasoningEffort) -> Value {
    let request =
        Request { reasoning_effort: Some(effort), max_output_tokens: Some(20_000), ..to(model) };
    let sent = sent(request);
    json!([sent["thinking"], sent["output_config"]["effort"]])
}

#[test]
fn a_plain_request() {
    let request = Request { system: Some("Be brief.".to_owned()), ..to("claude-opus-5-5") };
    assert_eq!(
        sent(request),
        json!({
            "model": "claude-opus-5-5",
            "max_tokens": 128_000,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            "stream": true,
        })
    );
    assert_eq!(sent(to("some-gateway-model"))["max_tokens"], 8192);
}

#[test]
fn effort_is_said_in_the_words_of_the_model() {
    let adaptive = json!({"type": "adaptive", "display": "summarized"});
    let budget =
        |tokens| json!({"type": "enabled", "budget_tokens": tokens, "display": "summarized"});
    let disabled = json!({"type": "disabled"});
    for (model, effort, expected) in [
        ("claude-opus-5", ReasoningEffort::Xhigh, json!([adaptive, "xhigh"])),
        ("claude-opus-5", ReasoningEffort::Minimal, json!([adaptive, "low"])),
        ("claude-opus-5", ReasoningEffort::None, json!([disabled, null])),
        ("claude-opus-5-5", ReasoningEffort::None, json!([null, "low"])),
        ("claude-haiku-4-5", ReasoningEffort::Medium, json!([budget(8192), null])),
        ("claude-haiku-4-5", ReasoningEffort::Max, json!([budget(10_000), null])),
        ("claude-haiku-4-5", ReasoningEffort::None, json!([disabled, null])),
        ("unknown", ReasoningEffort::High, json!([adaptive, "high"])),
    ] {
        assert_eq!(thinking(model, effort), expected, "{model} {effort:?}");
    }
}

#[test]
fn sampling_is_sent_where_it_means_something() {
    let asked = |model: &str, temperature, top_p| {
        let mut request = Request { temperature, top_p, ..to(model) };
        let samples = sampling(&mut request, find_for(&NAME, model));
        samples.map(|samples| (samples, request.temperature, request.top_p))
    };
    let with = |model, temperature| asked(model, Some(temperature), None);
    assert_eq!(with("claude-haiku-4-5", 0.5).unwrap(), (true, Some(0.5), None));
    assert_eq!(with("unknown", 0.5).unwrap(), (true, Some(0.5), None));
    assert_eq!(asked("claude-opus-5-5", Some(1.0), Some(1.0)).unwrap(), (false, None, None));
    assert_eq!(with("claude-opus-5-5", 0.5).unwrap_err().param.as_deref(), Some("temperature"));
    let error = asked("claude-opus-5-5", None, Some(0.5)).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("top_p"));
}

#[test]
fn results_come_first_in_the_next_user_message() {
    let call = |id: &str| Content::ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: r#"{"b": 1, "a": 2}"#.to_owned(),
        opaque: None,
    };
    let result = |id: &str, is_error| Content::ToolResult {
        id: id.to_owned(),
        name: "f".to_owned(),
        output: "done".to_owned(),
        is_error,
    };
    let messages = vec![
        text(Role::User, "Go"),
        message(Role::Assistant, vec![Content::text("Well."), call("x:1"), call("y")]),
        text(Role::System, "Hurry."),
        text(Role::User, "Now"),
        message(Role::Tool, vec![result("y", true), result("x:1", false)]),
    ];
    let wire = sent(Request { messages, ..to("claude-opus-5") });
    let input = json!({"b": 1, "a": 2});
    assert_eq!(
        wire["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "Go"}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "Well."},
                {"type": "tool_use", "id": "x_1", "name": "f", "input": input},
                {"type": "tool_use", "id": "y", "name": "f", "input": input},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "x_1", "content": "done"},
                {"type": "tool_result", "tool_use_id": "y", "content": "done", "is_error": true},
                {"type": "text", "text": "<system>\nHurry.\n</system>"},
                {"type": "text", "text": "Now"},
            ]},
        ])
    );
    let tool = json!({"name": "f", "description": "No longer available.",
        "input_schema": {"type": "object"}});
    assert_eq!((&wire["tools"], &wire["tool_choice"]["type"]), (&json!([tool]), &json!("none")));
}

#[test]
fn thoughts_go_back_byte_for_byte() {
    let json = r#"{"type":"thinking", "thinking":"é\u00e9", "signature":"Es==","n":1.0}"#;
    let opaque = Some(Opaque { provider: NAME, json: json.to_owned() });
    let thought = Content::Reasoning { text: "é".to_owned(), opaque };
    let answer = message(Role::Assistant, vec![thought, Content::text("So.")]);
    let request = Request { messages: vec![text(Role::User, "Hi"), answer], ..to("claude-opus-5") };
    let sent = serde_json::to_string(&body(&request, None)).unwrap();
    assert!(sent.contains(json), "{sent}");
}

#[test]
fn instructions_at_the_beginning_are_one_text() {
    let messages =
        vec![text(Role::System, "Two."), text(Role::Assistant, "Hello!"), text(Role::User, "Hi")];
    let request = Request {
        system: Some("One.".to_owned()),
        response_format: ResponseFormat::JsonObject,
        messages,
        ..to("claude-opus-5")
    };
    let sent = sent(request);
    let json = "Answer with one JSON object and nothing else.";
    assert_eq!(sent["system"], format!("One.\n\n{json}\n\nTwo."));
    let roles: Vec<_> = sent["messages"].as_array().unwrap().iter().map(|m| &m["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[test]
fn files_and_pictures() {
    let document = |media_type: &str, name: &str, base64: &str| Content::Document {
        media_type: media_type.to_owned(),
        name: name.to_owned(),
        base64: base64.to_owned(),
    };
    let content = vec![
        Content::Image { media_type: "image/png".to_owned(), base64: "AAAA".to_owned() },
        document("application/pdf", "a.pdf", "JVBE"),
        document("application/json", "b.json", "e30="),
        document("application/zip", "c.zip", "UEsD"),
    ];
    let sent =
        sent(Request { messages: vec![message(Role::User, content)], ..to("claude-opus-5") });
    assert_eq!(
        sent["messages"][0]["content"],
        json!([
            {"type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "document", "title": "a.pdf",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
            {"type": "document", "title": "b.json",
                "source": {"type": "text", "media_type": "text/plain", "data": "{}"}},
            {"type": "text", "text": "[file: c.zip]"},
        ])
    );
}

#[test]
fn schemas_of_tools_and_answers() {
    let schema = json!({"type": "object", "properties": {}});
    let tool = |parameters: Value| ToolDefinition {
        name: "f".to_owned(),
        description: "Does f.".to_owned(),
        parameters,
    };
    let format = ResponseFormat::JsonSchema {
        name: "n".to_owned(),
        schema: schema.clone().into(),
        strict: None,
    };
    let request = Request {
        tools: vec![tool(schema.clone()), tool(Value::Null)],
        response_format: format,
        ..to("claude-opus-5")
    };
    let sent = sent(request);
    assert_eq!(
        sent["tools"][0],
        json!({"name": "f", "description": "Does f.", "input_schema": schema})
    );
    assert_eq!(sent["tools"][1]["input_schema"], json!({"type": "object"}));
    assert_eq!(sent["output_config"]["format"], json!({"type": "json_schema", "schema": schema}));
    assert!(sent.get("tool_choice").is_none());
}

#[test]
fn a_forced_call_is_without_thinking() {
    let tools = vec![ToolDefinition {
        name: "f".to_owned(),
        description: "Does f.".to_owned(),
        parameters: json!({"type": "object"}),
    }];
    let choice = |tool_choice: ToolChoice, parallel_tool_calls: Option<bool>| {
        let request = Request {
            tools: tools.clone(),
            tool_choice,
            parallel_tool_calls,
            reasoning_effort: Some(ReasoningEffort::High),
            ..to("claude-opus-5-5")
        };
        let sent = sent(request);
        (sent.get("tool_choice").cloned(), sent.get("thinking").is_some())
    };
    assert_eq!(choice(ToolChoice::Auto, Some(true)), (None, true));
    let auto = json!({"type": "auto", "disable_parallel_tool_use": true});
    assert_eq!(choice(ToolChoice::Auto, Some(false)), (Some(auto), true));
    assert_eq!(choice(ToolChoice::None, None), (Some(json!({"type": "none"})), true));
    assert_eq!(choice(ToolChoice::Required, None), (Some(json!({"type": "any"})), false));
    let named = json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true});
    assert_eq!(choice(ToolChoice::Tool("f".to_owned()), Some(false)), (Some(named), false));
}

#[test]
fn the_cache_is_used_for_what_will_be_sent_again() {
    let cache = |model: &str, length: usize, goes_on: bool| {
        let mut messages = vec![text(Role::User, &"x".repeat(length))];
        if goes_on {
            messages.extend([text(Role::Assistant, "Yes?"), text(Role::User, "Go on")]);
        }
        sent(Request { messages, ..to(model) }).get("cache_control").cloned()
    };
    let on = Some(json!({"type": "ephemeral"}));
    assert_eq!(cache("claude-opus-5-5", 4 * 512, true), on);
    assert_eq!(cache("claude-opus-5-5", 4 * 512 - 50, true), None);
    assert_eq!(cache("claude-opus-5-5", 4 * 5120, false), None);
    assert_eq!(cache("claude-haiku-4-5", 4 * 4000, true), None);
    assert_eq!(cache("unknown", 4 * 4096, true), on);
}
