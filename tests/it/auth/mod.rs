//! Who is calling.

mod keys;
mod legacy;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{Key, Outcome, Project, Reply, app, project};

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
}

#[tokio::test]
async fn a_clock_that_is_wrong_signs_nobody_out() {
    let project = project().await;
    let now = project.now();
    // This server's clock is late: a little is passed over.
    for early in ["nbf", "iat"] {
        project.call_signed(&json!({ early: now + 300 })).await.expect(200);
        let reply = project.call_signed(&json!({ early: now + 301 })).await;
        assert_eq!(reply.problem(503), "clock_skew");
    }
    // It is fast: Supabase says what time it is.
    project.supabase.set_date_header(now - 100);
    project.app.get("/health").await;
    let ended_here = project.call_signed(&json!({ "exp": now - 60 })).await;
    assert_ne!(ended_here.header("retry-after"), "");
    assert_eq!(ended_here.problem(503), "clock_skew");
    let ended_there = project.call_signed(&json!({ "exp": now - 200 })).await;
    assert_eq!(ended_there.problem(401), "token_expired");
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
        json!({ "aud": ["anon", "other"] }),
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
        ("padded", format!("{good}{}", "A".repeat(9_000))),
    ];
    for (what, token) in tokens {
        assert_eq!(project.call(&token).await.problem(401), "token_invalid", "{what}");
    }
}

#[tokio::test]
async fn a_token_holds_as_much_metadata_as_there_is() {
    let project = project().await;
    let with = |bytes: usize| json!({ "user_metadata": { "bio": "x".repeat(bytes) } });
    project.call_signed(&with(40 << 10)).await.expect(200);
    assert_eq!(project.call_signed(&with(64 << 10)).await.problem(431), "token_too_large");
    let http2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let token = project.key.sign(&project.claims_with(&with(40 << 10)));
    let request = http2.get(format!("{}{ROUTE}", project.app.url)).bearer_auth(token);
    Reply::send(request).await.expect(200);
}

#[tokio::test]
async fn a_project_key_is_no_token() {
    let app = app().await;
    let reply = app.get_as(ROUTE, "sb_publishable_local").await;
    assert_eq!(reply.problem(401), "token_invalid");
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
    // Its key was taken back.
    project.supabase.publish(&[Key::es256("second").jwk]);
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
    assert_eq!(project.supabase.key_requests(), 3);
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
