//! Servers that lie and flood.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::caller::{Caller, failure, output, source};
use super::server::{Request, Server, endless, message, modern, reply, status, stream, text};

fn progress(request: &Request, progress: usize) -> Value {
    let token = &request.message["params"]["_meta"]["progressToken"];
    let params = json!({ "progressToken": token, "progress": progress });
    json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params })
}

#[tokio::test]
async fn what_is_too_long_or_is_no_answer_ends_the_call() {
    let server = Server::start(|request| {
        modern(request, &json!([]), |request| {
            let mib = |count: usize| "x".repeat(count << 20);
            match request.message["params"]["name"].as_str().unwrap() {
                "json" => message(&text(request, &mib(5))),
                "event" => stream(&[text(request, &mib(5))]),
                "stream" => {
                    let noise =
                        |n| json!({ "jsonrpc": "2.0", "method": "n", "params": { "n": n } });
                    let mut events: Vec<_> = (0..3).map(|_| noise(mib(3))).collect();
                    events.push(text(request, "too late"));
                    stream(&events)
                }
                "flood" => {
                    let mut events: Vec<_> = (0..1_001).map(|n| progress(request, n)).collect();
                    events.push(text(request, "too late"));
                    stream(&events)
                }
                "endless" => {
                    let line = Bytes::from(vec![b'x'; 1 << 20]);
                    endless(futures_util::stream::repeat(line))
                }
                "another" => {
                    let mut answer = text(request, "to somebody else");
                    answer["id"] = json!(4_711);
                    message(&answer)
                }
                "nothing" => status(202),
                "ends" => stream(&[progress(request, 1)]),
                "html" => reply(200, "text/html", "<h1>Welcome</h1>"),
                "both" => {
                    let mut answer = text(request, "yes");
                    answer["error"] = json!({ "code": 1, "message": "no" });
                    message(&answer)
                }
                "task" => message(&request.result(json!({ "resultType": "task", "taskId": "1" }))),
                _ => unreachable!(),
            }
        })
    })
    .await;
    let (source, caller) = (source(&server.url, ""), Caller::new());
    for (tool, words) in [
        ("json", "answered with too much"),
        ("event", "answered with too much"),
        ("stream", "answered with too much"),
        ("flood", "answered with too much"),
        ("endless", "answered with too much"),
        ("another", "answered with something unreadable"),
        ("nothing", "answered with something unreadable"),
        ("ends", "broke the connection"),
        ("html", "answered with something unreadable"),
        ("task", "answers in a way"),
    ] {
        let (sentence, may_have_happened) = failure(caller.call(&source, tool, json!({})).await);
        assert!(sentence.contains(words) && may_have_happened, "{tool}: {sentence}");
    }
    // Either is right; waiting would not be.
    caller.call(&source, "both", json!({})).await;
}

#[tokio::test]
async fn a_list_without_end_has_one() {
    for (kind, pages, count) in
        [("endless", 64, 64), ("same", 2, 2), ("empty", 2, 2), ("crowd", 1, 512)]
    {
        let asked = Arc::new(AtomicUsize::new(0));
        let page = asked.clone();
        let server = Server::start(move |request| {
            if !request.asks("tools/list") {
                return modern(request, &json!([]), |_| status(500));
            }
            let page = page.fetch_add(1, Ordering::Relaxed);
            let size = if kind == "crowd" { 5_000 } else { 1 };
            let tool = |n| json!({ "name": format!("t{page}-{n}"), "inputSchema": {} });
            let next = match kind {
                "endless" => format!("{page}"),
                "same" => "again".into(),
                _ => String::new(),
            };
            let tools: Vec<_> = (0..size).map(tool).collect();
            message(&request.result(
                json!({ "resultType": "complete", "tools": tools, "nextCursor": next, "ttlMs": 0 }),
            ))
        })
        .await;
        let tools = Caller::new().list(&source(&server.url, "")).await.unwrap();
        assert_eq!((asked.load(Ordering::Relaxed), tools.len()), (pages, count), "{kind}");
    }
}

#[tokio::test]
async fn what_is_broken_in_a_list_is_left_out() {
    let tools = json!([
        { "name": "good", "inputSchema": { "type": "object" }, "description": "d" },
        { "name": "no schema" }, { "name": 7, "inputSchema": {} }, "nonsense", null,
        { "name": "true", "inputSchema": true },
        { "name": "../x", "inputSchema": { "$ref": "http://169.254.169.254/" } },
    ]);
    let server = Server::start(move |request| modern(request, &tools, |_| status(500))).await;
    let tools = Caller::new().list(&source(&server.url, "")).await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_str()).collect();
    // The reference is refused where schemas are made plain, and never followed.
    assert_eq!(names, ["good", "../x"]);
}

#[tokio::test]
async fn a_redirect_takes_no_token_with_it() {
    let other = Server::start(|_| status(200)).await;
    let target = other.url.clone();
    let server = Server::start(move |request| {
        modern(request, &json!([]), |_| {
            let mut response = status(307);
            response.headers_mut().insert("location", target.parse().unwrap());
            response
        })
    })
    .await;
    let source = source(&server.url, "auth = { kind = \"user\" }");
    let (sentence, _) = failure(Caller::new().call(&source, "x", json!({})).await);
    assert_eq!(sentence, "shop refused with HTTP status 307.");
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn progress_goes_forward() {
    let server = Server::start(|request| {
        modern(request, &json!([]), |request| {
            let steps = [1, 5, 3, 9].map(|step| progress(request, step));
            let steps = futures_util::stream::iter(steps.map(|step| format!("data: {step}\n\n")));
            let end = format!("data: {}\n\n", text(request, "done"));
            endless(steps.chain(futures_util::stream::iter([end])).map(Bytes::from))
        })
    })
    .await;
    let (source, caller) = (source(&server.url, ""), Caller::new());
    assert_eq!(output(&caller.call(&source, "x", json!({})).await), "done");
    let shown: Vec<_> = caller.progress.lock().unwrap().iter().map(|step| step.progress).collect();
    assert!(shown.is_sorted() && !shown.is_empty(), "{shown:?}");
}
