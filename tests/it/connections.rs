//! Connections that take a place and do nothing with it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::support::{
    HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS, TestApp, WRITE_TIMEOUT_MS, skipped_on_a_real_supabase,
};

const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const GET: &str = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// Longer than anything here takes.
const TIMEOUT: Duration = Duration::from_secs(60);

fn address(url: &str) -> &str {
    let rest = url.strip_prefix("http://").unwrap();
    rest.split('/').next().unwrap()
}

async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(address(url)).await.unwrap()
}

/// Waits until the server closes the connection.
async fn closed(mut connection: TcpStream, why: &str) {
    let mut bytes = Vec::new();
    let end = timeout(TIMEOUT, connection.read_to_end(&mut bytes)).await;
    end.unwrap_or_else(|_| panic!("still open: {why}")).ok();
}

#[tokio::test]
async fn who_asks_nothing_is_closed_on_every_listener() {
    let settings = [(HEAD_TIMEOUT_MS, "100"), ("METRICS_ADDR", "127.0.0.1:0")];
    let app = TestApp::with(&settings).await;
    let mut listeners = vec![&*app.url, app.metrics_url.as_deref().unwrap()];
    if !skipped_on_a_real_supabase("its listener") {
        listeners.push(&app.supabase_url);
    }
    for url in listeners {
        for opening in ["", "P", "PRI * HTTP/2", PREFACE, "GET", "GET / HTTP/1.1\r\nhost: lo"] {
            let mut connection = connect(url).await;
            connection.write_all(opening.as_bytes()).await.unwrap();
            closed(connection, opening).await;
        }
    }
}

#[tokio::test]
async fn a_further_head_has_no_more_time_than_the_first() {
    let app = TestApp::with(&[(HEAD_TIMEOUT_MS, "100")]).await;
    let mut connection = connect(&app.url).await;
    connection.write_all(format!("{GET}GET / HT").as_bytes()).await.unwrap();
    let mut first = [0; 12];
    connection.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    connection.write_all(b"TP/1.1\r\n").await.unwrap();
    closed(connection, "the second head never ends").await;
}

#[tokio::test]
async fn a_connection_that_rests_too_long_is_closed() {
    let app = TestApp::with(&[(IDLE_TIMEOUT_MS, "100")]).await;
    let mut connection = connect(&app.url).await;
    connection.write_all(GET.as_bytes()).await.unwrap();
    closed(connection, "no further request").await;
}

#[tokio::test]
async fn a_connection_whose_answers_nobody_reads_is_closed() {
    let app = TestApp::with(&[(WRITE_TIMEOUT_MS, "200")]).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut connection = socket.connect(address(&app.url).parse().unwrap()).await.unwrap();
    // It reads no request either while it cannot answer, so writing waits, and fails at the end.
    let asking = async { while connection.write_all(GET.as_bytes()).await.is_ok() {} };
    timeout(TIMEOUT, asking).await.expect("still open");
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_reset_on_http2() {
    let app = TestApp::with(&[(WRITE_TIMEOUT_MS, "100")]).await;
    let mut connection = connect(&app.url).await;
    connection.write_all(PREFACE.as_bytes()).await.unwrap();
    // SETTINGS: an initial window of 0 bytes.
    connection.write_all(&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]).await.unwrap();
    let mut head = vec![0x82, 0x86, 0x01, 9];
    head.extend_from_slice(b"localhost");
    head.extend_from_slice(&[0x04, 13]);
    head.extend_from_slice(b"/openapi.json");
    // HEADERS of stream 1, which end it.
    let length = u8::try_from(head.len()).unwrap();
    connection.write_all(&[0, 0, length, 1, 5, 0, 0, 0, 1]).await.unwrap();
    connection.write_all(&head).await.unwrap();
    let reset = async { while next_frame(&mut connection).await != (3, 1) {} };
    timeout(TIMEOUT, reset).await.expect("the stream is still open");
}

/// The type of the next frame and its stream.
async fn next_frame(connection: &mut TcpStream) -> (u8, u32) {
    let mut head = [0; 9];
    connection.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    connection.read_exact(&mut payload).await.unwrap();
    (head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]))
}

#[tokio::test]
async fn silent_connections_do_not_shut_the_server() {
    let app = TestApp::with(&[("MAX_CONNECTIONS", "8")]).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(connect(&app.url).await);
        app.get("/health/live").await.expect(200);
    }
}

#[tokio::test]
async fn a_large_answer_comes_whole_over_http2() {
    let app = crate::support::app().await;
    let http1 = app.get("/openapi.json").await.expect(200);
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge();
    let client = client.http2_initial_stream_window_size(20_000).build().unwrap();
    let answer = client.get(format!("{}/openapi.json", app.url)).send().await.unwrap();
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), http1);
}

#[tokio::test]
async fn an_address_may_have_what_postgrest_is_asked_with() {
    let app = TestApp::with(&[]).await;
    if skipped_on_a_real_supabase("its listener") {
        return;
    }
    let alice = app.user("alice").await;
    alice.create_chat("Trip").await;
    let mut connection = connect(&app.supabase_url).await;
    let request = format!(
        "GET /rest/v1/chats?select=title,color:metadata->>color&metadata->color=is.null HTTP/1.1\r\n\
         host: localhost\r\napikey: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\r\n",
        app.anon_key, alice.token
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(TIMEOUT, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(r#"[{"title":"Trip","color":null}]"#), "{answer}");
}

#[tokio::test]
async fn bodies_that_do_not_come_do_not_shut_the_server() {
    let app = TestApp::with(&[("MAX_CONNECTIONS", "8")]).await;
    let alice = app.user("alice").await;
    let request = format!(
        "POST /api/ai/generate HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{",
        alice.token
    );
    let mut silent = Vec::new();
    for _ in 0..8 {
        let mut connection = connect(&app.url).await;
        let _ = connection.write_all(request.as_bytes()).await;
        silent.push(connection);
    }
    let mut connection = connect(&app.url).await;
    connection.write_all(GET.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    timeout(TIMEOUT, connection.read_exact(&mut first)).await.unwrap().unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}
