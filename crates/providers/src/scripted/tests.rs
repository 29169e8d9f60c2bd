use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Scripted;
use crate::testing::Outcome;
use crate::{
    Content, ErrorKind, Event, FinishReason, Message, Provider, Request, ResponseFormat, Role,
    ToolDefinition,
};

fn request_with(text: &str) -> Request {
    let messages = vec![Message { role: Role::User, content: vec![Content::text(text)] }];
    Request { model: "demo".to_owned(), messages, ..Request::default() }
}

fn with_tools(text: &str) -> Request {
    let tool = |name: &str, parameters: Value| ToolDefinition {
        name: name.to_owned(),
        description: String::new(),
        parameters,
    };
    let schema = json!({"type": "object", "required": ["code", "n"], "properties": {
        "code": {"type": "string", "examples": ["1 + 1"]}, "n": {"type": "integer", "minimum": 3},
        "optional": {"type": "string"}}});
    let tools = vec![tool("run_script", schema), tool("files", json!({"type": "object"}))];
    Request { tools, ..request_with(text) }
}

async fn answer(request: Request) -> Outcome {
    let provider = Scripted::new(Duration::ZERO);
    let outcome = Outcome::collect(provider.stream(request).await.unwrap()).await;
    outcome.check();
    outcome
}

async fn answer_to(text: &str) -> String {
    answer(request_with(text)).await.text()
}

#[tokio::test]
async fn repeats_what_it_is_told_and_counts_it() {
    let outcome = answer(request_with("Grüße 👋")).await;
    assert!(outcome.text().starts_with("You said: “Grüße 👋”"));
    let usage = outcome.usage().unwrap();
    let written = outcome.text().chars().count() as u64;
    assert_eq!((usage.input_tokens, usage.output_tokens), (2, written.div_ceil(4)));
    assert_eq!(outcome, answer(request_with("Grüße 👋")).await, "the same answer each time");
    assert!(answer_to("").await.starts_with("You said nothing."));
}

#[tokio::test]
async fn every_command_of_its_documentation_is_obeyed() {
    let documentation = include_str!("mod.rs");
    let commands = documentation.lines().filter_map(|line| line.strip_prefix("/// | `/"));
    let mut count = 0;
    for line in commands {
        let command = line.split(['`', ' ']).next().unwrap();
        let stream =
            Scripted::new(Duration::ZERO).stream(request_with(&format!("/{command}"))).await;
        let is_known = match stream {
            Ok(stream) => !Outcome::collect(stream).await.text().contains("I do not know"),
            Err(_) => true,
        };
        assert!(is_known, "/{command}");
        assert!(answer_to("/help").await.contains(&format!("`/{command}")), "/{command}");
        count += 1;
    }
    assert_eq!(count, 14);
    assert!(answer_to("/nonsense").await.contains("/help"));
}

#[tokio::test]
async fn writes_as_many_words_as_asked_for() {
    assert_eq!(answer_to("/long 40").await.split(' ').count(), 40);
    assert_eq!(answer_to("/long").await.split(' ').count(), 500);
    assert_eq!(answer_to("/long 999999").await.split(' ').count(), 20_000);
    assert_eq!(answer_to("/long 0").await, "");
}

#[tokio::test]
async fn thinks_first() {
    let outcome = answer(request_with("/reasoning")).await;
    assert!(outcome.reasoning().starts_with("The user wants"));
    assert!(matches!(outcome.events[0], Event::Reasoning(_)));
    assert!(outcome.usage().unwrap().reasoning_tokens > 20);
}

#[tokio::test]
async fn ends_as_asked() {
    for (command, reason) in [
        ("/empty", FinishReason::Stop),
        ("/refuse", FinishReason::Refusal),
        ("/length", FinishReason::Length),
    ] {
        assert_eq!(answer(request_with(command)).await.finish_reason(), Some(&reason), "{command}");
    }
    assert_eq!(answer_to("/empty").await, "");
}

#[tokio::test]
async fn fails_as_asked() {
    let provider = Scripted::new(Duration::ZERO);
    let error = provider.stream(request_with("/error overloaded")).await.err().unwrap();
    assert_eq!((error.kind, error.status), (ErrorKind::Overloaded, Some(529)));
    let stream = provider.stream(request_with("/error-late quota")).await.unwrap();
    let outcome = Outcome::collect(stream).await;
    outcome.check();
    assert_eq!(outcome.kind, Some(ErrorKind::Quota));
    assert!(outcome.text().starts_with("This answer begins well"));
    assert!(outcome.usage().is_some());
}

#[tokio::test]
async fn calls_tools() {
    let outcome = answer(with_tools("/tool")).await;
    let (id, name, arguments) = outcome.calls().remove(0);
    assert_eq!((name.as_str(), arguments.as_str()), ("run_script", r#"{"code":"1 + 1","n":3}"#));
    assert_eq!(outcome.finish_reason(), Some(&FinishReason::ToolCalls));
    assert_eq!(id.len(), 37);
    let outcome = answer(with_tools(r#"/tool files {"list": true, "x": [1, 2]}"#)).await;
    assert_eq!(outcome.calls()[0].2, r#"{"list": true, "x": [1, 2]}"#);
    let calls = answer(with_tools("/tools")).await.calls();
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[0].0, calls[1].0);
    assert!(answer(with_tools("/tool nope")).await.text().contains("`run_script`, `files`"));
    assert!(answer_to("/tool").await.contains("No tools"));
}

#[tokio::test]
async fn says_what_the_tools_gave_back() {
    let mut request = with_tools("/tool");
    let result = Content::ToolResult {
        id: "a".to_owned(),
        name: "run_script".to_owned(),
        output: "é".repeat(600),
        is_error: false,
    };
    request.messages.push(Message { role: Role::Tool, content: vec![result] });
    let text = answer(request.clone()).await.text();
    assert!(text.contains("The tool `run_script` answered:"));
    assert!(text.contains(&format!("\n{}…\n", "é".repeat(500))));
    let made = Content::text("(Files that the tools have made:)");
    request.messages.push(Message { role: Role::User, content: vec![made] });
    assert!(answer(request).await.text().contains("The tool `run_script` answered:"));
}

#[tokio::test]
async fn a_file_that_is_only_named_does_not_hide_a_command() {
    let mut request = with_tools("/empty");
    request.messages[0].content.insert(0, Content::text("[file: a.xlsx, 10 bytes]"));
    assert_eq!(answer(request).await.text(), "");
    let mut request = request_with("Hello");
    request.messages[0].content.insert(0, Content::text("[file: a.xlsx, 10 bytes]"));
    let text = answer(request).await.text();
    assert!(text.contains("“Hello” You attached a file."), "{text}");
}

#[tokio::test]
async fn keeps_to_the_limits_of_the_request() {
    let outcome = answer(Request { max_output_tokens: Some(3), ..request_with("Hello") }).await;
    assert_eq!(outcome.text(), "You said: “H");
    assert_eq!(outcome.finish_reason(), Some(&FinishReason::Length));
    assert_eq!(outcome.usage().unwrap().output_tokens, 3);
    let outcome = answer(Request { stop: vec!["said".to_owned()], ..request_with("Hello") }).await;
    assert_eq!(outcome.text(), "You ");
    assert_eq!(outcome.finish_reason(), Some(&FinishReason::StopSequence));
}

#[tokio::test]
async fn answers_in_the_form_that_is_wanted() {
    let schema = json!({"type": "object", "required": ["a", "b", "c"], "properties": {
        "a": {"enum": ["x", "y"]}, "b": {"type": "array", "minItems": 1, "items": {"type": "boolean"}},
        "c": {"anyOf": [{"type": "null"}]}}});
    let format =
        ResponseFormat::JsonSchema { name: "n".to_owned(), schema: schema.into(), strict: None };
    let text = answer(Request { response_format: format, ..request_with("Hi") }).await.text();
    assert_eq!(text, r#"{"a":"x","b":[true],"c":null}"#);
    let format = ResponseFormat::JsonObject;
    let text = answer(Request { response_format: format, ..request_with("Hi") }).await.text();
    assert_eq!(text, r#"{"you_said":"Hi"}"#);
}

#[tokio::test]
async fn makes_titles() {
    let title = async |text: &str| {
        let system = Some("Write a short title for this conversation.".to_owned());
        answer(Request { system, ..request_with(text) }).await.text()
    };
    let long = "how do I cook rice in a pot without burning it?";
    assert_eq!(title(long).await, "How do I cook rice in");
    assert_eq!(title("«» ?").await, "New chat");
}

#[tokio::test(start_paused = true)]
async fn speaks_at_a_natural_pace() {
    let began = Instant::now();
    let provider = Scripted::default();
    let outcome = Outcome::collect(provider.stream(request_with("/long 100")).await.unwrap()).await;
    assert_eq!(outcome.text().split(' ').count(), 100);
    assert_eq!(began.elapsed(), Duration::from_millis(4000));
    let began = Instant::now();
    Outcome::collect(provider.stream(request_with("/slow 2")).await.unwrap()).await;
    assert_eq!(began.elapsed(), Duration::from_millis(960));
}
