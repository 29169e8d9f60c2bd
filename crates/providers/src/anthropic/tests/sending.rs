use crate::testing::{Outcome, Reply, Server};
use crate::{
    Anthropic, AuthHeader, Connection, ErrorKind, FinishReason, Provider, ProviderError, Request,
};

fn provider(server: &Server, base: &str, auth_header: AuthHeader) -> Anthropic {
    let connection = Connection::compatible(Some("secret".into()), format!("{}{base}", server.url));
    let connection = Connection { system_proxy: false, max_retries: 0, ..connection };
    Anthropic::new(connection, Anthropic::VERSION, auth_header).unwrap()
}

async fn ask(provider: &Anthropic, temperature: Option<f64>) -> Result<Outcome, ProviderError> {
    let request =
        Request { model: "claude-haiku-4-5".to_owned(), temperature, ..Request::default() };
    Ok(Outcome::collect(provider.stream(request).await?).await)
}

#[tokio::test]
async fn headers_and_addresses() {
    for base in ["", "/", "/v1", "/v1/"] {
        let server = Server::start([Reply::fixture("anthropic/text_stream")]).await;
        let provider = provider(&server, base, AuthHeader::Authorization);
        ask(&provider, None).await.unwrap().check();
        let asked = server.requests().remove(0);
        assert_eq!(asked.path, "/v1/messages", "{base}");
        assert_eq!(asked.header("authorization"), Some("Bearer secret"));
        assert_eq!(asked.header("x-api-key"), None);
        assert_eq!(asked.header("anthropic-version"), Some("2026-10-21"));
    }
}

#[tokio::test]
async fn an_older_gateway_and_a_temperature() {
    let server = Server::start([Reply::fixture("anthropic/text_stream")]).await;
    let provider = provider(&server, "/gateway/", AuthHeader::XApiKey);
    ask(&provider, Some(0.2)).await.unwrap().check();
    let asked = server.requests().remove(0);
    assert_eq!(asked.path, "/gateway/v1/messages");
    assert_eq!((asked.header("x-api-key"), asked.header("authorization")), (Some("secret"), None));
    assert_eq!(asked.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(asked.body["temperature"], 0.2);
}

#[tokio::test]
async fn failures_before_the_answer() {
    let server = Server::start([Reply::fixture("anthropic/err_529_hand")]).await;
    let error = ask(&provider(&server, "", AuthHeader::default()), None).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Overloaded, Some(529)));
    assert_eq!(error.request_id.as_deref(), Some("req_011CTestRequest000000001"));
    assert_eq!((error.code.as_deref(), error.should_retry), (Some("overloaded_error"), Some(true)));
}

#[tokio::test]
async fn an_answer_that_is_no_stream() {
    let server = Server::start([Reply::fixture("anthropic/tools")]).await;
    let outcome = ask(&provider(&server, "", AuthHeader::default()), None).await.unwrap();
    outcome.check();
    assert_eq!(outcome.calls().len(), 2);
    assert_eq!(outcome.finish_reason(), Some(&FinishReason::ToolCalls));
}
