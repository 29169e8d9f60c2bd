//! Who may do what on `/rest/v1`, in PostgREST's words.

use axum::http::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::credential::Credential;
use crate::role::Role;
use crate::testing::{Answer, Server};

const USER_ID: &str = "11111111-1111-4111-8111-111111111111";

fn token(server: &Server, claims: &Value) -> String {
    server.supabase.context.signing_keys.sign(claims).unwrap()
}

fn role(server: &Server, headers: &[(&str, &str)]) -> Option<Role> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    let context = &server.supabase.context;
    Credential::from_headers(&headers, &context.service_key)
        .caller(&context.signing_keys, context.clock.now())
        .map(|(role, _)| role)
        .ok()
}

async fn rest(server: &Server, authorization: &str) -> Answer {
    server.get("/rest/v1/notes").header("authorization", authorization).send().await
}

#[track_caller]
fn assert_refused(answer: &Answer, challenge: &str, body: &str) {
    answer.assert_is(401, body);
    assert_eq!(answer.header("www-authenticate"), Some(challenge));
    let proxy_status = format!("PostgREST; error={}", answer.json()["code"].as_str().unwrap());
    assert_eq!(answer.header("proxy-status"), Some(proxy_status.as_str()));
}

#[test]
fn without_a_user_the_key_decides() {
    let server = Server::start();
    let (publishable, service) =
        (server.supabase.publishable_key(), server.service_key().to_owned());
    let bearer = |key: &str| format!("Bearer {key}");
    for (headers, expected) in [
        (vec![], Role::Anon),
        (vec![("apikey", publishable)], Role::Anon),
        (vec![("apikey", publishable), ("authorization", &*bearer(publishable))], Role::Anon),
        (vec![("authorization", "Basic Zm9vOmJhcg==")], Role::Anon),
        (vec![("apikey", &*service)], Role::Service),
        (vec![("authorization", &*bearer(&service))], Role::Service),
        (vec![("apikey", &*service), ("authorization", &*bearer(&service))], Role::Service),
        (vec![("apikey", &*service), ("authorization", &*bearer(publishable))], Role::Service),
    ] {
        assert_eq!(role(&server, &headers), Some(expected), "{headers:?}");
    }
    assert_eq!(role(&server, &[("apikey", "sb_secret_wrong")]), None);
}

#[test]
fn the_role_claim_decides_for_tokens() {
    let server = Server::start();
    let user_id = Uuid::try_parse(USER_ID).unwrap();
    for (claims, expected) in [
        (json!({ "role": "authenticated", "sub": USER_ID }), Role::Authenticated { user_id }),
        (json!({ "role": "anon" }), Role::Anon),
        (json!({ "role": "service_role" }), Role::Service),
        (json!({}), Role::Anon),
    ] {
        let authorization = format!("bearer {}", token(&server, &claims));
        let service_key = server.service_key();
        // A user's token decides even next to the service key.
        let headers = [("apikey", service_key), ("authorization", authorization.as_str())];
        assert_eq!(role(&server, &headers), Some(expected), "{claims}");
    }
    let no_user = token(&server, &json!({ "role": "authenticated", "sub": "al" }));
    assert_eq!(role(&server, &[("apikey", &no_user)]), None);
}

#[tokio::test]
async fn tokens_are_good_for_their_time_and_half_a_minute() {
    let server = Server::start();
    let tokens = server.sign_up().await;
    let authorization = format!("Bearer {}", tokens.access);
    server.wait(3630);
    assert_ne!(rest(&server, &authorization).await.status, 401);
    server.wait(1);
    assert_refused(
        &rest(&server, &authorization).await,
        r#"Bearer error="invalid_token", error_description="JWT expired""#,
        r#"{"code":"PGRST303","details":null,"hint":null,"message":"JWT expired"}"#,
    );
}

#[tokio::test]
async fn tokens_are_not_good_before_their_time() {
    let server = Server::start();
    let claims = json!({ "role": "anon", "nbf": server.clock.unix_seconds() + 31 });
    assert_refused(
        &rest(&server, &format!("Bearer {}", token(&server, &claims))).await,
        r#"Bearer error="invalid_token", error_description="JWT not yet valid""#,
        r#"{"code":"PGRST303","details":null,"hint":null,"message":"JWT not yet valid"}"#,
    );
}

#[tokio::test]
async fn foreign_and_altered_tokens_are_refused() {
    let (server, other) = (Server::start(), Server::start());
    let foreign = token(&other, &json!({ "role": "service_role" }));
    let mut altered = token(&server, &json!({ "role": "anon" }));
    let service = token(&server, &json!({ "role": "service_role" }));
    let payload = |token: &str| token.split('.').nth(1).unwrap().to_owned();
    altered = altered.replace(&payload(&altered), &payload(&service));
    for token in [foreign, altered] {
        assert_refused(
            &rest(&server, &format!("Bearer {token}")).await,
            "Bearer error=\"invalid_token\", \
             error_description=\"No suitable key or wrong key type\"",
            "{\"code\":\"PGRST301\",\
             \"details\":\"None of the keys was able to decode the JWT\",\
             \"hint\":null,\"message\":\"No suitable key or wrong key type\"}",
        );
    }
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let server = Server::start();
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.";
    assert_eq!(rest(&server, &format!("Bearer {unsigned}")).await.status, 401);
}

#[tokio::test]
async fn garbage_is_refused() {
    let server = Server::start();
    for (authorization, message) in [
        ("Bearer garbage", "Expected 3 parts in JWT; got 1"),
        ("Bearer a.b", "Expected 3 parts in JWT; got 2"),
        ("Bearer a.b.c", "JWT cryptographic operation failed"),
        ("Bearer ", "Empty JWT is sent in Authorization header"),
        ("Bearer", "Empty JWT is sent in Authorization header"),
    ] {
        assert_refused(
            &rest(&server, authorization).await,
            &format!("Bearer error=\"invalid_token\", error_description=\"{message}\""),
            &format!(r#"{{"code":"PGRST301","details":null,"hint":null,"message":"{message}"}}"#),
        );
    }
}

#[tokio::test]
async fn unknown_roles_are_refused() {
    let server = Server::start();
    let token = token(&server, &json!({ "role": "nosuchrole", "sub": USER_ID }));
    assert_refused(
        &rest(&server, &format!("Bearer {token}")).await,
        "Bearer",
        r#"{"code":"22023","details":null,"hint":null,"message":"role \"nosuchrole\" does not exist"}"#,
    );
}

#[tokio::test]
async fn every_path_below_rest_is_rest() {
    let server = Server::start();
    for path in ["/rest/v1", "/rest/v1/", "/rest/v1/notes", "/rest/v1/rpc/add?a=1"] {
        assert_eq!(server.get(path).bearer("garbage").send().await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn other_paths_say_what_there_is() {
    let server = Server::start();
    let answer = server.get("/functions/v1/hello").send().await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.json()["code"], "not_found");
    assert!(server.get("/").send().await.body.starts_with("This is a local Supabase."));
}
