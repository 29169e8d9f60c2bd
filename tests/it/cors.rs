//! Pages on other origins.

use reqwest::Method;

use crate::support::{FakeSupabase, Reply, TestApp, app, skipped_on_a_real_supabase};

async fn preflight(app: &TestApp, url: &str, origin: &str) -> Reply {
    let request = app.http.request(Method::OPTIONS, url).header("origin", origin);
    let asked = "authorization,apikey,content-type,x-client-info,prefer,x-request-id,\
                 x-stainless-lang,x-stainless-retry-count,x-run-id";
    let request = request
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", asked);
    Reply::send(request).await
}

#[tokio::test]
async fn preflights_are_answered_before_authentication() {
    let app = app().await;
    let mut listeners =
        vec![format!("{}/api/chats/", app.url), format!("{}/v1/chat/completions", app.url)];
    if !skipped_on_a_real_supabase("a local Supabase for its second half") {
        listeners.push(format!("{}/rest/v1/chats", app.supabase_url));
    }
    for url in listeners {
        let reply = preflight(&app, &url, "http://localhost:3000").await;
        assert_eq!(reply.status, 200, "{url}");
        assert_eq!(reply.header("access-control-allow-origin"), "http://localhost:3000");
        assert!(reply.header("access-control-allow-methods").contains("PATCH"));
        for name in ["authorization", "apikey", "x-client-info", "x-request-id", "x-stainless-lang"]
        {
            assert!(reply.header("access-control-allow-headers").contains(name), "{name}");
        }
    }
}

#[tokio::test]
async fn errors_carry_the_headers_too() {
    let app = app().await;
    let request = app.http.get(format!("{}/api/chats/", app.url));
    let reply = Reply::send(request.header("origin", "http://localhost:3000")).await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("access-control-allow-origin"), "http://localhost:3000");
    for name in ["link", "x-request-id", "retry-after", "location", "x-should-retry"] {
        assert!(reply.header("access-control-expose-headers").contains(name), "{name}");
    }
}

#[tokio::test]
async fn in_local_mode_any_page_of_this_machine_may_call() {
    if skipped_on_a_real_supabase("the local Supabase") {
        return;
    }
    let app = app().await;
    let url = format!("{}/api/chats/", app.url);
    for (origin, allowed) in [
        ("http://localhost:9999", true),
        ("http://127.0.0.1:4200", true),
        ("https://example.com", false),
        ("http://localhost.example.com", false),
    ] {
        let reply = preflight(&app, &url, origin).await;
        let answer = reply.header("access-control-allow-origin");
        assert_eq!(answer == origin, allowed, "{origin}");
    }
}

#[tokio::test]
async fn elsewhere_only_the_listed_pages_may_call() {
    let supabase = FakeSupabase::start().await;
    let mut settings = supabase.settings().to_vec();
    settings.push(("CORS_ORIGINS", "https://app.example.com"));
    let app = TestApp::with(&settings).await;
    let url = format!("{}/api/chats/", app.url);
    for (origin, allowed) in [("https://app.example.com", true), ("http://localhost:3000", false)] {
        let reply = preflight(&app, &url, origin).await;
        let answer = reply.header("access-control-allow-origin");
        assert_eq!(answer == origin, allowed, "{origin}");
    }
}
