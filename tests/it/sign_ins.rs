//! What the local Supabase refuses of those who want to sign in.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::{Reply, TestApp, app, skipped_on_a_real_supabase};

#[tokio::test]
async fn a_script_cannot_sign_up_without_end() {
    if skipped_on_a_real_supabase("the local Supabase") {
        return;
    }
    let app = app().await;
    // The cheapest of those that are counted together.
    let refused = async {
        loop {
            let reply = app.auth("/recover", &json!({})).await;
            if reply.status == StatusCode::TOO_MANY_REQUESTS {
                return reply.json();
            }
        }
    };
    let patience = std::time::Duration::from_secs(60);
    let refused = tokio::time::timeout(patience, refused).await.expect("never refused");
    assert_eq!(refused["error_code"], "over_request_rate_limit");
    for (path, body) in [
        ("/signup", json!({})),
        ("/signup", json!({ "email": "al@example.com", "password": "secret123" })),
        ("/token?grant_type=password", json!({ "email": "a@example.com", "password": "wrong!" })),
    ] {
        assert_eq!(app.auth(path, &body).await.status, 429, "{path}");
    }
    // Those who are signed in go on.
    let refreshed = app.auth("/token?grant_type=refresh_token", &json!({})).await;
    assert_ne!(refreshed.status, 429);
}

#[tokio::test]
async fn anonymous_users_are_refused_where_they_are_not_wanted() {
    if skipped_on_a_real_supabase("the local Supabase") {
        return;
    }
    let app = TestApp::with(&[("ALLOW_ANONYMOUS_USERS", "false")]).await;
    let refused = app.auth("/signup", &json!({})).await.expect(422);
    assert_eq!(refused["error_code"], "anonymous_provider_disabled");
    assert_eq!(refused["msg"], "Anonymous sign-ins are disabled");
    let settings =
        Reply::send(app.http.get(format!("{}/auth/v1/settings", app.supabase_url))).await;
    assert_eq!(settings.expect(200)["external"]["anonymous_users"], false);
    app.user("alice").await;
}
