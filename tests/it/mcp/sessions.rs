//! Connections: whose they are, how they end, and what goes over them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use chat_backend::agent::tools::source::Outcome;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::caller::{Caller, failure, output, source};
use super::server::{
    Request, Server, endless, legacy, message, modern, reply, status, stream, text, tools,
};

#[tokio::test]
async fn a_session_is_one_users_and_outlives_a_restart_of_the_server() {
    let restarts = Arc::new(AtomicUsize::new(0));
    let (seen, sessions) = (restarts.clone(), AtomicUsize::new(0));
    let server = Server::start(move |request| {
        let era = seen.load(Ordering::Relaxed);
        if request.asks("server/discover") {
            return status(404);
        }
        if request.asks("initialize") {
            let name = format!("{era}-{}", sessions.fetch_add(1, Ordering::Relaxed));
            return legacy(request, &name, &json!([]), |_| status(500));
        }
        // Sessions of an earlier era are not known any more.
        let session = request.header("mcp-session-id").unwrap_or_default().to_owned();
        let known = if session.starts_with(&era.to_string()) { session.as_str() } else { "" };
        legacy(request, known, &json!([]), |request| message(&text(request, &session)))
    })
    .await;
    let source = source(&server.url, "");
    let (anna, bert) = (Caller::new(), Caller::new());
    let session = async |caller: &Caller| {
        output(&caller.call(&source, "who", json!({})).await).as_str().unwrap().to_owned()
    };
    let (first, other) = (session(&anna).await, session(&bert).await);
    assert_ne!(first, other);
    assert_eq!(session(&anna).await, first);
    restarts.store(1, Ordering::Relaxed);
    let renewed = session(&anna).await;
    assert!(renewed.starts_with("1-"), "{renewed}");
    assert_eq!(session(&anna).await, renewed);
}

#[tokio::test]
async fn a_server_that_answers_the_newer_question_with_anything_is_an_older_one() {
    for answer in [json!({}), json!({ "capabilities": { "tools": {} } })] {
        let server = Server::start(move |request| match request.asks("server/discover") {
            true => message(&request.result(answer.clone())),
            false => legacy(request, "s", &tools(&["a"]), |request| message(&text(request, "old"))),
        })
        .await;
        let (source, caller) = (source(&server.url, ""), Caller::new());
        assert_eq!(caller.list(&source).await.unwrap().len(), 1);
        assert_eq!(output(&caller.call(&source, "a", json!({})).await), "old");
        assert_eq!(server.asked("initialize").len(), 1);
    }
}

#[tokio::test]
async fn a_session_that_is_never_accepted_is_an_error_at_once() {
    let server = Server::start(|request| {
        let session = if request.asks("initialize") { "mine" } else { "another" };
        match request.asks("server/discover") {
            true => status(400),
            false if request.asks("notifications/initialized") => status(202),
            false => legacy(request, session, &json!([]), |_| status(500)),
        }
    })
    .await;
    let source = source(&server.url, "");
    let (sentence, may_have_happened) = failure(Caller::new().call(&source, "x", json!({})).await);
    assert_eq!(sentence, "shop does not accept this server's session.");
    assert!(!may_have_happened);
    assert_eq!(server.asked("tools/call").len(), 2, "once more in a new session");
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_as_the_protocol_wants_it() {
    for is_modern in [true, false] {
        let (gone, mut is_gone) = mpsc::unbounded_channel();
        let (began, mut has_started) = mpsc::unbounded_channel();
        let server = Server::start(move |request| {
            let call = |_: &Request| {
                let _ = began.send(());
                let alive = Guard(gone.clone());
                endless(futures_util::stream::pending::<Bytes>().map(move |bytes| {
                    let _ = &alive;
                    bytes
                }))
            };
            match is_modern {
                true => modern(request, &json!([]), call),
                false if request.asks("server/discover") => status(405),
                false => legacy(request, "s", &json!([]), call),
            }
        })
        .await;
        let source = source(&server.url, "");
        let caller = Caller::new();
        tokio::select! {
            outcome = caller.call(&source, "x", json!({})) => panic!("{outcome:?}"),
            _ = has_started.recv() => {}
        }
        is_gone.recv().await;
        let cancelled = server.asked("notifications/cancelled");
        assert_eq!(cancelled.len(), usize::from(!is_modern));
        if let Some(cancelled) = cancelled.first() {
            let call = &server.asked("tools/call")[0];
            assert_eq!(&cancelled.message["params"]["requestId"], call.id());
        }
    }
}

/// Tells when the client has closed a stream.
struct Guard(mpsc::UnboundedSender<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn questions_of_the_server_are_answered_at_once() {
    let (replies, received) = (Arc::new(tokio::sync::Notify::new()), Arc::new(AtomicUsize::new(0)));
    let (notify, count) = (replies.clone(), received.clone());
    let server = Server::start(move |request| {
        if request.asks("server/discover") {
            return status(400);
        }
        if request.message.get("method").is_none() && !request.message.is_null() {
            if count.fetch_add(1, Ordering::Relaxed) + 1 == 4 {
                notify.notify_one();
            }
            return status(202);
        }
        let waits = replies.clone();
        legacy(request, "s", &json!([]), move |request| {
            let questions: String =
                ["ping", "roots/list", "sampling/createMessage", "elicitation/create"]
                    .iter()
                    .enumerate()
                    .map(|(id, method)| {
                        let question = json!({ "jsonrpc": "2.0", "id": id, "method": method,
                    "params": { "messages": [], "maxTokens": 1, "message": "?",
                        "requestedSchema": { "type": "object", "properties": {} } } });
                        format!("data: {question}\n\n")
                    })
                    .collect();
            let (waits, end) = (waits.clone(), text(request, "done"));
            let questions = futures_util::stream::once(async move { Bytes::from(questions) });
            let end = futures_util::stream::once(async move {
                waits.notified().await;
                Bytes::from(format!("data: {end}\n\n"))
            });
            endless(questions.chain(end))
        })
    })
    .await;
    let source = source(&server.url, "");
    let outcome = Caller::new().call(&source, "x", json!({})).await;
    assert_eq!(output(&outcome), "done");
    let reply = |id: i32| -> Value {
        let replies = server.received().into_iter().map(|request| request.message);
        replies
            .filter(|reply| reply.get("method").is_none())
            .find(|reply| reply["id"] == id)
            .unwrap()
    };
    assert_eq!(reply(0)["result"], json!({}));
    assert_eq!(reply(1)["error"]["code"], -32601);
    assert_eq!(reply(2)["error"]["code"], -32601);
    assert_eq!(reply(3)["result"]["action"], "decline");
}

#[tokio::test]
async fn only_what_the_file_says_is_sent_and_a_secret_never_comes_back() {
    let server = Server::start(|request| {
        modern(request, &tools(&["leak"]), |request| {
            let all = format!("{:?}", request.headers);
            message(&text(request, &all))
        })
    })
    .await;
    let caller = Caller::new();
    let secret = "auth = { kind = \"secret\", header = \"X-Key\", value = \"Key ${KEY}\" }";
    for (auth, header, value) in [
        ("", "authorization", None),
        ("auth = { kind = \"user\" }", "authorization", Some(format!("Bearer {}", caller.token()))),
        (secret, "x-key", Some("Key s3cret-key".to_owned())),
    ] {
        let source = source(&server.url, auth);
        let outcome = caller.call(&source, "leak", json!({})).await;
        let call = server.asked("tools/call").pop().unwrap();
        assert_eq!(call.header(header), value.as_deref());
        let shown = output(&outcome).to_string();
        assert!(!shown.contains("s3cret-key") && !shown.contains(&caller.token()), "{shown}");
    }
}

#[tokio::test]
async fn a_listing_is_kept_for_all_whom_the_server_cannot_tell_apart() {
    let server =
        Server::start(|request| modern(request, &tools(&["a", "b"]), |_| status(500))).await;
    let everybody = source(&server.url, "roles = [\"staff\"]\ntools = [\"b\"]");
    let (anna, bert) = (Caller::new(), Caller::new());
    assert_eq!(anna.list(&everybody).await.unwrap(), []);
    for caller in [&anna, &bert] {
        assert_eq!(caller.list_as(&everybody, Some("staff")).await.unwrap().len(), 1);
    }
    assert_eq!(server.asked("tools/list").len(), 1);
    let own = source(&server.url, "auth = { kind = \"user\" }");
    tokio::join!(async { anna.list(&own).await.unwrap() }, async {
        anna.list(&own).await.unwrap()
    });
    bert.list(&own).await.unwrap();
    assert_eq!(server.asked("tools/list").len(), 3);
}

#[tokio::test]
async fn arguments_that_belong_into_headers_are_there_in_a_new_session_too() {
    let schema = json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" } } });
    let tools = json!([{ "name": "x", "inputSchema": schema }]);
    let server = Server::start(move |request| {
        modern(request, &tools, |request| message(&text(request, "ok")))
    })
    .await;
    let source = source(&server.url, "");
    let (anna, bert) = (Caller::new(), Caller::new());
    anna.list(&source).await.unwrap();
    bert.call(&source, "x", json!({ "region": "eu" })).await;
    assert_eq!(server.asked("tools/call")[0].header("mcp-param-region"), Some("eu"));
}

#[tokio::test]
async fn what_the_protocol_refuses_has_not_happened() {
    let server = Server::start(|request| {
        modern(request, &json!([]), |request| {
            let tool = request.message["params"]["name"].as_str().unwrap();
            match tool.parse::<i32>() {
                Ok(status) if status > 0 => {
                    reply(status.unsigned_abs() as u16, "text/html", "<p>no")
                }
                Ok(code) => {
                    reply(400, "application/json", super::server::refusal(request.id(), code))
                }
                Err(_) => stream(&[text(request, "late")]),
            }
        })
    })
    .await;
    let (source, caller) = (source(&server.url, ""), Caller::new());
    for (tool, happened) in [
        ("400", false),
        ("401", false),
        ("403", false),
        ("404", false),
        ("307", false),
        ("429", false),
        ("500", true),
        ("503", true),
        ("-32602", false),
        ("-32601", false),
        ("-32603", true),
    ] {
        let (sentence, may_have_happened) = failure(caller.call(&source, tool, json!({})).await);
        assert_eq!(may_have_happened, happened, "{tool}: {sentence}");
    }
    let asks = caller.call(&source, "-32021", json!({})).await;
    assert!(matches!(asks, Outcome::Refused(_)), "{asks:?}");
    drop(server);
    let nobody = super::caller::source("http://127.0.0.1:9/mcp", "");
    let (sentence, may_have_happened) = failure(caller.call(&nobody, "x", json!({})).await);
    assert_eq!((sentence.as_str(), may_have_happened), ("shop cannot be reached.", false));
}
