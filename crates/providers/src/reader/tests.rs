//! Whole calls against a server on this machine.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::testing::{Outcome, Reply, Server, fixture};
use crate::{Connection, Deadlines, ErrorKind, Event, OpenAi, Provider, ProviderError, Request};

fn connection(base_url: &str) -> Connection {
    let connection = Connection::compatible(Some("hunter22".into()), base_url);
    Connection { system_proxy: false, ..connection }
}

fn provider(server: &Server) -> OpenAi {
    OpenAi::new(connection(&server.url)).unwrap()
}

fn request() -> Request {
    Request { model: "m".to_owned(), ..Request::default() }
}

async fn ask(server: &Server) -> Result<Outcome, ProviderError> {
    Ok(Outcome::collect(provider(server).stream(request()).await?).await)
}

/// A failure that asks to be tried again at once.
fn overloaded() -> Reply {
    Reply::new(503, "text/plain", "busy").header("retry-after-ms", "0")
}

#[tokio::test]
async fn a_call_that_fails_before_its_answer_is_tried_again() {
    let answer = Reply::fixture("openai-chat/text_stream");
    let server = Server::start([overloaded(), overloaded(), answer]).await;
    ask(&server).await.unwrap().check();
    let asked = server.requests();
    assert_eq!((asked.len(), &asked[0].body), (3, &asked[2].body));

    let server = Server::start([overloaded(), overloaded(), overloaded()]).await;
    let error = ask(&server).await.unwrap_err();
    assert_eq!((error.kind, error.status), (ErrorKind::Overloaded, Some(503)));
}

#[tokio::test]
async fn an_answer_that_has_begun_is_never_asked_for_again() {
    let server = Server::start([Reply::fixture("openai-chat/error_midstream")]).await;
    let outcome = ask(&server).await.unwrap();
    assert_eq!((outcome.kind, outcome.text().as_str()), (Some(ErrorKind::Server), "Partial ans"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn errors_within_an_answer_carry_the_request_id_and_no_key() {
    let frame = r#"data: {"error": {"message": "bad key hunter22", "code": 502}}"#;
    let reply = Reply::sse(&format!("{frame}\n\n")).header("x-request-id", "req_1");
    let server = Server::start([reply]).await;
    let mut stream = provider(&server).stream(request()).await.unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(error.request_id.as_deref(), Some("req_1"));
    assert_eq!((error.message.as_str(), error.kind), ("bad key [key]", ErrorKind::Server));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn servers_may_answer_without_a_stream() {
    let server = Server::start([Reply::fixture("openai-chat/tools")]).await;
    let outcome = ask(&server).await.unwrap();
    outcome.check();
    assert_eq!(outcome.calls().len(), 2);

    let error = r#"{"error": {"code": 429, "message": "slow down"}}"#;
    let server = Server::start([Reply::new(200, "application/json", error)]).await;
    assert_eq!(ask(&server).await.unwrap_err().kind, ErrorKind::RateLimited);

    let server = Server::start([Reply::new(200, "application/json", "{}")]).await;
    assert_eq!(ask(&server).await.unwrap_err().kind, ErrorKind::Truncated);
    let server = Server::start([Reply::new(200, "application/json", "nonsense")]).await;
    assert_eq!(ask(&server).await.unwrap_err().kind, ErrorKind::Protocol);
    let server = Server::start([Reply::new(200, "text/html", "<html>")]).await;
    assert_eq!(ask(&server).await.unwrap_err().kind, ErrorKind::Protocol);
}

#[tokio::test]
async fn answers_may_be_compressed() {
    const PACKED: &str = "H4sIAAAAAAACAx3MQQqAIBBG4b2niH/dCWZd2zqASAw6oRQqOTvx7kXb98ELrExTh48leWkg2xHkVgZ9sWSVr\
        CBU9pcEjBlnyqnF4xFuJX/StFQMN4wJ/8ou+7Y6Y16mPQWhWQAAAA==";
    let body = STANDARD.decode(PACKED).unwrap();
    let reply = Reply::new(200, "text/event-stream", body).header("content-encoding", "gzip");
    let server = Server::start([reply]).await;
    assert_eq!(ask(&server).await.unwrap().text(), "packed");
    let accepted = server.requests()[0].header("accept-encoding").unwrap().to_owned();
    assert!(accepted.contains("gzip"));
}

#[tokio::test]
async fn headers_and_addresses() {
    let answer = || Reply::fixture("openai-chat/text_stream");
    for (base, path) in [
        ("", "/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1?api-version=2", "/v1/chat/completions?api-version=2"),
    ] {
        let server = Server::start([answer()]).await;
        let openai = OpenAi::new(connection(&format!("{}{base}", server.url))).unwrap();
        Outcome::collect(openai.stream(request()).await.unwrap()).await.check();
        let asked = server.requests().remove(0);
        assert_eq!(asked.path, path);
        assert_eq!(asked.header("authorization"), Some("Bearer hunter22"));
        assert_eq!(asked.header("content-type"), Some("application/json"));
    }
    let server = Server::start([answer()]).await;
    let keyless = Connection { api_key: None, ..connection(&server.url) };
    let stream = OpenAi::new(keyless).unwrap().stream(request()).await.unwrap();
    Outcome::collect(stream).await.check();
    assert_eq!(server.requests()[0].header("authorization"), None);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for base in ["", "localhost:1234", "ftp://x", "http://"] {
        let error = OpenAi::new(connection(base)).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("base_url"), "{base}");
    }
    let broken = Connection { api_key: Some("a\nb".into()), ..connection("http://x") };
    assert_eq!(OpenAi::new(broken).unwrap_err().param.as_deref(), Some("api_key"));
}

#[tokio::test]
async fn who_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/?key=secret", listener.local_addr().unwrap());
    drop(listener);
    let nobody = Connection { max_retries: 0, ..connection(&url) };
    let error = OpenAi::new(nobody).unwrap().stream(request()).await.err().unwrap();
    assert_eq!((error.kind, error.status), (ErrorKind::Unreachable, None));
    assert!(!error.message.contains("secret") && error.message.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_waited_for_until_the_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let provider = OpenAi::new(connection(&url)).unwrap();
    let request = Request {
        deadlines: Deadlines { deadline: Some(Instant::now()), ..Deadlines::default() },
        ..request()
    };
    let error = provider.stream(request).await.err().unwrap();
    assert_eq!(error.kind, ErrorKind::Timeout);
}

#[test]
fn a_call_can_move_between_threads() {
    fn moves<T: Send>(_: T) {}
    let provider = OpenAi::new(connection("http://x")).unwrap();
    moves(provider.stream(request()));
    moves(provider.list_models());
}

/// Sends when it is dropped.
struct Alarm(Option<oneshot::Sender<()>>);

impl Drop for Alarm {
    fn drop(&mut self) {
        let _ = self.0.take().map(|sender| sender.send(()));
    }
}

#[tokio::test]
async fn dropping_the_stream_cancels_the_request() {
    let (sender, cancelled) = oneshot::channel();
    let alarm = Alarm(Some(sender));
    let chunk = r#"data: {"choices":[{"delta":{"content":"a"}}]}"#;
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from(format!("{chunk}\n\n")))]);
    let endless = first.chain(stream::once(async move {
        let _alarm = alarm;
        std::future::pending().await
    }));
    let server = Server::start([Reply::pieces(endless)]).await;
    let provider = provider(&server);
    let mut stream = provider.stream(request()).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("a".to_owned()));
    drop(stream);
    timeout(Duration::from_secs(10), cancelled).await.expect("the server noticed").unwrap();
}

#[tokio::test]
async fn a_connection_that_breaks_truncates_the_answer() {
    let (break_now, broken) = oneshot::channel::<()>();
    let half = Bytes::from(fixture("openai-chat/truncated_stream.sse"));
    let body = stream::iter([Ok(half)]).chain(stream::once(async {
        broken.await.unwrap();
        Err(std::io::Error::other("the connection broke"))
    }));
    let server = Server::start([Reply::pieces(body)]).await;
    let mut stream = provider(&server).stream(request()).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    break_now.send(()).unwrap();
    let outcome = Outcome::collect(stream).await;
    outcome.check();
    assert_eq!(outcome.kind, Some(ErrorKind::Truncated));
}
