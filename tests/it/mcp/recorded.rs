//! What real servers have answered, replayed.

use axum::response::Response;
use chat_backend::agent::tools::source::{Outcome, Policy};
use serde_json::{Value, json};

use super::caller::{Caller, output, source};
use super::server::{Request, Server, reply, status};

/// An exchange of a recording.
struct Exchange {
    request: Value,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

fn exchanges(file: &str) -> Vec<Exchange> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures");
    let text = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
    let exchange = |text: &str| {
        let (sent, received) = text.split_once("\n<<<\n")?;
        let (head, body) = received.split_once("\n\n")?;
        // Some heads have an empty line after the status.
        let (more, body) = match body.split_once("\n\n") {
            Some((more, body)) if !head.contains(": ") => (more, body),
            _ => ("", body),
        };
        let request = sent.lines().rev().find(|line| line.starts_with('{'))?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.chain(more.lines()).filter_map(|line| line.split_once(": "));
        let is_content = |(name, _): &(&str, &str)| {
            ["content-type", "mcp-session-id"].contains(&name.to_ascii_lowercase().as_str())
        };
        let headers = headers.filter(is_content).map(|(a, b)| (a.to_owned(), b.to_owned()));
        Some(Exchange {
            request: serde_json::from_str(request).ok()?,
            status,
            headers: headers.collect(),
            body: body.to_owned(),
        })
    };
    text.split("\n#### ").filter_map(exchange).collect()
}

/// The first recorded answer to such a request, with the ids of this one.
fn replay(exchanges: &[Exchange], request: &Request) -> Response {
    let what = |message: &Value| (message["method"].clone(), message["params"]["name"].clone());
    let found = exchanges.iter().find(|other| what(&other.request) == what(&request.message));
    let Some(found) = found else { return status(400) };
    let body: Vec<_> = found.body.lines().map(|line| renumbered(line, request)).collect();
    let mut response = reply(found.status, "text/plain", body.join("\n") + "\n\n");
    for (name, value) in &found.headers {
        let name: axum::http::HeaderName = name.parse().unwrap();
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn renumbered(line: &str, request: &Request) -> String {
    let (prefix, text) = if line.starts_with("data: ") { line.split_at(6) } else { ("", line) };
    let Ok(mut message) = serde_json::from_str::<Value>(text) else { return line.to_owned() };
    if message.get("result").is_some() {
        message["id"] = request.id().clone();
    }
    if message["method"] == "notifications/progress" {
        let token = &request.message["params"]["_meta"]["progressToken"];
        message["params"]["progressToken"] = token.clone();
    }
    format!("{prefix}{message}")
}

async fn server(file: &str) -> Server {
    let exchanges = exchanges(file);
    Server::start(move |request| replay(&exchanges, request)).await
}

#[tokio::test]
async fn a_server_of_2025_is_understood() {
    let server = server("mcp/everything-2025-06-18.txt").await;
    let (source, caller) = (source(&server.url, "trusted = true"), Caller::new());
    let tools = caller.list(&source).await.unwrap();
    assert_eq!(tools[0].name, "echo");
    assert_eq!(tools[0].title.as_deref(), Some("shop: echo"));
    assert_eq!((&tools[0].policy, tools[0].is_repeatable), (&Policy::Never, true));
    assert_eq!(tools[0].target.as_deref(), Some("127.0.0.1"));

    let echo = caller.call(&source, "echo", json!({ "message": "hi" })).await;
    assert!(output(&echo).as_str().unwrap().starts_with("Echo"), "{echo:?}");
    let weather = caller.call(&source, "get-structured-content", json!({})).await;
    assert!(output(&weather)["temperature"].is_number(), "{weather:?}");
    let image = caller.call(&source, "get-tiny-image", json!({})).await;
    // The picture is cut short in the recording.
    assert!(output(&image).as_str().unwrap().contains("[image/png that cannot be read]"));
    let links = caller.call(&source, "get-resource-links", json!({})).await;
    assert!(output(&links).as_str().unwrap().contains("[link "), "{links:?}");

    let first = &server.asked("initialize")[0];
    assert_eq!(first.message["params"]["protocolVersion"], "2025-11-25");
    assert_eq!(first.message["params"]["capabilities"], json!({}));
    let call = &server.asked("tools/call")[0];
    assert!(call.header("mcp-session-id").is_some());
    assert_eq!(call.header("mcp-protocol-version"), Some("2025-06-18"));
    assert_eq!(server.asked("server/discover").len(), 1);
}

#[tokio::test]
async fn a_server_of_2026_is_understood() {
    let server = server("mcp/fastmcp-2026-07-28.txt").await;
    let (source, caller) = (source(&server.url, ""), Caller::new());
    let tools = caller.list(&source).await.unwrap();
    assert_eq!(tools[0].policy, Policy::Always, "nobody vouches for it");
    let order = caller.call(&source, "find_order", json!({ "id": 5 })).await;
    assert_eq!(output(&order), &json!({ "id": 5, "total": 12.5, "lines": ["a", "b"] }));
    let picture = caller.call(&source, "picture", json!({})).await;
    let Outcome::Ok { files, output, .. } = picture else { panic!("{picture:?}") };
    let kinds: Vec<_> = files.iter().map(|file| file.media_type.as_str()).collect();
    assert_eq!(kinds, ["image/png", "audio/wav"]);
    assert!(output.as_str().unwrap().contains("https://example.com/a.pdf"));
    let refused = caller.call(&source, "cancel_order", json!({ "id": 404 })).await;
    assert!(matches!(&refused, Outcome::Refused(why) if why.contains("no such order")));
    caller.call(&source, "slow", json!({ "seconds": 1 })).await;
    assert!(!caller.progress.lock().unwrap().is_empty());

    let call = &server.asked("tools/call")[0];
    assert_eq!(call.header("mcp-method"), Some("tools/call"));
    assert_eq!(call.header("mcp-name"), Some("find_order"));
    assert_eq!(call.header("mcp-session-id"), None);
    assert!(server.asked("initialize").is_empty());
}
