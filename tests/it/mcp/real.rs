//! Servers of others, where `.ci/mcp-servers` has installed them.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chat_backend::agent::tools::source::Outcome;
use serde_json::json;

use super::caller::{Caller, failure, output, source};

/// The folder that `.ci/mcp-servers` names. Without it the tests say that they are left out.
fn servers() -> Option<PathBuf> {
    let folder = std::env::var_os("MCP_SERVERS").map(PathBuf::from);
    if folder.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let _ = writeln!(std::io::stderr(), "skipped: {test} needs .ci/mcp-servers");
    }
    folder
}

/// A process that ends when this is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn start(mut command: Command, port: u16) -> Process {
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let process = Process(process);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    process
}

fn everything(port: u16) -> Option<Command> {
    let program = servers()?.join("node_modules/.bin/mcp-server-everything");
    let mut command = Command::new(program);
    command.arg("streamableHttp").env("PORT", port.to_string());
    Some(command)
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/mcp")
}

#[tokio::test]
async fn server_everything() {
    let port = free_port();
    let Some(command) = everything(port) else { return };
    let process = start(command, port).await;
    let (source, caller) = (source(&url(port), "trusted = true"), Caller::new());
    assert!(caller.list(&source).await.unwrap().len() >= 13);
    let echo = caller.call(&source, "echo", json!({ "message": "hi" })).await;
    assert_eq!(output(&echo), "Echo: hi");
    let image = caller.call(&source, "get-tiny-image", json!({})).await;
    assert!(matches!(&image, Outcome::Ok { files, .. } if files.len() == 1), "{image:?}");
    let weather = caller.call(&source, "get-structured-content", json!({ "location": "Chicago" }));
    assert!(output(&weather.await)["temperature"].is_number());
    let long = json!({ "duration": 1, "steps": 4 });
    output(&caller.call(&source, "trigger-long-running-operation", long).await);
    assert!(!caller.progress.lock().unwrap().is_empty());

    // It answers an unknown session with 400 and without an id.
    drop(process);
    failure(caller.call(&source, "echo", json!({})).await);
    let _process = start(everything(port).unwrap(), port).await;
    let echo = caller.call(&source, "echo", json!({ "message": "again" })).await;
    assert_eq!(output(&echo), "Echo: again");
}

#[tokio::test]
async fn fastmcp() {
    let port = free_port();
    let Some(folder) = servers() else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/.ci/mcp/shop.py");
    let mut command = Command::new(folder.join("python/bin/python"));
    command.args([script, &port.to_string()]).current_dir(&folder);
    let _process = start(command, port).await;
    let (source, caller) = (source(&url(port), ""), Caller::new());
    assert_eq!(caller.list(&source).await.unwrap().len(), 6);
    let order = caller.call(&source, "find_order", json!({ "id": 5 })).await;
    assert_eq!(output(&order)["total"], 12.5);
    let picture = caller.call(&source, "picture", json!({})).await;
    assert!(matches!(&picture, Outcome::Ok { files, .. } if files.len() == 2), "{picture:?}");
    let ask = caller.call(&source, "ask", json!({})).await;
    assert!(matches!(&ask, Outcome::Refused(_)), "{ask:?}");
    let (sentence, _) = failure(caller.call(&source, "big", json!({ "mib": 5 })).await);
    assert!(sentence.contains("too much"), "{sentence}");
    assert_eq!(
        output(&caller.call(&source, "slow", json!({ "seconds": 1 })).await)["result"],
        "done"
    );
    assert!(caller.progress.lock().unwrap().len() > 2);

    // Leaving is a cancellation.
    let slow = caller.call(&source, "slow", json!({ "seconds": 30 }));
    assert!(tokio::time::timeout(Duration::from_secs(1), slow).await.is_err());
    while !folder.join("cancelled.txt").exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    std::fs::remove_file(folder.join("cancelled.txt")).unwrap();
}

/// The client that the conformance suite starts, with the address of its server.
#[tokio::test]
async fn conformance_client() {
    #[expect(clippy::disallowed_methods, reason = "settings of the tests, not of the server")]
    let Ok(url) = std::env::var("MCP_CONFORMANCE_URL") else { return };
    let (source, caller) = (source(&url, ""), Caller::new());
    let tools = caller.list(&source).await.unwrap();
    let arguments = |name: &str| match name {
        "add_numbers" => json!({ "a": 2, "b": 3 }),
        _ => json!({}),
    };
    for tool in tools {
        output(&caller.call(&source, &tool.name, arguments(&tool.name)).await);
    }
}
