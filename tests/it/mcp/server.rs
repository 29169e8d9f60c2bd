//! A server of tools that says what a test wants it to, in either version of the protocol.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use futures_util::Stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A request that the server has received.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
    /// The message; null where there is none.
    pub message: Value,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The method of the protocol.
    pub fn asks(&self, method: &str) -> bool {
        self.message["method"] == method
    }

    pub fn id(&self) -> &Value {
        &self.message["id"]
    }

    /// The message with this result.
    pub fn result(&self, result: Value) -> Value {
        let mut message = json!({ "jsonrpc": "2.0", "id": self.id() });
        message["result"] = result;
        message
    }
}

type Respond = Arc<dyn Fn(&Request) -> Response + Send + Sync>;

/// A server.
pub struct Server {
    pub url: String,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub async fn start(respond: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap());
        let log = Arc::<Mutex<Vec<Request>>>::default();
        let respond: Respond = Arc::new(respond);
        let router = Router::new().fallback(answer).with_state((log.clone(), respond));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, log }
    }

    /// What it has received so far.
    pub fn received(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }

    /// The requests of a method of the protocol.
    pub fn asked(&self, method: &str) -> Vec<Request> {
        self.received().into_iter().filter(|request| request.asks(method)).collect()
    }
}

async fn answer(
    State((log, respond)): State<(Arc<Mutex<Vec<Request>>>, Respond)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let message = serde_json::from_slice(&body).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let request = Request { method, path: uri.path().to_owned(), headers, body, message };
    log.lock().unwrap().push(request.clone());
    respond(&request)
}

pub fn reply(status: u16, kind: &str, body: impl Into<Body>) -> Response {
    Response::builder().status(status).header("content-type", kind).body(body.into()).unwrap()
}

pub fn message(message: &Value) -> Response {
    reply(200, "application/json", message.to_string())
}

/// A stream of these messages.
pub fn stream(messages: &[Value]) -> Response {
    let frames: String =
        messages.iter().map(|message| format!("event: message\ndata: {message}\n\n")).collect();
    reply(200, "text/event-stream", frames)
}

/// A stream that goes on for as long as the client reads it.
pub fn endless(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    use futures_util::StreamExt;
    reply(200, "text/event-stream", Body::from_stream(frames.map(Ok::<_, Infallible>)))
}

/// The part of the newer protocol around `tools/list` and `tools/call`.
pub fn modern(request: &Request, tools: &Value, call: impl Fn(&Request) -> Response) -> Response {
    match request.message["method"].as_str().unwrap_or_default() {
        "server/discover" => message(&request.result(json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0,
            "cacheScope": "private",
            "capabilities": { "tools": {} },
        }))),
        "tools/list" => {
            message(&request.result(json!({ "resultType": "complete", "tools": tools })))
        }
        "tools/call" => call(request),
        _ => reply(404, "application/json", refusal(request.id(), -32601)),
    }
}

/// The same of the older protocol, with the session of this name.
pub fn legacy(
    request: &Request,
    session: &str,
    tools: &Value,
    call: impl Fn(&Request) -> Response,
) -> Response {
    let method = request.message["method"].as_str().unwrap_or_default();
    if method == "initialize" {
        let result = json!({
            "protocolVersion": request.message["params"]["protocolVersion"],
            "capabilities": { "tools": {} }, "serverInfo": { "name": "old", "version": "1" },
        });
        let mut response = message(&request.result(result));
        response.headers_mut().insert("mcp-session-id", session.parse().unwrap());
        return response;
    }
    if request.method == Method::DELETE {
        return status(200);
    }
    if request.header("mcp-session-id") != Some(session) {
        let problem = "Bad Request: No valid session ID provided";
        let body = json!({ "jsonrpc": "2.0", "error": { "code": -32000, "message": problem } });
        return reply(400, "application/json", body.to_string());
    }
    match method {
        "tools/list" => message(&request.result(json!({ "tools": tools }))),
        "tools/call" => call(request),
        _ => status(202),
    }
}

pub fn status(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    Response::builder().status(status).body(Body::empty()).unwrap()
}

pub fn refusal(id: &Value, code: i32) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": "no" } }).to_string()
}

/// Tools of these names that take anything.
pub fn tools(names: &[&str]) -> Value {
    let tool = |name: &&str| json!({ "name": name, "inputSchema": { "type": "object" } });
    names.iter().map(tool).collect()
}

/// A result of one text.
pub fn text(request: &Request, text: &str) -> Value {
    let content = json!([{ "type": "text", "text": text }]);
    request.result(json!({ "resultType": "complete", "content": content }))
}
