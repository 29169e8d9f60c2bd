//! A way to the local Supabase that can be blocked in parts, and that counts what is sent.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::TestApp;
use super::until::TIMEOUT;

#[derive(Clone)]
pub struct Proxy {
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    target: String,
    http: reqwest::Client,
    /// A method and the beginning of a path.
    blocked: Mutex<Option<(&'static str, &'static str)>>,
    /// The same for requests that wait.
    held: watch::Sender<Option<(&'static str, &'static str)>>,
    /// The same for requests that are passed on, and whose answers are lost.
    mute: Mutex<Option<(&'static str, &'static str)>>,
    /// How many requests have met one or the other.
    met: watch::Sender<usize>,
    /// The path and the body of each request.
    sent: watch::Sender<Vec<(String, Bytes)>>,
}

impl Proxy {
    pub async fn to(app: &TestApp) -> Self {
        let (target, http) = (app.supabase_url.clone(), app.http.clone());
        let (blocked, mute) = (Mutex::default(), Mutex::default());
        let (held, met) = (watch::Sender::default(), watch::Sender::default());
        let sent = watch::Sender::default();
        let inner = Arc::new(Inner { target, http, blocked, held, mute, met, sent });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    /// Answers these requests with 500.
    pub fn block(&self, method: &'static str, path: &'static str) {
        *self.inner.blocked.lock().unwrap() = Some((method, path));
    }

    /// Lets these requests wait.
    pub fn hold(&self, method: &'static str, path: &'static str) {
        self.inner.held.send_replace(Some((method, path)));
    }

    /// Passes these requests on, and answers 502 as a gateway does when it has lost the answer.
    pub fn lose_answers(&self, method: &'static str, path: &'static str) {
        *self.inner.mute.lock().unwrap() = Some((method, path));
    }

    /// Waits until a request has been blocked or held.
    pub async fn met_one(&self) {
        self.inner.met.subscribe().wait_for(|met| *met > 0).await.unwrap();
    }

    /// How many bytes there were in the bodies of the requests so far.
    pub fn bytes(&self) -> usize {
        self.inner.sent.borrow().iter().map(|(_, body)| body.len()).sum()
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.inner.sent.borrow().len()
    }

    /// How many requests there were to a path.
    pub fn count(&self, path: &str) -> usize {
        self.inner.sent.borrow().iter().filter(|(sent, _)| sent == path).count()
    }

    /// Waits for the next request to a path; its body.
    pub async fn until_next(&self, path: &str) -> Bytes {
        let mut sent = self.inner.sent.subscribe();
        let before = sent.borrow_and_update().len();
        let next = |sent: &[(String, Bytes)]| {
            let next = sent[before..].iter().find(|(sent, _)| sent == path);
            next.map(|(_, body)| body.clone())
        };
        let waiting = sent.wait_for(|sent| next(sent).is_some());
        let sent = tokio::time::timeout(TIMEOUT, waiting).await.expect("a request").unwrap();
        next(&sent).unwrap()
    }

    pub fn unblock(&self) {
        *self.inner.blocked.lock().unwrap() = None;
        *self.inner.mute.lock().unwrap() = None;
        self.inner.held.send_replace(None);
    }
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let asked = format!("{} {}", request.method(), request.uri());
    let is_meant = |rule: &Option<(&str, &str)>| {
        rule.is_some_and(|(method, path)| asked.starts_with(&format!("{method} {path}")))
    };
    let is_held = is_meant(&inner.held.borrow());
    if is_held {
        inner.met.send_modify(|met| *met += 1);
        let _ = inner.held.subscribe().wait_for(|held| !is_meant(held)).await;
    }
    if is_meant(&inner.blocked.lock().unwrap()) {
        inner.met.send_modify(|met| *met += 1);
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let is_mute = is_meant(&inner.mute.lock().unwrap());
    let path = request.uri().path().to_owned();
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    inner.sent.send_modify(|sent| sent.push((path, body.clone())));
    let request = Request::from_parts(parts, Body::from(body));
    let answer = pass_on(&inner.http, &inner.target, request).await;
    if is_mute { StatusCode::BAD_GATEWAY.into_response() } else { answer }
}

/// Sends a request to another server and its answer back.
pub async fn pass_on(http: &reqwest::Client, target: &str, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().unwrap().as_str();
    let mut headers = parts.headers;
    headers.remove("host");
    let url = format!("{target}{path}");
    let request = http.request(parts.method, url).headers(headers);
    let body = reqwest::Body::wrap_stream(body.into_data_stream());
    let Ok(answer) = request.body(body).send().await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let mut response = Response::builder().status(answer.status());
    *response.headers_mut().unwrap() = answer.headers().clone();
    response.body(Body::from_stream(answer.bytes_stream())).unwrap()
}
