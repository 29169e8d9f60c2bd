use serde_json::json;

use crate::testing::{Outcome, Reply, Server, fixture};
use crate::{Connection, ErrorKind, OpenAi, Provider, ProviderError, ReasoningEffort, Request};

fn provider(server: &Server) -> OpenAi {
    let connection = Connection::compatible(Some("k".into()), format!("{}/v1/", server.url));
    OpenAi::new(Connection { system_proxy: false, max_retries: 0, ..connection }).unwrap()
}

fn request() -> Request {
    Request {
        model: "m".to_owned(),
        system: Some("s".to_owned()),
        max_output_tokens: Some(9),
        reasoning_effort: Some(ReasoningEffort::Low),
        ..Request::default()
    }
}

fn answer() -> Reply {
    Reply::sse(&fixture("openai-chat/text_stream.sse"))
}

fn refusal(status: u16, message: &str) -> Reply {
    let body = json!({"error": {"message": message, "type": "invalid_request_error"}});
    Reply::new(status, "application/json", body.to_string())
}

async fn ask(provider: &OpenAi) -> Result<Outcome, ProviderError> {
    Ok(Outcome::collect(provider.stream(request()).await?).await)
}

#[tokio::test]
async fn what_is_refused_is_left_out_from_then_on() {
    let server = Server::start([
        refusal(400, "Unrecognized request argument supplied: stream_options"),
        Reply::fixture("openai-chat/err_unsupported_param"),
        refusal(422, "reasoning_effort: Extra inputs are not permitted"),
        answer(),
        answer(),
    ])
    .await;
    let provider = provider(&server);
    ask(&provider).await.unwrap().check();
    ask(&provider).await.unwrap().check();
    let asked = server.requests();
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|asked| asked.path == "/v1/chat/completions"));
    assert!(asked[0].body.get("stream_options").is_some());
    assert!(asked[1].body.get("stream_options").is_none());
    assert_eq!(
        (&asked[1].body["max_tokens"], &asked[2].body["max_completion_tokens"]),
        (&json!(9), &json!(9))
    );
    assert!(asked[3].body.get("reasoning_effort").is_none());
    assert_eq!(asked[3].body, asked[4].body, "what was learned is remembered");
}

#[tokio::test]
async fn the_field_of_a_fastapi_refusal_is_found() {
    let detail = json!({"detail": [{"loc": ["body", "stream_options"],
        "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}]});
    let refusal = Reply::new(422, "application/json", detail.to_string());
    let server = Server::start([refusal, answer()]).await;
    ask(&provider(&server)).await.unwrap().check();
    assert!(server.requests()[1].body.get("stream_options").is_none());
}

#[tokio::test]
async fn other_refusals_are_errors() {
    for message in [
        "max_tokens must be at most 5",
        "Unsupported value: temperature",
        "The model `m` does not exist",
    ] {
        let server = Server::start([refusal(400, message)]).await;
        let error = ask(&provider(&server)).await.unwrap_err();
        assert_eq!(error.status, Some(400), "{message}");
        assert_eq!(server.requests().len(), 1, "{message}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_everything_is_not_asked_for_ever() {
    let message = "unknown: stream_options max_tokens max_completion_tokens reasoning_effort role";
    let server = Server::start((0..4).map(|_| refusal(400, message))).await;
    let error = ask(&provider(&server)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    assert_eq!(server.requests().len(), 4);
}
