//! Stands before Supabase and counts what passes, by path. `GET /counts` tells the counts and begins anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, header};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

#[derive(Clone)]
struct Proxy {
    upstream: Arc<str>,
    client: reqwest::Client,
    counts: Arc<Mutex<BTreeMap<String, Count>>>,
}

#[derive(Clone, Copy, Default, Serialize)]
struct Count {
    requests: usize,
    bytes_sent: usize,
    bytes_received: usize,
}

/// `upstream` is an address as `host:port`.
pub async fn run(upstream: String) {
    let client = reqwest::Client::builder().no_proxy().no_gzip().build().expect("a client");
    let proxy = Proxy { upstream: upstream.into(), client, counts: Arc::default() };
    let router = Router::new().route("/counts", get(counts)).fallback(forward).with_state(proxy);
    axum::serve(crate::listen().await, router).await.expect("served");
}

async fn counts(State(proxy): State<Proxy>) -> Json<BTreeMap<String, Count>> {
    Json(std::mem::take(&mut *proxy.counts.lock().expect("no panics")))
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let path = head.uri.path().to_owned();
    let sent = body.len();
    let url = format!("http://{}{}", proxy.upstream, head.uri);
    let request = proxy.client.request(head.method, url).headers(between(head.headers)).body(body);
    let mut answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status(), between(std::mem::take(answer.headers_mut())));
    let body = answer.bytes().await.expect("a body");
    {
        let mut counts = proxy.counts.lock().expect("no panics");
        let count = counts.entry(path).or_default();
        count.requests += 1;
        count.bytes_sent += sent;
        count.bytes_received += body.len();
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Without the headers that are about one connection.
fn between(mut headers: HeaderMap) -> HeaderMap {
    for name in
        [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH]
    {
        headers.remove(name);
    }
    headers
}
