use serde_json::json;

use crate::testing::{Outcome, Reply, Server};
use crate::{Connection, OpenAi, Provider, ProviderError, Request};

fn provider(server: &Server) -> OpenAi {
    let connection = Connection::compatible(Some("k".into()), format!("{}/v1", server.url));
    OpenAi::new(Connection { system_proxy: false, max_retries: 0, ..connection }).unwrap()
}

async fn ask(provider: &OpenAi, model: &str, stop: Vec<String>) -> Result<Outcome, ProviderError> {
    let request = Request { model: model.to_owned(), stop, ..Request::default() };
    Ok(Outcome::collect(provider.stream(request).await?).await)
}

#[tokio::test]
async fn reasoning_models_are_asked_by_responses() {
    let server = Server::start([
        Reply::fixture("openai-responses/text_stream"),
        Reply::fixture("openai-chat/text_stream"),
        Reply::fixture("openai-chat/text_stream"),
    ])
    .await;
    let provider = provider(&server).with_responses(true);
    ask(&provider, "gpt-6-sol", vec![]).await.unwrap().check();
    ask(&provider, "gpt-6-sol", vec!["END".to_owned()]).await.unwrap().check();
    ask(&provider, "llama", vec![]).await.unwrap().check();
    let paths: Vec<_> = server.requests().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["/v1/responses", "/v1/chat/completions", "/v1/chat/completions"]);
    let error = ask(&provider, "gpt-5.5-pro", vec!["END".to_owned()]).await.unwrap_err();
    assert_eq!(error.param.as_deref(), Some("stop"));
}

#[tokio::test]
async fn other_servers_are_never_asked_by_responses() {
    let server = Server::start([Reply::fixture("openai-chat/text_stream")]).await;
    ask(&provider(&server), "gpt-5.5-pro", vec![]).await.unwrap().check();
    assert_eq!(server.requests()[0].path, "/v1/chat/completions");
}

#[tokio::test]
async fn an_organisation_without_summaries_gets_none() {
    let refusal = json!({"error": {
        "message": "Your organization must be verified to generate reasoning summaries.",
        "type": "invalid_request_error", "param": "reasoning.summary", "code": "unsupported_value"}});
    let server = Server::start([
        Reply::new(400, "application/json", refusal.to_string()),
        Reply::fixture("openai-responses/text_stream"),
    ])
    .await;
    let provider = provider(&server).with_responses(true);
    ask(&provider, "gpt-6-sol", vec![]).await.unwrap().check();
    assert_eq!(server.requests()[0].body["reasoning"], json!({"summary": "auto"}));
    assert_eq!(server.requests()[1].body["reasoning"], json!({}));
}
