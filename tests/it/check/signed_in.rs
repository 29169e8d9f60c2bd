//! What the keys and a signed-in user see.

use serde_json::json;

use super::{REFUSED, SECRET, SERVICE, WITH_SECRET, WITH_SERVICE, check, problem, supabase};
use crate::support::{AS_USER, Key, Outcome};

#[tokio::test]
async fn a_signed_in_user_is_tried() {
    let row = || Outcome::json(200, &json!([{ "id": 1 }]));
    for (path, answer, expected) in [
        ("GET /rest/v1/messages", row(), "table messages: a signed-in user sees rows of others"),
        ("GET /rest/v1/chats", REFUSED, "table chats: a signed-in user cannot read it"),
        ("DELETE /rest/v1/files", REFUSED, "table files: a signed-in user cannot delete rows"),
        ("PATCH /rest/v1/usage_logs", row(), "table usage_logs: a signed-in user may update rows"),
        ("DELETE /rest/v1/analytics", row(), "table analytics: a signed-in user may delete rows"),
        (
            "/rest/v1/rpc/toggle_chat",
            REFUSED,
            "function toggle_chat: a signed-in user cannot call it",
        ),
        (
            "/rest/v1/rpc/describe_schema",
            row(),
            "function describe_schema: a signed-in user may call",
        ),
    ] {
        let supabase = supabase().await;
        supabase.always_as(AS_USER, path, answer);
        // What is asked first must not look like a refusal of the token.
        let problem = problem(&check(&supabase, &[WITH_SECRET]).await);
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[tokio::test]
async fn a_secret_that_postgrest_does_not_know_is_a_problem() {
    let supabase = supabase().await;
    let refused = Outcome::Recorded("postgrest/122-err-jwt-wrongsig.txt");
    supabase.always_as(AS_USER, "/rest/v1", refused);
    let problem = problem(&check(&supabase, &[WITH_SECRET]).await);
    assert!(problem.starts_with("SUPABASE_JWT_SECRET is not the project's secret"), "{problem}");

    supabase.always_as(AS_USER, "/rest/v1", Outcome::Recorded("postgrest/121-err-jwt-expired.txt"));
    let report = check(&supabase, &[WITH_SECRET]).await.to_string();
    assert!(report.contains("✗ this machine's clock differs from PostgREST's"), "{report}");
}

#[tokio::test]
async fn a_limit_of_rows_below_a_page_is_a_problem() {
    let rows = |count: usize| Outcome::json(200, &json!(vec![json!({ "id": 1 }); count]));
    for (at_once, expected) in
        [(201, None), (100, Some("PostgREST gives out no more than 100 rows"))]
    {
        let supabase = supabase().await;
        supabase.always_as(SERVICE, "/rest/v1/chats", rows(at_once));
        let report = check(&supabase, &[WITH_SERVICE]).await;
        match expected {
            Some(expected) => assert!(problem(&report).starts_with(expected), "{report}"),
            None => {
                assert!(report.to_string().contains("✓ PostgREST gives out 201 rows"), "{report}");
            }
        }
    }
}

#[tokio::test]
async fn a_service_key_that_is_refused_is_a_problem() {
    let settings = [("SUPABASE_SERVICE_ROLE_KEY", "sb_secret_old")];
    let report = check(&supabase().await, &settings).await.to_string();
    assert!(report.contains("✗ the service key is refused"), "{report}");
}

#[tokio::test]
async fn keys_in_the_wrong_place_are_noticed() {
    let key = |role| Key::hs256(SECRET.as_bytes()).sign(&json!({ "role": role }));
    let (anon, service) = (key("anon"), key("service_role"));
    for (settings, expected) in [
        (vec![("SUPABASE_ANON_KEY", "sb_secret_test")], "SUPABASE_ANON_KEY is the service key"),
        (vec![("SUPABASE_ANON_KEY", &*service)], "SUPABASE_ANON_KEY is the service key"),
        (
            vec![("SUPABASE_ANON_KEY", &*anon), ("SUPABASE_JWT_SECRET", "another")],
            "SUPABASE_JWT_SECRET is not the secret that signed the anon key",
        ),
    ] {
        let problem = problem(&check(&supabase().await, &settings).await);
        assert!(problem.starts_with(expected), "{problem}");
    }
    let fits = [("SUPABASE_ANON_KEY", &*anon), WITH_SECRET];
    let report = check(&supabase().await, &fits).await;
    assert_eq!(report.problems(), 0, "{report}");
}

#[tokio::test]
async fn an_issuer_that_is_not_expected_is_noticed() {
    let supabase = supabase().await;
    let configuration = json!({ "issuer": "https://chat.example.com/auth/v1" });
    let path = "/auth/v1/.well-known/openid-configuration";
    supabase.always(path, Outcome::json(200, &configuration));
    let problem = problem(&check(&supabase, &[]).await);
    assert!(problem.ends_with("→ set SUPABASE_PUBLIC_URL=https://chat.example.com"), "{problem}");
    let public = [("SUPABASE_PUBLIC_URL", "https://chat.example.com")];
    assert_eq!(check(&supabase, &public).await.problems(), 0);
}
