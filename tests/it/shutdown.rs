//! The end of the process.

#![cfg(unix)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{Program, until};

/// Well below the grace of these tests and above what anything takes here, in seconds.
const SOON: u64 = 60;

async fn answer(program: &Program) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let signup = client.post(format!("{}/auth/v1/signup", program.supabase_url));
    let signup = signup.header("apikey", "sb_publishable_local").json(&json!({})).send();
    let session: Value = signup.await.unwrap().json().await.unwrap();
    let request = client.post(format!("{}/api/ai/generate", program.url));
    let request = request.bearer_auth(session["access_token"].as_str().unwrap());
    request.json(&json!({ "prompt": "/slow 5000", "stream": true })).send().await.unwrap()
}

/// Starts a server with an answer that runs for long, and asks it to stop.
async fn stopping() -> (Program, reqwest::Response) {
    let settings = [("SHUTDOWN_GRACE_S", "600"), ("GENERATION_TIMEOUT_S", "6000")];
    let program = Program::start(&settings);
    let running = answer(&program).await;
    assert_eq!(running.status(), 200);
    program.signal("TERM");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = format!("{}/health/ready", program.url);
    let is_stopping = async || client.get(&ready).send().await.unwrap().status() == 503;
    until("it is not ready any more", is_stopping).await;
    (program, running)
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let (mut program, _running) = stopping().await;
    let started = Instant::now();
    program.signal("TERM");
    assert!(!program.wait_for_exit().success());
    assert!(started.elapsed().as_secs() < SOON);
    assert!(program.log().contains("stopped at once"), "{}", program.log());
}

#[tokio::test]
async fn the_end_comes_in_time_whoever_hangs_on() {
    let mut program = Program::start(&[("SHUTDOWN_GRACE_S", "0")]);
    let address = program.url.strip_prefix("http://").unwrap().to_owned();
    let local = program.supabase_url.strip_prefix("http://").unwrap().to_owned();
    let silent = [&address, &local].map(|address| TcpStream::connect(address).unwrap());
    let mut unfinished = TcpStream::connect(&local).unwrap();
    let head = "POST /rest/v1/chats HTTP/1.1\r\nhost: localhost\r\napikey: sb_publishable_local\r\n\
                content-length: 100\r\n\r\n";
    unfinished.write_all(head.as_bytes()).unwrap();
    let mut running = answer(&program).await;
    running.chunk().await.unwrap();
    let started = Instant::now();
    program.signal("INT");
    assert!(program.wait_for_exit().success(), "{}", program.log());
    assert!(started.elapsed().as_secs() < SOON);
    assert!(program.log().contains("stopped"), "{}", program.log());
    for mut connection in silent.into_iter().chain([unfinished]) {
        let _ = connection.read(&mut [0]);
    }
}
