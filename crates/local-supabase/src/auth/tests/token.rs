use jsonwebtoken::dangerous::insecure_decode;
use serde_json::{Value, json};

use crate::testing::{Answer, EMAIL, PASSWORD, Server};

const SIGNED_IN: &str = concat!(
    r#"{"access_token":"JWT","token_type":"bearer","expires_in":3600,"expires_at":1795380811,"#,
    r#""refresh_token":"REFRESH","user":{"id":"ID","aud":"authenticated","role":"authenticated","#,
    r#""email":"al@example.com","email_confirmed_at":"TIME","phone":"","confirmed_at":"TIME","#,
    r#""last_sign_in_at":"TIME","app_metadata":{"provider":"email","providers":["email"]},"#,
    r#""user_metadata":{"email":"al@example.com","email_verified":true,"phone_verified":false,"#,
    r#""sub":"ID"},"identities":[{"identity_id":"ID","id":"ID","user_id":"ID","identity_data":{"#,
    r#""email":"al@example.com","email_verified":false,"phone_verified":false,"sub":"ID"},"#,
    r#""provider":"email","last_sign_in_at":"TIME","created_at":"TIME","updated_at":"TIME","#,
    r#""email":"al@example.com"}],"created_at":"TIME","updated_at":"TIME","#,
    r#""is_anonymous":false},"weak_password":null}"#,
);

async fn sign_in(server: &Server, params: &Value) -> Answer {
    server.post("/auth/v1/token?grant_type=password").json(params).await
}

#[tokio::test]
async fn a_user_signs_in() {
    let server = Server::start();
    server.sign_up().await;
    for email in [EMAIL, "AL@EXAMPLE.COM"] {
        let answer = sign_in(&server, &json!({ "email": email, "password": PASSWORD })).await;
        assert_eq!((answer.status.as_u16(), answer.masked().as_str()), (200, SIGNED_IN));
        let tokens = answer.tokens();
        assert_eq!(answer.header("sb-auth-user-id"), Some(tokens.user_id.as_str()));
        assert_eq!(answer.header("sb-auth-refresh-token-prefix"), Some(&tokens.refresh[..5]));
    }
}

#[tokio::test]
async fn access_tokens_have_gotrues_claims() {
    let server = Server::start();
    let params = json!({ "email": EMAIL, "password": PASSWORD, "data": { "name": "Al" } });
    let answer = server.post("/auth/v1/signup").json(&params).await;
    let tokens = answer.tokens();
    let token = insecure_decode::<Value>(&tokens.access).unwrap();
    let jwks = server.get("/auth/v1/.well-known/jwks.json").send().await.json();
    assert_eq!(
        serde_json::to_value(&token.header).unwrap(),
        json!({
            "alg": "ES256",
            "kid": jwks["keys"][0]["kid"],
            "typ": "JWT",
        })
    );
    assert_eq!(
        token.claims,
        json!({
            "iss": "http://127.0.0.1:54321/auth/v1",
            "sub": tokens.user_id,
            "aud": "authenticated",
            "exp": 1_795_380_811,
            "iat": 1_795_377_211,
            "email": EMAIL,
            "phone": "",
            "app_metadata": { "provider": "email", "providers": ["email"] },
            "user_metadata": {
                "email": EMAIL,
                "email_verified": true,
                "name": "Al",
                "phone_verified": false,
                "sub": tokens.user_id,
            },
            "role": "authenticated",
            "aal": "aal1",
            "amr": [{ "method": "password", "timestamp": 1_795_377_211 }],
            "session_id": answer.header("sb-auth-session-id"),
            "is_anonymous": false,
        })
    );
}

#[tokio::test]
async fn anonymous_users_are_marked_in_their_tokens() {
    let server = Server::start();
    let tokens = server.post("/auth/v1/signup").json(&json!({})).await.tokens();
    let claims = insecure_decode::<Value>(&tokens.access).unwrap().claims;
    assert_eq!(claims["is_anonymous"], true);
    assert_eq!(claims["email"], "");
    assert_eq!(claims["amr"], json!([{ "method": "anonymous", "timestamp": 1_795_377_211 }]));
}

#[tokio::test]
async fn wrong_passwords_and_unknown_users_are_told_alike() {
    let server = Server::start();
    server.sign_up().await;
    for params in [
        json!({ "email": EMAIL, "password": "wrong" }),
        json!({ "email": EMAIL }),
        json!({ "email": "ghost@example.com", "password": PASSWORD }),
    ] {
        let answer = sign_in(&server, &params).await;
        answer.assert_is(
            400,
            r#"{"code":400,"error_code":"invalid_credentials","msg":"Invalid login credentials"}"#,
        );
        assert_eq!(answer.header("x-sb-error-code"), Some("invalid_credentials"));
        let call = server.post("/auth/v1/token?grant_type=password").dated();
        call.json(&params).await.assert_is(
            400,
            r#"{"code":"invalid_credentials","message":"Invalid login credentials"}"#,
        );
    }
}

#[tokio::test]
async fn an_address_is_needed() {
    let server = Server::start();
    sign_in(&server, &json!({ "password": "x" })).await.assert_is(
        400,
        r#"{"code":400,"error_code":"validation_failed","msg":"missing email or phone"}"#,
    );
}

#[tokio::test]
async fn other_grants_are_refused() {
    let server = Server::start();
    for path in ["/auth/v1/token?grant_type=foo", "/auth/v1/token"] {
        server.post(path).json(&json!({})).await.assert_is(
            400,
            r#"{"code":400,"error_code":"invalid_credentials","msg":"unsupported_grant_type"}"#,
        );
    }
}

#[tokio::test]
async fn forms_are_refused_but_their_content_type_is_not() {
    let server = Server::start();
    server.sign_up().await;
    let call = || {
        let call = server.post("/auth/v1/token?grant_type=password");
        call.header("content-type", "application/x-www-form-urlencoded")
    };
    let answer = call().text("email=al@example.com&password=secret123").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (400, &json!("bad_json")));
    let params = json!({ "email": EMAIL, "password": PASSWORD });
    assert_eq!(call().text(&params.to_string()).await.status, 200);
}
