//! How fast the server is: requests per second and latencies of listing 50 chats, and many streams at
//! once, over a stand-in for PostgREST. Run with `cargo bench`.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it has measured")]

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chat_backend::app::App;
use chat_backend::clock::Clock;
use chat_backend::config::Config;
use chat_backend::server::connections::Connections;
use chat_backend::{router, server};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SECRET: &str = "a-secret-for-benchmarks-of-32-bytes-or-more";
const CONNECTIONS: usize = 32;
const MEASURED: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() {
    let supabase = listen(Router::new().fallback(stand_in)).await;
    let url = format!("http://{supabase}");
    let settings = [
        ("SUPABASE_URL", url.as_str()),
        ("SUPABASE_ANON_KEY", "sb_publishable_bench"),
        ("SUPABASE_JWT_SECRET", SECRET),
        ("RATE_LIMIT_PER_MINUTE", "0"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::from_variables(&settings.into());
    let app = App::build(config.expect("settings"), Clock::System).await.expect("an application");
    let server = listen(router::router(&app)).await;
    let token = token(&url);
    let get = |host, path| {
        format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n")
    };
    let direct = get(supabase, "/rest/v1/chats?limit=51");
    let listing = get(server, "/api/chats/");
    report("PostgREST's stand-in, alone", &load(supabase, direct).await);
    report("GET /api/chats/, 50 chats", &load(server, listing).await);
}

/// Serves on a port of the system's choice.
async fn listen(router: Router) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let config = Config::from_variables(&HashMap::new()).expect("settings");
    let connections = Connections::new(config.max_connections, &config);
    tokio::spawn(server::listen(listener, router, connections, CancellationToken::new()));
    address
}

/// Answers every request with 51 chats.
async fn stand_in(_: Request) -> Response {
    static CHATS: std::sync::LazyLock<Bytes> = std::sync::LazyLock::new(|| {
        let chats: Vec<Value> = (0..51).map(|_| chat()).collect();
        Bytes::from(json!(chats).to_string())
    });
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], CHATS.clone()).into_response()
}

fn chat() -> Value {
    json!({
        "id": Uuid::new_v4(), "user_id": Uuid::new_v4(), "title": "A chat about something",
        "model": null, "system_prompt": null, "is_archived": false, "is_bookmarked": false,
        "metadata": { "color": "blue" }, "last_message_at": "2026-11-22T19:53:31.893152+00:00",
        "created_at": "2026-11-22T19:53:31.893152+00:00",
        "updated_at": "2026-11-22T19:53:31.893152+00:00",
    })
}

fn token(issuer: &str) -> String {
    let claims = json!({
        "sub": Uuid::new_v4(), "aud": "authenticated", "role": "authenticated",
        "iss": format!("{issuer}/auth/v1"), "exp": 4_000_000_000_u64,
    });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).expect("a token")
}

/// Latencies of all requests made in the measured time.
async fn load(address: std::net::SocketAddr, request: String) -> Vec<Duration> {
    let clients = (0..CONNECTIONS).map(|_| tokio::spawn(client(address, request.clone())));
    let mut latencies = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        latencies.extend(client.await.expect("a client"));
    }
    latencies.sort();
    latencies
}

async fn client(address: std::net::SocketAddr, request: String) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut latencies = Vec::new();
    let mut buffer = Vec::with_capacity(64 * 1024);
    let end = Instant::now() + MEASURED;
    while Instant::now() < end {
        let started = Instant::now();
        stream.write_all(request.as_bytes()).await.expect("sent");
        read_response(&mut stream, &mut buffer).await;
        latencies.push(started.elapsed());
    }
    latencies
}

async fn read_response(stream: &mut TcpStream, buffer: &mut Vec<u8>) {
    buffer.clear();
    loop {
        let read = stream.read_buf(buffer).await.expect("read");
        assert!(read > 0, "the server has hung up");
        let Some(head) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
        assert!(text.starts_with("http/1.1 200"), "{text}");
        let length =
            text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let length: usize = length.and_then(|length| length.parse().ok()).expect("a length");
        if buffer.len() >= head + 4 + length {
            return;
        }
    }
}

fn report(what: &str, latencies: &[Duration]) {
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    let per_second = latencies.len() as f64 / MEASURED.as_secs_f64();
    println!(
        "{what:<40} {per_second:>8.0} requests/s   p50 {:>7.2?}   p99 {:>7.2?}   max {:>7.2?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}
