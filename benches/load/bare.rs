//! Passes a list or a stream on as it is: axum, one request by reqwest, and nothing else. What a server of these two
//! costs before it does anything of its own.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use reqwest::Url;

#[derive(Clone)]
struct Proxy {
    upstream: Url,
    client: reqwest::Client,
}

/// A `GET` is passed on as a list, a `POST` as a stream.
pub async fn run(upstream: String) {
    // As the server does it.
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(600))
        .no_proxy()
        .no_gzip()
        .build()
        .expect("a client");
    let proxy = Proxy { upstream: upstream.parse().expect("an address"), client };
    let router = Router::new().fallback(get(list).post(stream)).with_state(proxy);
    axum::serve(crate::listen().await, router).await.expect("served");
}

async fn list(State(proxy): State<Proxy>, request: Request) -> Response {
    let token = request.headers()[AUTHORIZATION].clone();
    let asked = proxy.client.get(proxy.upstream).header(ACCEPT, "application/json");
    let asked = asked.header("apikey", "sb_publishable_local").header(AUTHORIZATION, token);
    let answer = asked.send().await.expect("an answer");
    let body = Body::from(answer.bytes().await.expect("a body"));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

async fn stream(State(proxy): State<Proxy>, body: Bytes) -> Response {
    let asked =
        proxy.client.post(proxy.upstream).header(CONTENT_TYPE, "application/json").body(body);
    let answer = asked.send().await.expect("an answer");
    let body = Body::from_stream(answer.bytes_stream());
    ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
}
