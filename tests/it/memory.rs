//! What bodies and answers hold in memory, for one user and for all.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::{Reply, TestApp, User, app, skipped_on_a_real_supabase, stage};

/// A user's share of it is 1 MiB.
const BUDGET: [(&str, &str); 1] = [("MEMORY_BUDGET_BYTES", "4194304")];
const GENERATE: &str = "/api/ai/generate";

/// A request whose body never ends.
struct Unfinished(TcpStream);

impl Unfinished {
    async fn send(url: &str, path: &str, headers: &str, length: usize, body: &[u8]) -> Self {
        let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n{headers}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        Self(stream)
    }

    async fn generation(app: &TestApp, user: &User, length: usize, body: &[u8]) -> Self {
        let headers = format!("authorization: Bearer {}", user.token);
        Self::send(&app.url, GENERATE, &headers, length, body).await
    }

    /// The answer that comes all the same.
    async fn answer(mut self) -> String {
        let mut answer = vec![0; 4096];
        let read = self.0.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).to_lowercase()
    }
}

#[tokio::test]
async fn a_users_bodies_have_a_share_and_leave_the_rest_to_others() {
    let app = TestApp::with(&BUDGET).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    app.holds(|bytes| bytes == 0).await;
    let unfinished = Unfinished::generation(&app, &alice, 900_000, &[b' '; 700_000]).await;
    app.holds(|bytes| bytes >= 700_000).await;

    let refused = Unfinished::generation(&app, &alice, 500_000, b"").await.answer().await;
    assert!(refused.starts_with("http/1.1 429"), "{refused}");
    assert!(refused.contains("retry-after: "), "{refused}");
    assert!(refused.contains("too_many_bytes_in_flight"), "{refused}");
    let prompt = json!({ "prompt": format!("Hello!{}", " ".repeat(100_000)) });
    bob.post(GENERATE, prompt.clone()).await.expect(200);
    alice.get("/api/chats/").await.expect(200);

    drop(unfinished);
    app.holds(|bytes| bytes == 0).await;
    alice.post(GENERATE, prompt).await.expect(200);
    app.holds(|bytes| bytes == 0).await;
}

#[tokio::test]
async fn all_bodies_together_have_a_bound_that_small_requests_pass() {
    let app = TestApp::with(&[("MEMORY_BUDGET_BYTES", "8388608")]).await;
    let mut unfinished = Vec::new();
    for name in ["ann", "ben", "cid", "dan"] {
        let user = app.user(name).await;
        let body = vec![b' '; 1_700_000];
        unfinished.push(Unfinished::generation(&app, &user, 1_800_000, &body).await);
    }
    app.holds(|bytes| bytes >= 4 * 1_700_000).await;
    let eve = app.user("eve").await;
    let refused = Unfinished::generation(&app, &eve, 1_800_000, b"").await.answer().await;
    assert!(refused.starts_with("http/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: "), "{refused}");
    assert!(refused.contains("\"overloaded\""), "{refused}");
    eve.create_chat("Small").await;
}

#[tokio::test]
async fn values_count_for_what_they_take() {
    let app = TestApp::with(&BUDGET).await;
    let alice = app.user("alice").await;
    let values = format!(r#"{{"prompt":"x","ignored":[{}0]}}"#, "[],".repeat(20_000));
    let request = alice.request(Method::POST, GENERATE).header("content-type", "application/json");
    assert_eq!(Reply::send(request.body(values)).await.problem(413), "body_too_large");
    app.holds(|bytes| bytes == 0).await;
}

/// Its rows are held as text, not as values.
#[tokio::test]
async fn a_short_answer_holds_little_while_it_is_written() {
    let stage = stage().await;
    let sender = stage.chunk_sender();
    sender.say("Hello");
    let mut stream = stage.stream(json!({ "content": "Hi" })).await;
    stream.until("text-delta").await;
    stage.app.holds(|bytes| (1..64 << 10).contains(&bytes)).await;
    sender.finish();
    stream.rest().await;
    stage.app.holds(|bytes| bytes == 0).await;
}

#[tokio::test]
async fn nothing_is_read_from_callers_without_a_token() {
    let app = app().await;
    for (path, headers) in [
        (GENERATE, ""),
        (GENERATE, "authorization: Bearer nonsense\r\nexpect: 100-continue"),
        ("/api/files/", "content-type: multipart/form-data; boundary=x"),
        ("/api/files/", "expect: 100-continue"),
    ] {
        let answer = Unfinished::send(&app.url, path, headers, 1 << 24, b"").await.answer().await;
        assert!(answer.starts_with("http/1.1 401"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn the_local_supabase_reads_little_from_strangers() {
    if skipped_on_a_real_supabase("the local one") {
        return;
    }
    let app = app().await;
    let key = format!("apikey: {}", app.anon_key);
    for path in ["/rest/v1/chats", "/auth/v1/signup", "/storage/v1/object/list/files"] {
        let headers = format!("{key}\r\nauthorization: Bearer {}", app.anon_key);
        let answer = Unfinished::send(&app.supabase_url, path, &headers, 1 << 20, b"");
        let answer = answer.await.answer().await;
        let status = if path.starts_with("/storage") { "http/1.1 400" } else { "http/1.1 413" };
        assert!(answer.starts_with(status), "{path}: {answer}");
        assert!(answer.contains("large"), "{path}: {answer}");
    }
}

/// Messages with a million letters each, oldest first.
async fn long_messages(app: &TestApp, user: &User, chat: &str, count: usize) -> Vec<String> {
    let ids: Vec<_> = (0..count).map(|_| Uuid::now_v7().to_string()).collect();
    for (index, id) in ids.iter().enumerate() {
        let text = format!("{index} {}", "ж".repeat(1_000_000));
        let row = json!({
            "id": id, "chat_id": chat, "user_id": user.id, "role": "user", "content": text,
            "parts": [{ "type": "text", "text": text }],
            "created_at": format!("2026-11-01T00:{index:02}:00Z"),
        });
        app.store("messages", &row).await;
    }
    ids
}

fn ids(rows: &Value) -> Vec<String> {
    let id = |row: &Value| row["id"].as_str().unwrap().to_owned();
    rows.as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn pages_end_by_bytes_and_go_on_without_a_gap() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Long").await;
    let stored = long_messages(&app, &alice, &chat, 3).await;
    for order in ["asc", "desc"] {
        let mut listed = Vec::new();
        let mut next = Some(format!("/api/messages/chat/{chat}?order={order}"));
        while let Some(path) = next {
            let reply = alice.get(&path).await;
            assert!(reply.text.len() <= 8 << 20, "{} bytes", reply.text.len());
            next = reply.next_page();
            let page = ids(&reply.expect(200));
            assert!(!page.is_empty());
            listed.extend(page);
        }
        if order == "desc" {
            listed.reverse();
        }
        assert_eq!(listed, stored, "{order}");
    }
    // The newest messages that a chat comes with, and the way to the others.
    let reply = alice.get(&format!("/api/chats/{chat}?include=messages")).await;
    let older = reply.next_page().unwrap();
    let newest = ids(&reply.expect(200)["messages"]);
    let mut older = ids(&alice.get(&older).await.expect(200));
    older.reverse();
    let listed = [older, newest].concat();
    assert_eq!(listed, stored[stored.len() - listed.len()..]);
    // An answer is given all the same, from the messages that fit.
    let answer = alice.ask(&chat, "How long?").await;
    assert_eq!(answer["message"]["status"], "complete");
}

#[tokio::test]
async fn a_chat_of_short_messages_leads_to_older_ones_too() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Many").await;
    for index in 0..51 {
        alice.add_message(&chat, &index.to_string()).await;
    }
    let path = format!("/api/chats/{chat}?include=messages");
    let reply = alice.get(&path).await;
    let older = reply.next_page().unwrap();
    let newest = reply.expect(200)["messages"].clone();
    assert_eq!(newest.as_array().unwrap().len(), 50);
    assert_eq!(newest[0]["content"], "1");
    let older = alice.get(&older).await.expect(200);
    assert_eq!(older.as_array().unwrap().len(), 1);
    assert_eq!(older[0]["content"], "0");
}

#[tokio::test]
async fn statistics_have_a_bound_in_all_groups() {
    let app = app().await;
    let alice = app.user("alice").await;
    let row = |model: &str| {
        json!({ "user_id": alice.id, "operation": "chat", "provider": "openai", "model": model,
            "usage_source": "reported", "status": "complete",
            "created_at": "2026-11-01T00:00:00Z" })
    };
    app.store("usage_logs", &json!([row("a"), row("b")])).await;
    // 6,000 hours.
    let hours =
        "/api/analytics/usage?interval=hour&from=2026-03-27T00:00:00Z&to=2026-12-02T00:00:00Z";
    let whole = alice.get(hours).await.expect(200);
    assert_eq!(whole["series"].as_array().unwrap().len(), 6_000);
    let refused = alice.get(&format!("{hours}&group_by=model")).await;
    assert_eq!(refused.pointers(), ["/group_by"]);
    let days = hours.replace("hour", "day");
    alice.get(&format!("{days}&group_by=model")).await.expect(200);
}
