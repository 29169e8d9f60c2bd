use serde_json::{Value, json};

use crate::chat_completions as chat;
use crate::chat_completions::Dialect;
use crate::history;
use crate::{
    Content, Message, Opaque, ProviderName, ReasoningEffort, Request, ResponseFormat, Role,
    ToolChoice, ToolDefinition,
};

fn body(request: Request, dialect: Dialect) -> Value {
    let request = history::prepare(request, &ProviderName::from_static("openai"));
    serde_json::to_value(chat::body(&request, dialect)).unwrap()
}

fn messages(messages: Vec<Message>) -> Value {
    let request = Request { messages, ..Request::default() };
    body(request, Dialect::CONSERVATIVE)["messages"].clone()
}

fn user(content: Vec<Content>) -> Message {
    Message { role: Role::User, content }
}

fn settings() -> Request {
    Request {
        model: "m".to_owned(),
        system: Some("Be brief.".to_owned()),
        messages: vec![user(vec![Content::text("Hi")])],
        max_output_tokens: Some(100),
        temperature: Some(0.5),
        top_p: Some(0.9),
        stop: vec!["END".to_owned()],
        reasoning_effort: Some(ReasoningEffort::High),
        ..Request::default()
    }
}

#[test]
fn in_the_modern_dialect() {
    assert_eq!(
        body(settings(), Dialect::MODERN),
        json!({
            "model": "m",
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
            ],
            "stream": true,
            "stream_options": {"include_usage": true, "include_obfuscation": false},
            "max_completion_tokens": 100,
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": ["END"],
            "reasoning_effort": "high",
        })
    );
}

#[test]
fn in_the_conservative_dialect() {
    let body = body(settings(), Dialect::CONSERVATIVE);
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(body["max_tokens"], 100);
    assert_eq!(body["stream_options"], json!({"include_usage": true}));
    assert!(body.get("max_completion_tokens").is_none());
}

#[test]
fn nothing_is_sent_that_was_not_asked_for() {
    let request = Request { model: "m".to_owned(), ..Request::default() };
    let dialect = Dialect { stream_options: false, ..Dialect::CONSERVATIVE };
    assert_eq!(body(request, dialect), json!({"model": "m", "messages": [], "stream": true}));
}

#[test]
fn tools_and_formats() {
    let schema = json!({"type": "object"});
    let request = Request {
        tools: vec![ToolDefinition {
            name: "f".to_owned(),
            description: "Does f.".to_owned(),
            parameters: schema.clone(),
        }],
        response_format: ResponseFormat::JsonSchema {
            name: "answer".to_owned(),
            schema: schema.clone().into(),
            strict: Some(true),
        },
        ..Request::default()
    };
    let body = body(request, Dialect::MODERN);
    let function = json!({"name": "f", "description": "Does f.", "parameters": schema});
    assert_eq!(body["tools"], json!([{"type": "function", "function": function}]));
    let json_schema = json!({"name": "answer", "schema": schema, "strict": true});
    assert_eq!(body["response_format"], json!({"type": "json_schema", "json_schema": json_schema}));
}

#[test]
fn files_and_pictures() {
    let document = |media_type: &str, name: &str, base64: &str| Content::Document {
        media_type: media_type.to_owned(),
        name: name.to_owned(),
        base64: base64.to_owned(),
    };
    let picture = |media_type: &str| Content::Image {
        media_type: media_type.to_owned(),
        base64: "AAAA".to_owned(),
    };
    let content = vec![
        Content::text("Look"),
        picture("image/png"),
        picture("image/tiff"),
        document("application/pdf", "a.pdf", "JVBE"),
        document("text/csv", "b\".csv", "YSxi"),
        document("application/zip", "c.zip", "UEsD"),
    ];
    assert_eq!(
        messages(vec![user(content)])[0]["content"],
        json!([
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            {"type": "text", "text": "[file: image/tiff]"},
            {"type": "file", "file": {
                "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}},
            {"type": "text", "text": "<document name=\"b_.csv\">\na,b\n</document>"},
            {"type": "text", "text": "[file: c.zip]"},
        ])
    );
}

#[test]
fn calls_and_their_results() {
    let call = |id: &str, opaque: Option<&str>| Content::ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: "{\"x\":1}".to_owned(),
        opaque: opaque.map(|json| Opaque {
            provider: ProviderName::from_static("openai"),
            json: json.to_owned(),
        }),
    };
    let result = |id: &str, is_error| Content::ToolResult {
        id: id.to_owned(),
        name: "f".to_owned(),
        output: "done".to_owned(),
        is_error,
    };
    let item = r#"{"type":"function_call","id":"fc_1"}"#;
    let extra = r#"{"google":{"thought_signature":"s"}}"#;
    let calls = vec![
        Content::text("One."),
        Content::Reasoning { text: "hm".to_owned(), opaque: None },
        Content::text("Two."),
        call("a", Some(extra)),
        call("b", Some(item)),
    ];
    let results = vec![result("a", false), result("b", true)];
    let wire = messages(vec![
        Message { role: Role::Assistant, content: calls },
        Message { role: Role::Tool, content: results },
    ]);
    let function = json!({"name": "f", "arguments": "{\"x\":1}"});
    assert_eq!(
        wire,
        json!([
            {"role": "assistant", "content": "One.\n\nTwo.", "tool_calls": [
                {"id": "a", "type": "function", "function": function,
                    "extra_content": {"google": {"thought_signature": "s"}}},
                {"id": "b", "type": "function", "function": function},
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "done"},
            {"role": "tool", "tool_call_id": "b", "content": "Error: done"},
        ])
    );
}

#[test]
fn the_wish_for_json_is_said_in_words() {
    let wanting = |system: Option<&str>| Request {
        system: system.map(str::to_owned),
        response_format: ResponseFormat::JsonObject,
        ..Request::default()
    };
    let instruction = "Answer with one JSON object and nothing else.";
    let content = |request| body(request, Dialect::MODERN)["messages"][0]["content"].clone();
    assert_eq!(content(wanting(None)), instruction);
    assert_eq!(content(wanting(Some(" "))), instruction);
    assert_eq!(content(wanting(Some("Be brief."))), format!("Be brief.\n\n{instruction}"));
    let format = json!({"type": "json_object"});
    assert_eq!(body(wanting(None), Dialect::MODERN)["response_format"], format);
}

#[test]
fn tools_are_chosen_only_where_there_are_any() {
    let tool = ToolDefinition {
        name: "f".to_owned(),
        description: String::new(),
        parameters: json!({"type": "object"}),
    };
    let choice = |tools: &[ToolDefinition], tool_choice: ToolChoice| {
        let (tools, parallel_tool_calls) = (tools.to_vec(), Some(false));
        let request = Request { tools, tool_choice, parallel_tool_calls, ..Request::default() };
        let body = body(request, Dialect::MODERN);
        (body["tool_choice"].clone(), body["parallel_tool_calls"].clone())
    };
    let tools = [tool];
    assert_eq!(choice(&[], ToolChoice::Required), (Value::Null, Value::Null));
    assert_eq!(choice(&tools, ToolChoice::Auto), (Value::Null, json!(false)));
    assert_eq!(choice(&tools, ToolChoice::Required).0, json!("required"));
    let named = choice(&tools, ToolChoice::Tool("f".to_owned())).0;
    assert_eq!(named, json!({"type": "function", "function": {"name": "f"}}));
}
