use serde_json::{Value, json};

use crate::chat_completions::Dialect;
use crate::history;
use crate::openai::responses;
use crate::{
    Content, Message, Opaque, ProviderName, ReasoningEffort, Request, ResponseFormat, Role,
    ToolChoice, ToolDefinition,
};

pub(super) fn body(request: Request) -> Value {
    let request = history::prepare(request, &ProviderName::from_static("openai"));
    serde_json::to_value(responses::body(&request, Dialect::MODERN)).unwrap()
}

fn message(role: Role, content: Vec<Content>) -> Message {
    Message { role, content }
}

fn opaque(json: &str) -> Option<Opaque> {
    Some(Opaque { provider: ProviderName::from_static("openai"), json: json.to_owned() })
}

#[test]
fn a_request() {
    let schema = json!({"type": "object"});
    let request = Request {
        model: "m".to_owned(),
        system: Some("Be brief.".to_owned()),
        messages: vec![message(Role::User, vec![Content::text("Hi")])],
        max_output_tokens: Some(100),
        reasoning_effort: Some(ReasoningEffort::Low),
        tools: vec![ToolDefinition {
            name: "f".to_owned(),
            description: "Does f.".to_owned(),
            parameters: schema.clone(),
        }],
        response_format: ResponseFormat::JsonSchema {
            name: "answer".to_owned(),
            schema: schema.clone().into(),
            strict: None,
        },
        ..Request::default()
    };
    assert_eq!(
        body(request),
        json!({
            "model": "m",
            "input": [
                {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
                {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
            ],
            "stream": true,
            "stream_options": {"include_obfuscation": false},
            "store": false,
            "include": ["reasoning.encrypted_content"],
            "max_output_tokens": 100,
            "reasoning": {"effort": "low", "summary": "auto"},
            "text": {"format": {"type": "json_schema", "name": "answer", "schema": schema}},
            "tools": [{"type": "function", "name": "f", "description": "Does f.",
                "parameters": schema, "strict": false}],
        })
    );
}

#[test]
fn what_the_model_said_and_did_stays_in_its_place() {
    let thought = r#"{"id":"rs_1", "type":"reasoning","summary":[],"encrypted_content":"g=="}"#;
    let item = r#"{"id":"fc_1","type":"function_call","call_id":"a","name":"f","arguments":"{}"}"#;
    let call = |id: &str, json: Option<&str>| Content::ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
        opaque: json.and_then(opaque),
    };
    let result = |id: &str, is_error| Content::ToolResult {
        id: id.to_owned(),
        name: "f".to_owned(),
        output: "done".to_owned(),
        is_error,
    };
    let text =
        Content::Text { text: "Hm.".to_owned(), opaque: opaque(r#"{"phase":"commentary"}"#) };
    let thought_piece = Content::Reasoning { text: String::new(), opaque: opaque(thought) };
    let answer =
        vec![thought_piece, text, call("a", Some(item)), call("b", Some(item)), call("c", None)];
    let messages = vec![
        message(Role::Assistant, answer),
        message(Role::Tool, vec![result("a", false), result("b", true), result("c", false)]),
        message(Role::System, vec![Content::text("Hurry.")]),
    ];
    let request = Request { messages, ..Request::default() };
    let output = |id: &str, output: &str| json!({"type": "function_call_output", "call_id": id, "output": output});
    let fresh =
        |id: &str| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": "{}"});
    assert_eq!(
        body(request.clone())["input"],
        json!([
            serde_json::from_str::<Value>(thought).unwrap(),
            {"role": "assistant", "phase": "commentary",
                "content": [{"type": "output_text", "text": "Hm."}]},
            serde_json::from_str::<Value>(item).unwrap(),
            fresh("b"),
            fresh("c"),
            output("a", "done"),
            output("b", "Error: done"),
            output("c", "done"),
            {"role": "developer", "content": [{"type": "input_text", "text": "Hurry."}]},
        ])
    );
    let text = serde_json::to_string(&responses::body(&request, Dialect::MODERN)).unwrap();
    assert!(text.contains(thought) && text.contains(item), "byte for byte");
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
        document("text/csv", "b.csv", "YSxi"),
        document("application/zip", "c.zip", "UEsD"),
    ];
    let request = Request { messages: vec![message(Role::User, content)], ..Request::default() };
    assert_eq!(
        body(request)["input"][0]["content"],
        json!([
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"},
            {"type": "input_text", "text": "<document name=\"b.csv\">\na,b\n</document>"},
            {"type": "input_text", "text": "[file: c.zip]"},
        ])
    );
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
        let body = self::body(request);
        (body["tool_choice"].clone(), body["parallel_tool_calls"].clone())
    };
    let tools = [tool];
    assert_eq!(choice(&[], ToolChoice::Required), (Value::Null, Value::Null));
    assert_eq!(choice(&tools, ToolChoice::Auto), (Value::Null, json!(false)));
    assert_eq!(choice(&tools, ToolChoice::Required).0, json!("required"));
    let named = choice(&tools, ToolChoice::Tool("f".to_owned())).0;
    assert_eq!(named, json!({"type": "function", "name": "f"}));
}
