//! `GET /api/admin/usage`.

use reqwest::Method;
use serde_json::{Value, json};

use super::fill;
use crate::support::{TestApp, User, app, skipped_on_a_real_supabase};

/// When everything happens.
const JANUARY: &str = "from=2027-01-01&to=2027-02-01";

/// A user with this in their `app_metadata`, or what users can set themselves.
async fn user_with(app: &TestApp, name: &str, metadata: Value) -> User {
    let user = app.user(name).await;
    let path = format!("/auth/v1/admin/users/{}", user.id);
    app.as_service(Method::PUT, &path, Some(metadata)).await.expect(200);
    user.refreshed(app).await
}

async fn admin(app: &TestApp) -> User {
    user_with(app, "admin", json!({ "app_metadata": { "role": "admin" } })).await
}

#[tokio::test]
async fn administrators_see_what_all_users_have_used() {
    if skipped_on_a_real_supabase("nobody else's usage") {
        return;
    }
    let app = app().await;
    let admin = admin(&app).await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (chat, _) = fill(&alice).await;
    alice.ask(&chat, "And the Forum?").await;
    fill(&bob).await;
    let all = admin.get(&format!("/api/admin/usage?{JANUARY}")).await.expect(200);
    let mine = |user: &User| {
        let user = user.clone();
        async move {
            user.get(&format!("/api/analytics/usage?{JANUARY}")).await.expect(200)["totals"].clone()
        }
    };
    let (alices, bobs) = (mine(&alice).await, mine(&bob).await);
    for member in ["requests", "total_tokens", "input_tokens"] {
        let sum = alices[member].as_u64().unwrap() + bobs[member].as_u64().unwrap();
        assert_eq!(all["totals"][member], sum, "{member}");
    }
    let path = format!("/api/admin/usage?group_by=user&interval=month&{JANUARY}");
    let by_user = admin.get(&path).await.expect(200);
    let mut groups: Vec<_> = by_user["series"].as_array().unwrap().iter().collect();
    groups.retain(|bucket| bucket["requests"] != 0);
    let mut expected = [(&alice.id, &alices), (&bob.id, &bobs)];
    expected.sort_by_key(|(id, _)| *id);
    let found: Vec<_> =
        groups.iter().map(|bucket| (&bucket["group"], &bucket["total_tokens"])).collect();
    let expected = expected.map(|(id, totals)| (json!(id), totals["total_tokens"].clone()));
    assert_eq!(found, expected.iter().map(|(id, tokens)| (id, tokens)).collect::<Vec<_>>());
    let wrong = admin.get("/api/admin/usage?interval=hour&from=2020-01-01").await;
    assert_eq!(wrong.pointers(), ["/interval"]);
}

#[tokio::test]
async fn nobody_else_does() {
    let app = app().await;
    let path = "/api/admin/usage";
    for (name, metadata) in [
        ("plain", json!({})),
        (
            "forged",
            json!({ "user_metadata": { "role": "admin", "app_metadata": { "role": "admin" } } }),
        ),
        ("other", json!({ "app_metadata": { "role": ["admin"], "roles": "admin" } })),
        ("anonymous", json!({ "app_metadata": { "role": "Admin" } })),
    ] {
        let user = user_with(&app, name, metadata).await;
        assert_eq!(user.get(path).await.problem(403), "admin_only", "{name}");
        let arguments = json!({ "p_operator": user.id });
        let called =
            user.rest(Method::POST, "/rpc/usage_of_all_users", Some(arguments)).await.json();
        assert_eq!(called["code"], "42501", "{name}");
    }
    let admin = admin(&app).await;
    let replica = app.replica(&[("SUPABASE_SERVICE_ROLE_KEY", "")]).await;
    assert_eq!(admin.on(&replica).get(path).await.problem(503), "not_configured");
    // The token of an account that was deleted is no administrator's.
    assert_eq!(admin.delete("/api/account").await.status, 204);
    assert_eq!(admin.get(path).await.problem(401), "user_not_found");
}
