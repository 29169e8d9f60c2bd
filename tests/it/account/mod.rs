//! A user's own data as a whole: its deletion, its export, its import. And what administrators see.

mod admin;
mod deletion;
mod export;
mod import;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Proxy, TestApp, User};

const TABLES: [&str; 6] = ["chats", "messages", "usage_logs", "analytics", "files", "script_runs"];

/// A replica whose way to Supabase can be blocked, with the service key.
async fn with_proxy(app: &TestApp) -> (TestApp, Proxy) {
    let proxy = Proxy::to(app).await;
    let settings = [
        ("SUPABASE_URL", proxy.url.as_str()),
        ("SUPABASE_PUBLIC_URL", &app.supabase_url),
        ("SUPABASE_SERVICE_ROLE_KEY", app.service_key()),
    ];
    (app.replica(&settings).await, proxy)
}

/// One of everything that a user can have. The chat, and the file.
async fn fill(user: &User) -> (String, String) {
    let chat = user.create_chat("Trip to Rome").await;
    user.ask(&chat, "Where is the Colosseum?").await;
    let file = user.add_file("ticket.txt", "text/plain", "Seat 12").await;
    let event = json!({ "name": "opened", "chat_id": chat });
    user.post("/api/analytics/events", event).await.expect(201);
    let run = json!({ "user_id": user.id, "language": "javascript", "code": "1 + 1", "status": "ok",
        "duration_ms": 1 });
    user.rest(Method::POST, "/script_runs", Some(run)).await.expect(201);
    (chat, file["id"].as_str().unwrap().to_owned())
}

/// How many rows there are of a user in each table, as the service key sees them.
async fn rows(app: &TestApp, user: &User) -> Vec<usize> {
    let mut counts = Vec::new();
    for table in TABLES {
        let path = format!("/rest/v1/{table}?select=id&user_id=eq.{}", user.id);
        let rows = app.as_service(Method::GET, &path, None).await.expect(200);
        counts.push(rows.as_array().unwrap().len());
    }
    counts
}

/// The names in a user's folder of Storage, as the service key sees them.
async fn objects(app: &TestApp, user: &User) -> Vec<String> {
    let list = json!({ "prefix": user.id, "limit": 1000 });
    let path = "/storage/v1/object/list/files";
    let objects = app.as_service(Method::POST, path, Some(list)).await.expect(200);
    let name = |object: &Value| object["name"].as_str().unwrap().to_owned();
    objects.as_array().unwrap().iter().map(name).collect()
}

/// Whether Auth knows the user.
async fn is_known(app: &TestApp, user: &User) -> bool {
    let path = format!("/auth/v1/admin/users/{}", user.id);
    app.as_service(Method::GET, &path, None).await.status == 200
}
