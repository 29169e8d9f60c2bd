//! A fake provider that returns enqueued answers and records its requests.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

/// One answer of the provider.
pub enum Answer {
    /// A recorded body with its status and headers.
    Fixture(&'static str),
    /// A status and a JSON body.
    Json(u16, Value),
    /// A stream, whole or not.
    Body(Bytes),
    /// A stream that says the same so many times.
    Repeated(Bytes, usize),
    /// A stream that breaks off with its connection.
    Reset(Bytes),
    /// A stream whose pieces the test sends one by one; it breaks off when the sender is dropped.
    Live(mpsc::UnboundedReceiver<Bytes>),
    /// Never answers.
    Silence,
}

pub struct FakeProvider {
    pub url: String,
    inner: Arc<Inner>,
}

struct Inner {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Value>>,
    headers: Mutex<Vec<HeaderMap>>,
    models: Mutex<Option<Value>>,
    hung_up: Notify,
}

impl FakeProvider {
    /// A provider that gives these answers, in this order.
    pub async fn with(answers: impl IntoIterator<Item = Answer>) -> Self {
        let inner = Arc::new(Inner {
            answers: Mutex::new(answers.into_iter().collect()),
            requests: Mutex::default(),
            headers: Mutex::default(),
            models: Mutex::default(),
            hung_up: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    /// The bodies it was sent.
    pub fn requests(&self) -> Vec<Value> {
        self.inner.requests.lock().unwrap().clone()
    }

    /// The headers of those requests.
    pub fn headers(&self) -> Vec<HeaderMap> {
        self.inner.headers.lock().unwrap().clone()
    }

    /// Waits until a live stream's reader has gone away.
    pub async fn wait_for_disconnect(&self) {
        self.inner.hung_up.notified().await;
    }

    /// What it says it has; nothing until then.
    pub fn set_models(&self, models: Value) {
        *self.inner.models.lock().unwrap() = Some(models);
    }

    /// One more answer.
    pub fn enqueue(&self, answer: Answer) {
        self.inner.answers.lock().unwrap().push_back(answer);
    }
}

/// A live stream: what is sent goes out at once.
pub fn live() -> (mpsc::UnboundedSender<Bytes>, Answer) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Answer::Live(receiver))
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    if request.method() == Method::GET {
        return match inner.models.lock().unwrap().clone() {
            Some(models) => json_answer(200, &models),
            None => json_answer(404, &Value::Null),
        };
    }
    inner.headers.lock().unwrap().push(request.headers().clone());
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    inner.requests.lock().unwrap().push(serde_json::from_slice(&body).unwrap_or_default());
    let answer = inner.answers.lock().unwrap().pop_front();
    match answer.expect("the provider was asked more often than the test said") {
        Answer::Fixture(name) => recorded(name),
        Answer::Json(status, body) => json_answer(status, &body),
        Answer::Body(bytes) => events(Body::from(bytes)),
        Answer::Repeated(piece, times) => {
            let (sender, receiver) = mpsc::unbounded_channel();
            (0..times).for_each(|_| drop(sender.send(piece.clone())));
            streamed(receiver, inner.clone())
        }
        Answer::Reset(bytes) => {
            let broken = stream::once(async {
                // What was said before goes out meanwhile.
                tokio::task::yield_now().await;
                Err(std::io::Error::other("reset by the test"))
            });
            events(Body::from_stream(stream::iter([Ok(bytes)]).chain(broken)))
        }
        Answer::Live(pieces) => streamed(pieces, inner.clone()),
        Answer::Silence => std::future::pending().await,
    }
}

fn json_answer(status: u16, body: &Value) -> Response {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Body::from(body.to_string())).unwrap()
}

fn streamed(pieces: mpsc::UnboundedReceiver<Bytes>, inner: Arc<Inner>) -> Response {
    struct HangUp(Arc<Inner>);
    impl Drop for HangUp {
        fn drop(&mut self) {
            self.0.hung_up.notify_one();
        }
    }
    let body = stream::unfold((pieces, HangUp(inner)), |(mut pieces, hang_up)| async move {
        let piece = pieces.recv().await?;
        Some((Ok::<_, std::io::Error>(piece), (pieces, hang_up)))
    });
    events(Body::from_stream(body))
}

fn events(body: Body) -> Response {
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}

/// A recorded body, e.g. `anthropic/text_stream.sse`.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap()
}

fn recorded(name: &str) -> Response {
    let stem = name.rsplit_once('.').unwrap().0;
    let head: Value = serde_json::from_slice(&fixture(&format!("{stem}.http.json"))).unwrap();
    let status = u16::try_from(head["status"].as_u64().unwrap()).unwrap();
    let mut response = Response::builder().status(status);
    for (name, value) in head["headers"].as_object().unwrap() {
        let is_framing = ["content-length", "transfer-encoding", "connection", "date"];
        if !is_framing.contains(&name.to_ascii_lowercase().as_str()) {
            response = response.header(name, value.as_str().unwrap());
        }
    }
    response.body(Body::from(fixture(name))).unwrap()
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crates/providers/tests/fixtures")
}
