//! Who is calling.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    FakeSupabase, Key, Outcome, Project, REQUEST_TIMEOUT_MS, Reply, TestApp, app, project,
};

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
async fn made_up_keys_do_not_keep_a_new_one_out() {
    let project = project().await;
    let second = Key::es256("second");
    let token = second.sign(&project.claims());
    project.call_signed(&json!({})).await.expect(200);
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
    project.supabase.publish(&[project.key.jwk.clone(), second.jwk.clone()]);
    project.call(&token).await.expect(200);

    let made_up = |number: usize| Key::es256(&format!("made-up-{number}")).sign(&project.claims());
    for number in 0..5 {
        let status = project.call(&made_up(number)).await.status;
        assert_eq!(status, if number == 0 { 401 } else { 503 }, "{number}");
    }
    assert_eq!(project.supabase.key_requests(), 4);
    let third = Key::es256("third");
    let token = third.sign(&project.claims());
    project.supabase.publish(std::slice::from_ref(&third.jwk));
    let reply = project.call(&token).await;
    assert_eq!(reply.header("retry-after"), "5");
    assert_eq!(reply.problem(503), "keys_unavailable");
    project.app.clock.advance(Duration::from_secs(5));
    assert_eq!(project.call(&made_up(5)).await.problem(401), "token_invalid");
    project.call(&token).await.expect(200);
}

#[tokio::test]
async fn nothing_is_looked_for_when_the_claims_are_not_a_users() {
    let project = project().await;
    for changes in [
        json!({ "aud": "anon" }),
        json!({ "iss": "https://elsewhere.supabase.co/auth/v1" }),
        json!({ "sub": "alice" }),
        json!({ "role": "service_role" }),
        json!({ "exp": project.now() - 60 }),
    ] {
        let claims = project.claims_with(&changes);
        for key in [Key::es256("second"), Key::hs256(b"unknown")] {
            assert_eq!(project.call(&key.sign(&claims)).await.status, 401, "{changes}");
        }
    }
    assert_eq!((project.supabase.key_requests(), project.supabase.user_requests()), (0, 0));
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
    for retry_after in ["5", "3"] {
        let reply = project.call(&token).await;
        assert_eq!(reply.header("retry-after"), retry_after);
        assert_eq!(reply.problem(503), "keys_unavailable");
        project.call_signed(&json!({})).await.expect(200);
        project.app.clock.advance(Duration::from_secs(2));
    }
    project.supabase.recover();
    project.supabase.publish(&[project.key.jwk.clone(), second.jwk.clone()]);
    project.app.clock.advance(Duration::from_secs(1));
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
    // Its key was taken back.
    project.supabase.publish(&[Key::es256("second").jwk]);
    assert_eq!(project.call(&token).await.problem(401), "token_invalid");
    assert_eq!(project.supabase.key_requests(), 3);
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
async fn who_waits_for_keys_that_do_not_come_shares_the_failure() {
    let project = Project::with(&[(REQUEST_TIMEOUT_MS, "1000")]).await;
    project.supabase.always("/auth/v1", Outcome::Silence);
    let tokens: Vec<_> = (0..100).map(|_| project.token()).collect();
    // Time goes on while they wait.
    let goes_on = async {
        while project.supabase.key_requests() == 0 {
            tokio::task::yield_now().await;
        }
        project.app.clock.advance(Duration::from_secs(1));
    };
    let calls = join_all(tokens.iter().map(|token| project.call(token)));
    for reply in tokio::join!(calls, goes_on).0 {
        assert_ne!(reply.header("retry-after"), "");
        assert_eq!(reply.problem(503), "keys_unavailable");
    }
    assert_eq!(project.supabase.key_requests(), 1);
    project.supabase.recover();
    project.app.clock.advance(Duration::from_secs(1));
    project.call_signed(&json!({})).await.expect(200);
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
