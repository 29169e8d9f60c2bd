//! Pages of other sites whose names lead to this server (DNS rebinding).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{FakeSupabase, Reply, TestApp, app, skipped_on_a_real_supabase};

async fn ask(app: &TestApp, url: String, host: &str) -> Reply {
    Reply::send(app.http.get(url).header("host", host)).await
}

#[tokio::test]
async fn locally_only_this_machines_names_and_listed_ones_are_served() {
    if skipped_on_a_real_supabase("the local Supabase") {
        return;
    }
    let app = TestApp::with(&[("ALLOWED_HOSTS", "my.example.com")]).await;
    let alice = app.user("alice").await;
    for host in ["localhost:8000", "127.0.0.1", "[::1]:8000", "a.localhost", "my.example.com:80"] {
        let request = alice.request(reqwest::Method::GET, "/api/chats/").header("host", host);
        assert_eq!(Reply::send(request).await.status, 200, "{host}");
        let url = format!("{}/auth/v1/health", app.supabase_url);
        assert_eq!(ask(&app, url, host).await.status, 200, "{host}");
    }
    for path in ["/", "/api/chats/", "/health/live", "/openapi.json"] {
        let reply = ask(&app, format!("{}{path}", app.url), "evil.example").await;
        assert!(reply.text.contains("ALLOWED_HOSTS"), "{}", reply.text);
        assert_eq!(reply.problem(421), "host_not_allowed", "{path}");
    }
    for path in ["/", "/auth/v1/health", "/rest/v1/chats", "/storage/v1/bucket"] {
        let reply = ask(&app, format!("{}{path}", app.supabase_url), "evil.example:54321").await;
        assert_eq!(reply.status, 421, "{path}");
        assert!(reply.json()["message"].as_str().unwrap().contains("ALLOWED_HOSTS"), "{path}");
    }
}

#[tokio::test]
async fn a_missing_name_is_refused_and_that_of_http2_counts() {
    if skipped_on_a_real_supabase("the local Supabase") {
        return;
    }
    let app = app().await;
    let address = app.url.strip_prefix("http://").unwrap();
    for request in [
        "GET / HTTP/1.0\r\n\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\nconnection: close\r\n\r\n",
    ] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.split(' ').nth(1) == Some("421"), "{request}: {answer}");
    }
    // The client is led here by a name, as a browser is.
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge();
    let client = client.resolve("evil.example", address.parse().unwrap()).build().unwrap();
    let port = address.rsplit(':').next().unwrap();
    let reply = Reply::send(client.get(format!("http://evil.example:{port}/"))).await;
    assert_eq!(reply.problem(421), "host_not_allowed");
}

#[tokio::test]
async fn with_a_real_project_only_a_list_restricts() {
    let supabase = FakeSupabase::start().await;
    let project =
        [("SUPABASE_URL", supabase.url.as_str()), ("SUPABASE_ANON_KEY", "sb_publishable_x")];
    let open = TestApp::with(&project).await;
    let url = |app: &TestApp| format!("{}/health/live", app.url);
    assert_eq!(ask(&open, url(&open), "api.example.com").await.status, 200);
    let [address, key] = project;
    let listed = TestApp::with(&[address, key, ("ALLOWED_HOSTS", "api.example.com")]).await;
    assert_eq!(ask(&listed, url(&listed), "api.example.com").await.status, 200);
    assert_eq!(ask(&listed, url(&listed), "localhost").await.status, 200);
    assert_eq!(ask(&listed, url(&listed), "evil.example").await.problem(421), "host_not_allowed");
}
