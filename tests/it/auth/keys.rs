//! The keys that a project publishes.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Key, Outcome, Project, REQUEST_TIMEOUT_MS, project, until};

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
async fn who_waits_for_keys_that_do_not_come_shares_the_failure() {
    let project = Project::with(&[(REQUEST_TIMEOUT_MS, "1000")]).await;
    project.supabase.always("/auth/v1", Outcome::Silence);
    let tokens: Vec<_> = (0..100).map(|_| project.token()).collect();
    // Time goes on while they wait.
    let goes_on = async {
        until("the keys are asked for", async || project.supabase.key_requests() > 0).await;
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
