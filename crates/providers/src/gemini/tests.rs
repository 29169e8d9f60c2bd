use jiff::civil::date;
use serde_json::json;

use crate::testing::{Outcome, Reply, Server};
use crate::{
    Connection, Content, ErrorKind, Gemini, Message, Opaque, Provider, ProviderName,
    ReasoningEffort, Request, Role,
};

const SIGNATURE: &str = r#"{"google":{"thought_signature":"CpcBAdHtim9"}}"#;

fn provider(server: &Server) -> Gemini {
    let base_url = format!("{}/v1beta/openai", server.url);
    let connection = Connection::compatible(Some("k".into()), base_url);
    Gemini::new(Connection { system_proxy: false, max_retries: 0, ..connection }).unwrap()
}

fn request() -> Request {
    Request { model: "gemini-3.8-flash".to_owned(), ..Request::default() }
}

fn call(id: &str, opaque: Option<(&'static str, &str)>) -> Content {
    let opaque = opaque.map(|(provider, json)| Opaque {
        provider: ProviderName::from_static(provider),
        json: json.to_owned(),
    });
    Content::ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
        opaque,
    }
}

/// What the server is sent of the calls of one turn.
async fn sent_calls(calls: Vec<Content>) -> Vec<serde_json::Value> {
    let server = Server::start([Reply::fixture("gemini/text_stream")]).await;
    let messages = vec![Message { role: Role::Assistant, content: calls }];
    let stream = provider(&server).stream(Request { messages, ..request() }).await.unwrap();
    Outcome::collect(stream).await.check();
    let body = server.requests().remove(0).body;
    let calls = body["messages"][0]["tool_calls"].as_array().unwrap().clone();
    calls.into_iter().map(|call| call["extra_content"].clone()).collect()
}

#[tokio::test]
async fn reads_calls_without_index_and_keeps_their_signatures() {
    let server = Server::start([Reply::fixture("gemini/tools_stream")]).await;
    let outcome = Outcome::collect(provider(&server).stream(request()).await.unwrap()).await;
    outcome.check();
    let names: Vec<_> = outcome.calls().into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(names, ["get_weather", "get_time"]);
    let kept = outcome.events.iter().filter_map(|event| match event {
        crate::Event::ToolCallEnd { opaque, .. } => Some(opaque.clone()),
        _ => None,
    });
    let kept: Vec<_> = kept.collect();
    let provider = ProviderName::from_static("gemini");
    assert_eq!(kept, [Some(Opaque { provider, json: SIGNATURE.to_owned() }), None]);
    assert_eq!(server.requests()[0].path, "/v1beta/openai/chat/completions");
    assert_eq!(server.requests()[0].header("authorization"), Some("Bearer k"));
}

#[tokio::test]
async fn signatures_go_back_as_they_came() {
    let sent = sent_calls(vec![call("a", Some(("gemini", SIGNATURE))), call("b", None)]).await;
    assert_eq!(sent, [serde_json::from_str(SIGNATURE).unwrap(), json!(null)]);
}

#[tokio::test]
async fn calls_of_other_models_get_the_signature_that_is_not_checked() {
    let foreign = call("a", Some(("openai", r#"{"type":"function_call"}"#)));
    let sent = sent_calls(vec![foreign, call("b", None)]).await;
    assert_eq!(sent[0]["google"]["thought_signature"], "skip_thought_signature_validator");
    assert_eq!(sent[1], json!(null));
}

#[tokio::test]
async fn reasoning_counts_as_output() {
    let server = Server::start([Reply::fixture("gemini/text_stream")]).await;
    let outcome = Outcome::collect(provider(&server).stream(request()).await.unwrap()).await;
    let usage = outcome.usage().unwrap();
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.reasoning_tokens), (9, 61, 54));
}

#[tokio::test]
async fn only_known_efforts_are_asked_for() {
    for (effort, sent) in [
        (ReasoningEffort::Max, "high"),
        (ReasoningEffort::Low, "low"),
        (ReasoningEffort::None, "none"),
    ] {
        let server = Server::start([Reply::fixture("gemini/text_stream")]).await;
        let request = Request { reasoning_effort: Some(effort), ..request() };
        let stream = provider(&server).stream(request).await.unwrap();
        Outcome::collect(stream).await.check();
        assert_eq!(server.requests()[0].body["reasoning_effort"], sent);
    }
}

#[tokio::test]
async fn a_refusal_may_be_a_list() {
    let server = Server::start([Reply::fixture("compat/err_gemini_array")]).await;
    let Err(error) = provider(&server).stream(request()).await else { panic!("it answers") };
    assert_eq!((error.kind, error.provider.as_str()), (ErrorKind::Authentication, "gemini"));
}

#[tokio::test]
async fn lists_the_models_that_chat() {
    use crate::catalogue::Capability;
    let server = Server::start([Reply::fixture("gemini/models")]).await;
    let models = provider(&server).list_models().await.unwrap();
    let ids: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["gemini-3.8-flash", "gemini-flash-latest", "gemma-4-31b-it"]);
    assert!(models[0].can(Capability::Vision) && !models[0].can(Capability::Documents));
    assert!(!models[0].is_gone(date(2026, 11, 26)));
    assert_eq!(server.requests()[0].path, "/v1beta/openai/models");
}
