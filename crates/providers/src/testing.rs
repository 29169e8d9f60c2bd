//! Support shared by the tests of this crate: recorded answers, ways to split them, and a server that
//! sends them.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::net::TcpListener;

use super::decoder::Decoder;
use super::reader::{self, ErrorContext};
use super::{Event, EventStream, FinishReason, ProviderError, Usage};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// A recorded body, such as `anthropic/text.json`.
pub fn fixture(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A fixture that is JSON.
pub fn json(name: &str) -> Value {
    serde_json::from_str(&fixture(name)).unwrap()
}

/// The names of a group's fixtures that end so, without that ending.
pub fn names(group: &str, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(folder().join(group)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names
        .filter(|name| !name.ends_with(".http.json"))
        .filter_map(|name| Some(format!("{group}/{}", name.strip_suffix(ending)?)))
        .collect();
    names.sort();
    names
}

/// The body whole, byte by byte, and cut inside every character of more than one byte.
pub fn chunkings(body: &str) -> Vec<Vec<Bytes>> {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let bytes = (0..body.len()).map(|at| body.slice(at..=at)).collect();
    let cuts = (0..body.len()).filter(|at| body[*at] & 0xC0 == 0x80);
    let halves = cuts.map(|cut| vec![body.slice(..cut), body.slice(cut..)]);
    [vec![body.clone()], bytes].into_iter().chain(halves).collect()
}

/// What came of an answer.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    pub events: Vec<Event>,
    pub error: Option<String>,
    pub kind: Option<super::ErrorKind>,
}

impl Outcome {
    pub async fn collect(mut stream: EventStream) -> Self {
        let mut outcome = Self::default();
        while let Some(event) = stream.next().await {
            assert!(outcome.error.is_none(), "something follows the error");
            match event {
                Ok(event) => outcome.events.push(event),
                Err(error) => outcome.fail(&error),
            }
        }
        outcome
    }

    fn fail(&mut self, error: &ProviderError) {
        self.error = Some(error.message.clone());
        self.kind = Some(error.kind);
    }

    pub fn text(&self) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            Event::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    pub fn reasoning(&self) -> String {
        let texts = self.events.iter().filter_map(|event| match event {
            Event::Reasoning(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// Id, name and arguments of each whole call.
    pub fn calls(&self) -> Vec<(String, String, String)> {
        let whole = self.events.iter().filter_map(|event| match event {
            Event::ToolCallEnd { index, arguments, .. } => Some((*index, arguments.clone())),
            _ => None,
        });
        let started = |requested: usize| {
            self.events.iter().find_map(|event| match event {
                Event::ToolCallStart { index, id, name } if *index == requested => {
                    Some((id.clone(), name.clone()))
                }
                _ => None,
            })
        };
        let calls = whole.map(|(index, arguments)| {
            let (id, name) = started(index).expect("a call ends that never began");
            (id, name, arguments)
        });
        calls.collect()
    }

    /// What must go back with thoughts, as JSON texts.
    pub fn opaques(&self) -> Vec<&str> {
        let opaques = self.events.iter().filter_map(|event| match event {
            Event::ReasoningEnd { opaque } => Some(opaque.as_ref()?.json.as_str()),
            _ => None,
        });
        opaques.collect()
    }

    pub fn usage(&self) -> Option<&Usage> {
        self.events.iter().rev().find_map(|event| match event {
            Event::Usage(usage) => Some(usage),
            _ => None,
        })
    }

    pub fn finish_reason(&self) -> Option<&FinishReason> {
        match self.events.last() {
            Some(Event::End { finish_reason }) => Some(finish_reason),
            _ => None,
        }
    }

    /// Checks what every stream of events promises.
    pub fn check(&self) {
        let ends = self.events.iter().filter(|event| matches!(event, Event::End { .. }));
        assert_eq!(ends.count(), usize::from(self.error.is_none()), "one end or one error");
        assert_eq!(self.finish_reason().is_some(), self.error.is_none(), "the end comes last");
        for event in &self.events {
            match event {
                Event::Text(text) | Event::Reasoning(text) => assert!(!text.is_empty()),
                Event::ToolCallDelta { arguments, .. } => assert!(!arguments.is_empty()),
                Event::ToolCallEnd { index, arguments, .. } => {
                    let emitted = self.arguments(*index);
                    let is_empty = emitted.trim().is_empty();
                    assert_eq!(*arguments, if is_empty { "{}".to_owned() } else { emitted });
                }
                _ => {}
            }
        }
    }

    fn arguments(&self, requested: usize) -> String {
        let deltas = self.events.iter().filter_map(|event| match event {
            Event::ToolCallDelta { index, arguments } if *index == requested => {
                Some(arguments.as_str())
            }
            _ => None,
        });
        deltas.collect()
    }

    /// Ids that were made up are different each time.
    fn without_made_up_ids(mut self) -> Self {
        for event in &mut self.events {
            if let Event::ToolCallStart { id, .. } = event
                && id.len() == 37
                && id.starts_with("call_")
            {
                "made-up".clone_into(id);
            }
        }
        self
    }
}

/// What a decoder makes of these chunks.
pub async fn replay<D: Decoder>(decoder: D, chunks: Vec<Bytes>) -> Outcome {
    let body = stream::iter(chunks.into_iter().map(Ok));
    let stream =
        reader::from_stream(body, Duration::from_secs(1), decoder, ErrorContext::default());
    Outcome::collect(stream).await.without_made_up_ids()
}

/// Replays a body in all chunkings, which must all give the same.
pub async fn replay_all_ways<D: Decoder>(
    name: &str,
    body: &str,
    decoder: impl Fn() -> D,
) -> Outcome {
    let mut outcomes = Vec::new();
    for chunks in chunkings(body) {
        outcomes.push(replay(decoder(), chunks).await);
    }
    let first = outcomes.swap_remove(0);
    first.check();
    for outcome in outcomes {
        assert_eq!(outcome, first, "{name}: cut differently, it reads differently");
    }
    first
}

/// An answer of the local server.
pub struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Body,
}

impl Reply {
    pub fn new(status: u16, content_type: &str, body: impl Into<Body>) -> Self {
        let headers = HeaderMap::from_iter([(
            "content-type".parse().unwrap(),
            content_type.parse().unwrap(),
        )]);
        Self { status, headers, body: body.into() }
    }

    pub fn sse(body: &str) -> Self {
        Self::new(200, "text/event-stream", body.to_owned())
    }

    /// A stream that comes piece by piece.
    pub fn pieces(body: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self::new(200, "text/event-stream", Body::from_stream(body))
    }

    /// A recorded answer with its status and headers.
    pub fn fixture(name: &str) -> Self {
        let http = json(&format!("{name}.http.json"));
        let ending = if folder().join(format!("{name}.sse")).exists() { "sse" } else { "json" };
        let body = fixture(&format!("{name}.{ending}"));
        let reply = Self::new(http["status"].as_u64().unwrap() as u16, "x/x", body);
        let headers = http["headers"].as_object().unwrap().iter();
        headers.fold(reply, |reply, (name, value)| reply.header(name, value.as_str().unwrap()))
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: axum::http::HeaderName = name.parse().unwrap();
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        *response.headers_mut() = self.headers;
        response
    }
}

/// What the local server was asked.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

impl RecordedRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A server on this machine that gives the replies it was told to, in order.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<RecordedRequest>>>,
}

impl Server {
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let app = Router::new().fallback(async move |request: HttpRequest| {
            let request = read(request).await;
            log.lock().unwrap().push(request);
            replies.lock().unwrap().pop_front().expect("one request too many").into_response()
        });
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, asked }
    }

    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.asked.lock().unwrap().clone()
    }
}

async fn read(request: HttpRequest) -> RecordedRequest {
    let path = request.uri().to_string();
    let headers = request.headers().clone();
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    RecordedRequest { path, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
}
