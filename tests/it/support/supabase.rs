//! A fake Supabase, for what the local one cannot do: other keys, outages.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use futures_util::stream;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

#[derive(Clone)]
pub struct FakeSupabase {
    pub url: String,
    inner: Arc<Inner>,
    serving: Arc<Mutex<Option<JoinHandle<()>>>>,
}

#[derive(Default)]
struct Inner {
    keys: Mutex<Vec<Value>>,
    /// What time its answers say that it is, in seconds since 1970.
    time: Mutex<Option<u64>>,
    /// The id of the user whose token Auth takes for good.
    user: Mutex<Option<String>>,
    /// What happens next to requests of these paths.
    next: Mutex<VecDeque<(&'static str, Outcome)>>,
    /// What happens to all others of these paths with this API key.
    always: Mutex<Vec<(&'static str, &'static str, Outcome)>>,
    requests: Mutex<Vec<RecordedRequest>>,
    connections: AtomicUsize,
}

/// What happens to a request.
#[derive(Clone)]
pub enum Outcome {
    /// A recorded answer, e.g. `postgrest/058-post-unique.txt`.
    Recorded(&'static str),
    /// A status, `Retry-After` and a body.
    Answer(u16, Option<u32>, String),
    /// The connection is closed without an answer.
    Closed,
    /// The connection is closed in the middle of the answer.
    Truncated,
    /// Nothing.
    Silence,
}

impl Outcome {
    /// A status without a word, as gateways send it.
    pub fn status(status: u16) -> Self {
        Self::Answer(status, None, String::new())
    }

    /// A status with `Retry-After`, in seconds.
    pub fn later(status: u16, retry_after: u32) -> Self {
        Self::Answer(status, Some(retry_after), String::new())
    }

    /// An error as PostgREST words it.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body =
            json!({ "code": code, "details": null, "hint": null, "message": message }).to_string();
        Self::Answer(status, None, body)
    }

    /// Any JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Answer(status, None, body.to_string())
    }
}

/// A request as it came.
#[derive(Clone)]
pub struct RecordedRequest {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    /// JSON; null where there is none.
    pub body: Value,
}

/// In place of an API key: requests with the token of a user.
pub const AS_USER: &str = "a user's token";

impl RecordedRequest {
    /// Whether it came with another token than the API key.
    fn is_users(&self) -> bool {
        let text = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        let token = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
        token.is_some() && token != text("apikey")
    }
}

impl FakeSupabase {
    pub async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = inner.clone();
        let serving = tokio::spawn(async move {
            // They end when this task does.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(connection(served.clone(), stream));
            }
        });
        Self { url, inner, serving: Arc::new(Mutex::new(Some(serving))) }
    }

    /// Ends it: nobody listens any more.
    pub async fn stop(&self) {
        let serving = self.serving.lock().unwrap().take().unwrap();
        serving.abort();
        // The error says that it was aborted.
        let _ = serving.await;
    }

    /// The settings of an application on it.
    pub fn settings(&self) -> [(&str, &str); 2] {
        [("SUPABASE_URL", &self.url), ("SUPABASE_ANON_KEY", "sb_publishable_test")]
    }

    /// Publishes these keys and no others.
    pub fn publish(&self, keys: &[Value]) {
        *self.inner.keys.lock().unwrap() = keys.to_vec();
    }

    /// Says with its answers that it is this time, in seconds since 1970.
    pub fn set_date_header(&self, seconds: i64) {
        *self.inner.time.lock().unwrap() = Some(seconds.try_into().unwrap());
    }

    /// Auth says that every token is this user's.
    pub fn set_auth_user(&self, user: Option<&str>) {
        *self.inner.user.lock().unwrap() = user.map(str::to_owned);
    }

    /// What happens to the next requests whose path begins so, one after the other.
    pub fn enqueue(&self, path: &'static str, outcomes: impl IntoIterator<Item = Outcome>) {
        let outcomes = outcomes.into_iter().map(|outcome| (path, outcome));
        self.inner.next.lock().unwrap().extend(outcomes);
    }

    /// What happens to every request whose path begins so.
    pub fn always(&self, path: &'static str, outcome: Outcome) {
        self.always_as("", path, outcome);
    }

    /// The same, but only with this API key, or with any user's token: [`AS_USER`]. The path may
    /// begin with a method: `PATCH /rest/v1/chats`.
    pub fn always_as(&self, key: &'static str, path: &'static str, outcome: Outcome) {
        self.inner.always.lock().unwrap().push((key, path, outcome));
    }

    /// Everything is well again.
    pub fn recover(&self) {
        self.inner.next.lock().unwrap().clear();
        self.inner.always.lock().unwrap().clear();
    }

    /// The requests whose path begins so.
    pub fn requests_to(&self, path: &str) -> Vec<RecordedRequest> {
        let requests = self.inner.requests.lock().unwrap();
        requests.iter().filter(|request| request.path.starts_with(path)).cloned().collect()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.inner.connections.load(Ordering::SeqCst)
    }

    /// How often the keys were fetched.
    pub fn key_requests(&self) -> usize {
        self.requests_to("/auth/v1/.well-known/jwks.json").len()
    }

    /// How often Auth was request about a token.
    pub fn user_requests(&self) -> usize {
        self.requests_to("/auth/v1/user").len()
    }
}

async fn connection(inner: Arc<Inner>, stream: TcpStream) {
    inner.connections.fetch_add(1, Ordering::SeqCst);
    let service = service_fn(move |request| answer(inner.clone(), request));
    let mut builder = Builder::new(TokioExecutor::new());
    // The tests' clock is another than the machine's.
    builder.http1().auto_date_header(false);
    // An error is a connection that was to be closed.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    inner: Arc<Inner>,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::io::Error> {
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let headers = request.headers().clone();
    let body = axum::body::to_bytes(Body::new(request.into_body()), usize::MAX).await;
    let body = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
    let request = RecordedRequest { method, path: path.clone(), query, headers, body };
    inner.requests.lock().unwrap().push(request.clone());
    match inner.outcome(&request) {
        Some(Outcome::Recorded(name)) => Ok(recorded(name)),
        Some(Outcome::Answer(status, retry_after, body)) => {
            let mut response = Response::builder().status(status);
            if let Some(seconds) = retry_after {
                response = response.header("retry-after", seconds);
            }
            Ok(response.body(Body::from(body)).unwrap())
        }
        Some(Outcome::Closed) => Err(std::io::ErrorKind::ConnectionReset.into()),
        Some(Outcome::Truncated) => Ok(cut()),
        Some(Outcome::Silence) => std::future::pending().await,
        None => Ok(inner.healthy(&request)),
    }
}

impl Inner {
    fn outcome(&self, request: &RecordedRequest) -> Option<Outcome> {
        let mut next = self.next.lock().unwrap();
        let is_next = |(path, _): &(&str, _)| request.path.starts_with(path);
        if let Some(place) = next.iter().position(is_next) {
            return next.remove(place).map(|(_, outcome)| outcome);
        }
        let key = request.headers.get("apikey").and_then(|key| key.to_str().ok());
        let by_method = format!("{} {}", request.method, request.path);
        let is_meant = |(of_key, path, _): &&(&str, &str, _)| {
            (request.path.starts_with(path) || by_method.starts_with(path))
                && (of_key.is_empty()
                    || key == Some(of_key)
                    || *of_key == AS_USER && request.is_users())
        };
        // What was said last counts.
        let always = self.always.lock().unwrap();
        always.iter().rev().find(is_meant).map(|(.., outcome)| outcome.clone())
    }

    fn healthy(&self, request: &RecordedRequest) -> Response<Body> {
        let wants_one_row = request.headers.get("accept").is_some_and(|accept| {
            accept.to_str().is_ok_and(|accept| accept.starts_with("application/vnd.pgrst.object"))
        });
        let path = request.path.as_str();
        let body = match path {
            "/auth/v1/.well-known/jwks.json" => json!({ "keys": *self.keys.lock().unwrap() }),
            "/auth/v1/user" => match &*self.user.lock().unwrap() {
                Some(id) => json!({ "id": id, "is_anonymous": false }),
                None => return recorded("gotrue/041-user-get-wrongsig.txt"),
            },
            _ if path.starts_with("/auth/v1") => json!({}),
            "/rest/v1/rpc/reserve_tokens" => {
                json!({ "answer": "started", "reserved": { "tokens": 0, "output_tokens": 0 } })
            }
            _ if wants_one_row => json!({}),
            _ => json!([]),
        };
        let mut response = Response::new(Body::from(body.to_string()));
        if let Some(seconds) = *self.time.lock().unwrap() {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            let date = httpdate::fmt_http_date(time).parse().unwrap();
            response.headers_mut().insert("date", date);
        }
        response
    }
}

/// A promised body that breaks off.
fn cut() -> Response<Body> {
    let pieces = [Ok(Bytes::from_static(b"[")), Err(std::io::ErrorKind::ConnectionReset.into())];
    let body = Body::from_stream(stream::iter::<[Result<Bytes, std::io::Error>; 2]>(pieces));
    Response::builder().header("content-length", 1000).body(body).unwrap()
}

/// An answer that a real component gave.
fn recorded(name: &str) -> Response<Body> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/supabase");
    let text = std::fs::read_to_string(folder.join(name)).unwrap().replace("\r\n", "\n");
    let (_, answer) = text.split_once("### RESPONSE:\n").unwrap();
    let (head, body) = answer.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let status: StatusCode = status.parse().unwrap();
    let mut response = Response::builder().status(status);
    for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
        if !name.eq_ignore_ascii_case("content-length") {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(body.trim().to_owned())).unwrap()
}
