//! Who is calling.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{FakeSupabase, Key, Outcome, Project, TestApp, app, project};

/// A route that needs a user.
const ROUTE: &str = "/api/chats/";

#[tokio::test]
async fn a_good_token_passes() {
    let project = project().await;
    project.call_signed(&json!({})).await.expect(200);
}

#[tokio::test]
async fn a_401_says_so_to_programs_and_people() {
    let reply = app().await.get(ROUTE).await;
    assert_eq!(reply.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    assert_eq!(reply.problem(401), "token_missing");
}

#[tokio::test]
async fn times_are_checked_with_half_a_minute_of_leeway() {
    let project = project().await;
    let now = project.now();
    project.call_signed(&json!({ "exp": now - 29 })).await.expect(200);
    let expired = project.call_signed(&json!({ "exp": now - 30 })).await;
    assert_eq!(expired.problem(401), "token_expired");
    project.call_signed(&json!({ "nbf": now + 30 })).await.expect(200);
    let early = project.call_signed(&json!({ "nbf": now + 31 })).await;
    assert_eq!(early.problem(401), "token_not_yet_valid");
    let early = project.call_signed(&json!({ "iat": now + 31 })).await;
    assert_eq!(early.problem(401), "token_not_yet_valid");
}

#[tokio::test]
async fn a_remembered_token_ends_in_time() {
    let project = project().await;
    let token = project.key.sign(&project.claims());
    project.call(&token).await.expect(200);
    project.app.clock.advance(Duration::from_secs(3600 + 29));
    project.call(&token).await.expect(200);
    project.app.clock.advance(Duration::from_secs(1));
    assert_eq!(project.call(&token).await.problem(401), "token_expired");
}

#[tokio::test]
async fn claims_of_others_are_refused() {
    let project = project().await;
    for changes in [
        json!({ "aud": "anon" }),
        json!({ "aud": null }),
        json!({ "iss": "https://elsewhere.supabase.co/auth/v1" }),
        json!({ "iss": null }),
        json!({ "sub": "alice" }),
        json!({ "sub": null }),
        json!({ "role": "anon" }),
        json!({ "role": "service_role" }),
        json!({ "exp": "tomorrow" }),
        json!({ "exp": null }),
    ] {
        assert_eq!(project.call_signed(&changes).await.problem(401), "token_invalid", "{changes}");
    }
    project.call_signed(&json!({ "aud": ["authenticated", "other"] })).await.expect(200);
}

#[tokio::test]
async fn forged_and_broken_tokens_are_refused() {
    let project = project().await;
    let claims = project.claims();
    let good = project.key.sign(&claims);
    let parts: Vec<_> = good.split('.').collect();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let public_key = project.key.jwk["x"].as_str().unwrap();
    let other_claims = encode(&project.claims());
    let tokens = [
        ("garbage", "garbage".to_owned()),
        ("three parts of garbage", "a.b.c".to_owned()),
        ("truncated", good[..good.len() - 4].to_owned()),
        ("without a signature", format!("{}.{}.", parts[0], parts[1])),
        ("other claims", format!("{}.{other_claims}.{}", parts[0], parts[2])),
        ("alg none", format!("{}.{}.", encode(&json!({ "alg": "none", "typ": "JWT" })), parts[1])),
        ("another key", Key::es256("first").sign(&claims)),
        ("an unknown key", Key::es256("second").sign(&claims)),
        ("HS256 with the public key", Key::hs256(public_key.as_bytes()).sign(&claims)),
        ("HS256 in the key's name", Key::hs256(public_key.as_bytes()).sign_as("first", &claims)),
        ("EdDSA in the key's name", Key::ed25519("first").sign(&claims)),
        ("oversized", format!("{good}{}", "A".repeat(9_000))),
    ];
    for (what, token) in tokens {
        assert_eq!(project.call(&token).await.problem(401), "token_invalid", "{what}");
    }
}

#[tokio::test]
async fn a_project_key_is_no_token() {
    let app = app().await;
    let reply = app.get_as(ROUTE, "sb_publishable_local").await;
    assert_eq!(reply.problem(401), "token_invalid");
}

#[tokio::test]
async fn every_kind_of_published_key_verifies() {
    let project = project().await;
    let keys = [Key::es256("ec"), Key::rs256("rsa"), Key::ed25519("ed")];
    project.supabase.publish(&keys.each_ref().map(|key| key.jwk.clone()));
    for key in keys {
        let reply = project.call(&key.sign(&project.claims())).await;
        assert_eq!(reply.status, 200, "{}: {}", key.kid, reply.text);
    }
}

#[tokio::test]
async fn keys_are_fetched_once_however_many_ask() {
    let project = project().await;
    let token = |_| project.key.sign(&project.claims());
    let tokens: Vec<_> = (0..20).map(token).collect();
    let replies = join_all(tokens.iter().map(|token| project.call(token))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(project.supabase.key_requests(), 1);
}

#[tokio::test]
async fn keys_are_fetched_again_after_ten_minutes() {
    let project = project().await;
    project.call_signed(&json!({})).await.expect(200);
    project.app.clock.advance(Duration::from_secs(599));
    project.call_signed(&json!({})).await.expect(200);
    assert_eq!(project.supabase.key_requests(), 1);
    project.app.clock.advance(Duration::from_secs(1));
    project.call_signed(&json!({})).await.expect(200);
    assert_eq!(project.supabase.key_requests(), 2);
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_at_most_once_in_half_a_minute() {
    let project = project().await;
    let second = Key::es256("second");
    let token = second.sign(&project.claims());
    project.call_signed(&json!({})).await.expect(200);
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
    project.supabase.publish(&[project.key.jwk.clone(), second.jwk.clone()]);
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
    assert_eq!(project.supabase.key_requests(), 1);
    project.app.clock.advance(Duration::from_secs(30));
    project.call(&token).await.expect(200);
    project.call_signed(&json!({})).await.expect(200);
    assert_eq!(project.supabase.key_requests(), 2);
}

#[tokio::test]
async fn a_token_ends_when_its_key_goes() {
    let project = project().await;
    let token = project.key.sign(&project.claims());
    project.call(&token).await.expect(200);
    project.supabase.publish(&[Key::es256("second").jwk]);
    project.app.clock.advance(Duration::from_secs(600));
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
}

#[tokio::test]
async fn old_keys_serve_while_supabase_is_down() {
    let project = project().await;
    project.call_signed(&json!({})).await.expect(200);
    project.supabase.always("/auth/v1", Outcome::status(502));
    project.app.clock.advance(Duration::from_secs(3_000));
    project.call_signed(&json!({})).await.expect(200);
}

#[tokio::test]
async fn a_new_key_that_could_not_be_fetched_is_our_fault() {
    let project = project().await;
    project.call_signed(&json!({})).await.expect(200);
    project.supabase.always("/auth/v1", Outcome::status(502));
    project.app.clock.advance(Duration::from_secs(30));
    let second = Key::es256("second");
    let token = second.sign(&project.claims());
    for retry_after in ["30", "20"] {
        let reply = project.call(&token).await;
        assert_eq!(reply.header("retry-after"), retry_after);
        assert_eq!(reply.problem(503), "keys_unavailable");
        project.call_signed(&json!({})).await.expect(200);
        project.app.clock.advance(Duration::from_secs(10));
    }
    project.supabase.recover();
    project.supabase.publish(&[project.key.jwk.clone(), second.jwk.clone()]);
    project.app.clock.advance(Duration::from_secs(10));
    project.call(&token).await.expect(200);
}

#[tokio::test]
async fn without_any_keys_it_is_our_fault_and_not_the_tokens() {
    let project = project().await;
    project.supabase.always("/auth/v1", Outcome::status(502));
    let reply = project.call_signed(&json!({})).await;
    assert_ne!(reply.header("retry-after"), "");
    assert_eq!(reply.problem(503), "keys_unavailable");
    project.supabase.recover();
    project.app.clock.advance(Duration::from_secs(1));
    project.call_signed(&json!({})).await.expect(200);
}

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
    project.supabase.vouch_for(Some(&user));
    for _ in 0..3 {
        project.call(&token).await.expect(200);
    }
    assert_eq!(project.supabase.user_requests(), 1);
    project.supabase.vouch_for(None);
    project.app.clock.advance(Duration::from_secs(60));
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
}

#[tokio::test]
async fn auth_speaks_only_for_the_user_it_names() {
    let project = project().await;
    project.supabase.vouch_for(Some(&Uuid::new_v4().to_string()));
    let token = Key::hs256(b"unknown").sign(&project.claims());
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
}

#[tokio::test]
async fn anonymous_users_pass_unless_they_are_not_welcome() {
    let welcoming = app().await;
    let guest = welcoming.anonymous_user().await;
    guest.get(ROUTE).await.expect(200);

    let strict = welcoming.replica(&[("ALLOW_ANONYMOUS_USERS", "false")]).await;
    let guest = guest.on(&strict);
    assert_eq!(guest.get(ROUTE).await.problem(403), "anonymous_not_allowed");
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
async fn a_token_that_the_database_refuses_is_doubted() {
    let project = project().await;
    let token = project.token();
    project.call(&token).await.expect(200);
    project.app.clock.advance(Duration::from_secs(30));
    let refused = Outcome::Recorded("postgrest/122-err-jwt-wrongsig.txt");
    project.supabase.always("/rest/v1", refused);
    // Its key is still published: the database is wrong.
    assert_eq!(project.call(&token).await.problem(502), "token_refused");
    assert_eq!(project.supabase.key_requests(), 2);
    // Its key was taken back; keys are fetched once in half a minute at the most.
    project.supabase.publish(&[Key::es256("second").jwk]);
    assert_eq!(project.call(&token).await.problem(502), "token_refused");
    project.app.clock.advance(Duration::from_secs(30));
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
    assert_eq!(project.supabase.key_requests(), 3);
}

#[tokio::test]
async fn auth_is_asked_once_however_many_ask() {
    let project = project().await;
    let claims = project.claims();
    project.supabase.vouch_for(claims["sub"].as_str());
    let token = Key::hs256(b"a secret that this server does not know").sign(&claims);
    let replies = join_all((0..20).map(|_| project.call(&token))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(project.supabase.user_requests(), 1);
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

#[tokio::test]
async fn the_issuer_is_the_project_as_browsers_see_it() {
    let public = ("SUPABASE_PUBLIC_URL", "https://chat.example.com/");
    let project = Project::with(&[public]).await;
    for (issuer, status) in [
        ("https://chat.example.com/auth/v1", 200),
        ("https://chat.example.com/auth/v1/", 200),
        ("https://chat.example.com", 401),
        (&format!("{}/auth/v1", project.supabase.url), 401),
    ] {
        let reply = project.call_signed(&json!({ "iss": issuer })).await;
        assert_eq!(reply.status, status, "{issuer}");
    }
}
