//! Whether `/health` tells the truth in every fault.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Key, Outcome, Project, REQUEST_TIMEOUT_MS, project};

/// The statuses of the parts, and whether it is ready.
async fn health(project: &Project) -> (String, [String; 4], bool) {
    project.app.clock.advance(Duration::from_secs(1));
    let reply = project.app.get("/health").await;
    let report = reply.json();
    let of = |name: &str| report["checks"][name]["status"].as_str().unwrap().to_owned();
    assert_eq!(reply.status, if report["status"] == "down" { 503 } else { 200 });
    let ready = project.app.get("/health/ready").await;
    assert!([200, 503].contains(&ready.status));
    let status = report["status"].as_str().unwrap().to_owned();
    assert_eq!(of("supabase"), status);
    (status, ["rest", "auth", "storage", "keys"].map(of), ready.status == 200)
}

fn page() -> Outcome {
    Outcome::json(200, &json!("Maintenance"))
}

#[tokio::test]
async fn health_follows_what_requests_need() {
    let project = Project::with(&[(REQUEST_TIMEOUT_MS, "300")]).await;
    let (ok, down) = ("ok", "down");
    let no_database = Outcome::error(503, "PGRST000", "no connection");
    for (path, outcome, status, parts) in [
        ("/none", Outcome::Silence, "ok", [ok, ok, ok, ok]),
        ("/auth", Outcome::Closed, "degraded", [ok, down, ok, ok]),
        ("/auth", Outcome::Silence, "degraded", [ok, down, ok, ok]),
        ("/auth", Outcome::status(502), "degraded", [ok, down, ok, ok]),
        ("/storage", Outcome::status(502), "degraded", [ok, ok, down, ok]),
        ("/storage", Outcome::Silence, "degraded", [ok, ok, down, ok]),
        ("/rest", Outcome::status(502), "down", [down, ok, ok, ok]),
        ("/rest", Outcome::Silence, "down", [down, ok, ok, ok]),
        ("/rest", no_database, "down", [down, ok, ok, ok]),
        ("/rest", Outcome::error(503, "PGRST002", "no schema"), "down", [down, ok, ok, ok]),
        ("/rest", Outcome::error(404, "PGRST205", "no table"), "down", [down, ok, ok, ok]),
        ("/rest", Outcome::error(401, "PGRST301", "bad key"), "down", [down, ok, ok, ok]),
        // A gateway that answers everything with a page of its own, or with nothing.
        ("/rest", page(), "down", [down, ok, ok, ok]),
        ("/rest", Outcome::json(200, &json!({})), "down", [down, ok, ok, ok]),
        ("/rest", Outcome::status(204), "down", [down, ok, ok, ok]),
        ("/auth", page(), "degraded", [ok, down, ok, ok]),
        ("/storage", page(), "degraded", [ok, ok, down, ok]),
        ("/", page(), "down", [down, down, down, ok]),
        ("/", Outcome::status(404), "down", [down, down, down, ok]),
        ("/", Outcome::status(401), "down", [down, down, down, ok]),
        ("/", Outcome::Silence, "down", [down, down, down, ok]),
    ] {
        project.supabase.recover();
        project.supabase.always(path, outcome);
        let found = health(&project).await;
        let parts = parts.map(str::to_owned);
        assert_eq!(found, (status.to_owned(), parts, status != "down"), "{path}");
    }
}

#[tokio::test]
async fn a_database_that_lets_strangers_read_nothing_works() {
    let project = project().await;
    for outcome in [
        Outcome::Recorded("postgrest/119-err-permission-denied-anon.txt"),
        Outcome::error(401, "42501", "permission denied for table chats"),
    ] {
        project.supabase.always("/rest", outcome);
        assert_eq!(health(&project).await.0, "ok");
    }
    // Storage's own refusals are its word as well.
    let refused = json!({ "statusCode": "403", "message": "no" });
    project.supabase.always("/storage", Outcome::json(400, &refused));
    assert_eq!(health(&project).await.0, "ok");
    let failed = json!({ "statusCode": "544", "message": "database" });
    project.supabase.always("/storage", Outcome::json(400, &failed));
    assert_eq!(health(&project).await.0, "degraded");
}

#[tokio::test]
async fn without_keys_nobody_can_be_told() {
    let project = project().await;
    project.supabase.always("/auth/v1/.well-known", Outcome::status(502));
    let (status, parts, is_ready) = health(&project).await;
    assert_eq!((&*status, is_ready), ("down", false));
    assert_eq!(parts, ["ok", "ok", "ok", "down"]);
    project.supabase.recover();
    assert_eq!(health(&project).await.0, "ok");
}

#[tokio::test]
async fn a_project_that_only_auth_can_verify_needs_auth() {
    let project = project().await;
    project.supabase.publish(&[]);
    assert_eq!(health(&project).await.0, "ok");
    project.supabase.always("/auth/v1/health", Outcome::Closed);
    assert_eq!(health(&project).await.0, "down");

    let secret =
        Project::with(&[("SUPABASE_JWT_SECRET", "a-secret-of-at-least-32-bytes-ok")]).await;
    secret.supabase.always("/auth", Outcome::Closed);
    let (status, parts, is_ready) = health(&secret).await;
    assert_eq!((&*status, is_ready, &*parts[3]), ("degraded", true, "ok"));
    let key = Key::hs256(b"a-secret-of-at-least-32-bytes-ok");
    secret.call(&key.sign(&secret.claims())).await.expect(200);
}

#[tokio::test]
async fn supabase_is_probed_once_however_many_ask() {
    let project = project().await;
    let asks = (0..50).map(|n| project.app.get(["/health", "/health/ready"][n % 2]));
    assert!(join_all(asks).await.iter().all(|reply| reply.status == 200));
    for path in ["/rest/v1/chats", "/auth/v1/health", "/storage/v1/bucket"] {
        assert_eq!(project.supabase.requests_to(path).len(), 1, "{path}");
    }
    project.app.clock.advance(Duration::from_secs(1));
    project.app.get("/health").await.expect(200);
    assert_eq!(project.supabase.requests_to("/rest/v1/chats").len(), 2);
}
