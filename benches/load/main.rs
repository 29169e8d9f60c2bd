//! What the measurements need beside the server, in one program: clients that cost little, a model's
//! provider, and stand-ins for PostgREST. `benches/run.py` runs it; a command's settings are JSON on
//! standard input, what it has measured is JSON on standard output.
//!
//! - `requests`: sends requests one after another over some connections, for some time.
//! - `streams`: opens many streams at once and reads them to their end, or holds them open.
//! - `provider`: a Chat Completions server that streams as the prompt says.
//! - `provider_tls`: the same on HTTP/2.
//! - `keys`: a project that publishes signing keys and hands out tokens.
//! - `upstream`: answers every request with a page of chats, as fast as a server can.
//! - `proxy`: counts the requests and bytes that pass through it.
//! - `bare`: passes one request on, with axum and reqwest and nothing else.
//! - `relay`: passes bytes on, with tokio and nothing else.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it has measured")]

mod bare;
mod connection;
mod job;
mod keys;
mod provider;
mod provider_tls;
mod proxy;
mod relay;
mod requests;
mod spread;
mod streams;
mod upstream;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("requests") => requests::run(job::read()).await,
        Some("streams") => streams::run(job::read()).await,
        Some("provider") => provider::run().await,
        Some("provider_tls") => provider_tls::run(&argument(2), &argument(3)).await,
        Some("keys") => keys::run().await,
        Some("upstream") => upstream::run().await,
        Some("proxy") => proxy::run(argument(2)).await,
        Some("bare") => bare::run(argument(2)).await,
        Some("relay") => relay::run(argument(2)).await,
        _ => println!("The measurements are run by: python3 benches/run.py"),
    }
}

fn argument(number: usize) -> String {
    std::env::args().nth(number).expect("another argument")
}

/// Prints a line at once.
fn print(value: &serde_json::Value) {
    use std::io::Write;
    println!("{value}");
    std::io::stdout().flush().expect("somebody who reads");
}

/// Listens on a port of the system's choice, and prints the address.
async fn listen() -> tokio::net::TcpListener {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    print(&serde_json::json!({ "address": address }));
    listener
}
