//! Projects that sign with a legacy secret, and what Auth is asked about their tokens.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::support::{FakeSupabase, Key, Outcome, Project, REQUEST_TIMEOUT_MS, TestApp, project};

#[tokio::test]
async fn a_legacy_secret_verifies_hs256() {
    let supabase = FakeSupabase::start().await;
    let secret = "a-legacy-secret-of-at-least-32-bytes";
    let mut settings = supabase.settings().to_vec();
    settings.push(("SUPABASE_JWT_SECRET", secret));
    let app = TestApp::with(&settings).await;
    let project = Project { app, supabase: supabase.clone(), key: Key::hs256(secret.as_bytes()) };
    project.call_signed(&json!({})).await.expect(200);
    let forged = Key::hs256(b"another-secret-of-at-least-32-bytes!").sign(&project.claims());
    assert_eq!(project.call(&forged).await.problem(401), "token_invalid");
}

#[tokio::test]
async fn without_the_legacy_secret_auth_is_asked_once_a_minute() {
    let project = project().await;
    let user = Uuid::new_v4().to_string();
    let key = Key::hs256(b"a secret that this server does not know");
    let token = key.sign(&project.claims_with(&json!({ "sub": user })));
    project.supabase.set_auth_user(Some(&user));
    for _ in 0..3 {
        project.call(&token).await.expect(200);
    }
    assert_eq!(project.supabase.user_requests(), 1);
    project.supabase.set_auth_user(None);
    project.app.clock.advance(Duration::from_secs(60));
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
}

#[tokio::test]
async fn auth_speaks_only_for_the_user_it_names() {
    let project = project().await;
    project.supabase.set_auth_user(Some(&Uuid::new_v4().to_string()));
    let token = Key::hs256(b"unknown").sign(&project.claims());
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
}

#[tokio::test]
async fn old_and_new_keys_live_side_by_side() {
    let secret = "a-legacy-secret-of-at-least-32-bytes";
    let project = Project::with(&[("SUPABASE_JWT_SECRET", secret)]).await;
    let second = Key::es256("second");
    project.supabase.publish(&[project.key.jwk.clone(), second.jwk.clone()]);
    let legacy = Key::hs256(secret.as_bytes());
    for key in [&legacy, &project.key, &second] {
        project.call(&key.sign(&project.claims())).await.expect(200);
    }
    let old = project.token();
    project.call(&old).await.expect(200);
    project.supabase.publish(std::slice::from_ref(&second.jwk));
    project.app.clock.advance(Duration::from_secs(600));
    project.call(&second.sign(&project.claims())).await.expect(200);
    assert_eq!(project.call(&old).await.problem(401), "token_invalid");
}

#[tokio::test]
async fn auth_is_asked_once_however_many_ask() {
    let project = project().await;
    let claims = project.claims();
    project.supabase.set_auth_user(claims["sub"].as_str());
    let token = Key::hs256(b"a secret that this server does not know").sign(&claims);
    let replies = join_all((0..20).map(|_| project.call(&token))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(project.supabase.user_requests(), 1);
}

/// A project that publishes no keys: it signs with a secret.
async fn legacy_project(settings: &[(&str, &str)]) -> Project {
    let project = Project::with(settings).await;
    project.supabase.publish(&[]);
    project
}

#[tokio::test]
async fn who_waits_for_auths_word_in_vain_shares_the_failure() {
    let project = legacy_project(&[(REQUEST_TIMEOUT_MS, "300")]).await;
    let secret = Key::hs256(b"a secret that this server does not know");
    // A refusal first, so that it is known to sign with a secret.
    project.call(&secret.sign(&project.claims())).await.problem(401);
    project.supabase.always("/auth/v1/user", Outcome::Silence);
    let before = project.supabase.user_requests();
    let tokens: Vec<_> = (0..100).map(|_| secret.sign(&project.claims())).collect();
    for reply in join_all(tokens.iter().map(|token| project.call(token))).await {
        assert_eq!(reply.problem(503), "keys_unavailable");
    }
    // Those who had a turn; nobody took one after them.
    assert!(project.supabase.user_requests() - before <= 16);
}

#[tokio::test]
async fn a_refusal_of_auth_is_remembered_for_a_minute() {
    let project = legacy_project(&[]).await;
    let forged = Key::hs256(b"forged").sign(&project.claims());
    for _ in 0..3 {
        assert_eq!(project.call(&forged).await.problem(401), "token_invalid");
    }
    assert_eq!(project.supabase.user_requests(), 1);
    project.app.clock.advance(Duration::from_secs(60));
    assert_eq!(project.call(&forged).await.problem(401), "token_invalid");
    assert_eq!(project.supabase.user_requests(), 2);
}

#[tokio::test]
async fn a_project_with_keys_is_hardly_asked_about_secrets() {
    let project = project().await;
    let forged = Key::hs256(b"forged");
    for number in 0..50 {
        let status = project.call(&forged.sign(&project.claims())).await.status;
        assert_eq!(status, if number < 3 { 401 } else { 503 });
    }
    assert_eq!(project.supabase.user_requests(), 3);
    // One that still signs with its old secret shows that soon.
    let claims = project.claims();
    project.supabase.set_auth_user(claims["sub"].as_str());
    project.app.clock.advance(Duration::from_secs(10));
    project.call(&forged.sign(&claims)).await.expect(200);
    for second in 0..20 {
        let token =
            forged.sign(&project.claims_with(&json!({ "sub": claims["sub"], "iat": second })));
        project.call(&token).await.expect(200);
    }
}

#[tokio::test]
async fn auth_is_not_asked_about_what_is_no_user() {
    let project = project().await;
    let key = Key::hs256(b"a secret that this server does not know");
    let service = key.sign(&project.claims_with(&json!({ "role": "service_role" })));
    assert_eq!(project.call(&service).await.problem(401), "token_invalid");
    let expired = key.sign(&project.claims_with(&json!({ "exp": project.now() - 60 })));
    assert_eq!(project.call(&expired).await.problem(401), "token_expired");
    assert_eq!(project.supabase.user_requests(), 0);
}
