//! A server of endpoints that behave well and badly.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub async fn start() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let busy = move || {
        let asked = asked.clone();
        async move { busy(asked.fetch_add(1, Ordering::Relaxed)) }
    };
    let router = Router::new()
        .route("/echo/{*rest}", any(echo))
        .route("/functions/v1/{*rest}", any(echo))
        .route("/status/{code}", any(status))
        .route(
            "/redirect",
            get(|| async { (StatusCode::FOUND, [(header::LOCATION, "http://169.254.169.254/")]) }),
        )
        .route("/bomb", get(bomb))
        .route("/endless", get(|| async { zeros(u64::MAX) }))
        .route("/silent", get(silent))
        .route(
            "/short",
            get(|| async {
                (
                    [(header::CONTENT_LENGTH, "1000")],
                    Body::from_stream(stream::iter([Ok::<_, Infallible>("ab")])),
                )
            }),
        )
        .route(
            "/html",
            get(|| async {
                (
                    [(header::CONTENT_TYPE, "text/html"), (header::SET_COOKIE, "a=b")],
                    "<script>1</script>",
                )
            }),
        )
        .route(
            "/latin",
            get(|| async {
                ([(header::CONTENT_TYPE, "text/plain")], Bytes::from_static(b"caf\xe9\0"))
            }),
        )
        .route(
            "/picture",
            get(|| async { ([(header::CONTENT_TYPE, "image/png")], vec![0_u8; 1_234_567]) }),
        )
        .route(
            "/items",
            get(|| async {
                Json(json!({ "data": { "items": [1, 2] }, "more": "x".repeat(100_000) }))
            }),
        )
        .route(
            "/deep",
            get(|| async { ([(header::CONTENT_TYPE, "application/json")], "[".repeat(5_000)) }),
        )
        .route(
            "/long",
            get(|| async { ([(header::CONTENT_TYPE, "text/plain")], "äöü".repeat(1_000)) }),
        )
        .route("/leak", any(leak))
        .route("/busy", any(busy))
        .route(
            "/later",
            any(|| async {
                (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "86400")], "later")
            }),
        );
    tokio::spawn(async move { axum::serve(listener, router).await });
    port
}

/// What was asked.
async fn echo(request: Request) -> Json<Value> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 2 << 20).await.unwrap();
    let headers = parts.headers.iter();
    let headers: Value =
        headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    Json(json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "headers": headers,
        "body": serde_json::from_slice::<Value>(&body).ok(),
    }))
}

async fn status(Path(code): Path<u16>) -> Response {
    (StatusCode::from_u16(code).unwrap(), Json(json!({ "hint": "the date must be in the future" })))
        .into_response()
}

/// Its error shows the headers that it got, twice: plainly and as JSON does it.
async fn leak(request: Request) -> (StatusCode, Json<Value>) {
    let sent = |name| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let [key, token] = ["x-key", "authorization"].map(sent);
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        Json(json!({ "cannot": format!("use {key:?}"), "with": [token] })),
    )
}

/// Too much at first.
fn busy(before: usize) -> Response {
    match before {
        0 => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response(),
        before => Json(json!({ "asked": before + 1 })).into_response(),
    }
}

/// A gibibyte in a mebibyte: a file of a mebibyte, packed, a thousand times.
async fn bomb() -> Response {
    let packed = include_bytes!("../fixtures/zeros.gz").repeat(1_024);
    let headers = [(header::CONTENT_TYPE, "text/plain"), (header::CONTENT_ENCODING, "gzip")];
    (headers, packed).into_response()
}

async fn silent() -> Body {
    Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())
}

fn zeros(length: u64) -> Response {
    let pieces =
        (0..length / 65_536).map(|_| Ok::<_, Infallible>(Bytes::from_static(&[b'0'; 65_536])));
    let body = Body::from_stream(stream::iter(pieces));
    ([(header::CONTENT_TYPE, "text/plain")], body).into_response()
}
