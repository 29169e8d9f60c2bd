use serde_json::{Value, json};

use crate::testing::{Answer, EMAIL, PASSWORD, Server};

const USER: &str = concat!(
    r#"{"id":"ID","aud":"authenticated","role":"authenticated","email":"al@example.com","#,
    r#""email_confirmed_at":"TIME","phone":"","confirmed_at":"TIME","last_sign_in_at":"TIME","#,
    r#""app_metadata":{"provider":"email","providers":["email"]},"#,
    r#""user_metadata":{"email":"al@example.com","email_verified":true,"name":"Bo","#,
    r#""phone_verified":false,"sub":"ID","x":1},"#,
    r#""identities":[{"identity_id":"ID","id":"ID","user_id":"ID","identity_data":{"#,
    r#""email":"al@example.com","email_verified":false,"phone_verified":false,"sub":"ID"},"#,
    r#""provider":"email","last_sign_in_at":"TIME","created_at":"TIME","updated_at":"TIME","#,
    r#""email":"al@example.com"}],"created_at":"TIME","updated_at":"TIME","is_anonymous":false}"#,
);

async fn get(server: &Server, token: &str) -> Answer {
    server.get("/auth/v1/user").bearer(token).send().await
}

async fn put(server: &Server, token: &str, params: &Value) -> Answer {
    server.put("/auth/v1/user").bearer(token).json(params).await
}

#[tokio::test]
async fn users_see_and_change_themselves() {
    let server = Server::start();
    let token = server.sign_up().await.access;
    let answer = put(&server, &token, &json!({ "data": { "name": "Bo", "x": 1 } })).await;
    assert_eq!((answer.status.as_u16(), answer.masked().as_str()), (200, USER));
    assert_eq!(get(&server, &token).await.body, answer.body);
}

#[tokio::test]
async fn null_removes_metadata() {
    let server = Server::start();
    let token = server.sign_up().await.access;
    put(&server, &token, &json!({ "data": { "name": "Bo", "x": { "y": [1] } } })).await;
    let answer = put(&server, &token, &json!({ "data": { "name": null } })).await;
    assert_eq!(answer.json()["user_metadata"].get("name"), None);
    assert_eq!(answer.json()["user_metadata"]["x"], json!({ "y": [1] }));
}

#[tokio::test]
async fn a_token_is_needed() {
    let server = Server::start();
    let refused = concat!(
        r#"{"code":401,"error_code":"no_authorization","#,
        r#""msg":"This endpoint requires a valid Bearer token"}"#,
    );
    let answer = server.get("/auth/v1/user").send().await;
    answer.assert_is(401, refused);
    assert_eq!(answer.header("x-sb-error-code"), Some("no_authorization"));
    get(&server, "").await.assert_is(401, refused);
    let dated =
        r#"{"code":"no_authorization","message":"This endpoint requires a valid Bearer token"}"#;
    server.get("/auth/v1/user").dated().send().await.assert_is(401, dated);
}

#[tokio::test]
async fn keys_are_nobodys_tokens() {
    let server = Server::start();
    let body = r#"{"code":403,"error_code":"bad_jwt","msg":"invalid claim: missing sub claim"}"#;
    get(&server, server.supabase.publishable_key()).await.assert_is(403, body);
    get(&server, server.service_key()).await.assert_is(403, body);
}

#[tokio::test]
async fn bad_tokens_are_refused() {
    let server = Server::start();
    let good = server.sign_up().await.access;
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let flipped: String = signature.chars().rev().collect();
    for (token, reason) in [
        ("garbage", "token is malformed: token contains an invalid number of segments"),
        (&*format!("{signed}.{flipped}"), "token signature is invalid: signature is invalid"),
    ] {
        let message = format!("invalid JWT: unable to parse or verify signature, {reason}");
        let body = format!(r#"{{"code":403,"error_code":"bad_jwt","msg":"{message}"}}"#);
        get(&server, token).await.assert_is(403, &body);
        let dated = format!(r#"{{"code":"bad_jwt","message":"{message}"}}"#);
        server.get("/auth/v1/user").dated().bearer(token).send().await.assert_is(403, &dated);
    }
}

#[tokio::test]
async fn expired_tokens_are_refused() {
    let server = Server::start();
    let token = server.sign_up().await.access;
    server.wait(3599);
    assert_eq!(get(&server, &token).await.status, 200);
    server.wait(2);
    let answer = get(&server, &token).await;
    answer.assert_is(
        403,
        concat!(
            r#"{"code":403,"error_code":"bad_jwt","msg":"invalid JWT: unable to parse or verify "#,
            r#"signature, token has invalid claims: token is expired"}"#,
        ),
    );
    assert_eq!(answer.header("x-sb-error-code"), Some("bad_jwt"));
}

#[tokio::test]
async fn passwords_are_changed() {
    let server = Server::start();
    let tokens = server.sign_up().await;
    let elsewhere = server.sign_in().await;
    let change = |password: &str| json!({ "password": password });
    put(&server, &tokens.access, &change(PASSWORD)).await.assert_is(
        422,
        concat!(
            r#"{"code":422,"error_code":"same_password","#,
            r#""msg":"New password should be different from the old password."}"#,
        ),
    );
    put(&server, &tokens.access, &change("1")).await.assert_is(
        422,
        concat!(
            r#"{"code":422,"error_code":"weak_password","#,
            r#""msg":"Password should be at least 6 characters.","#,
            r#""weak_password":{"reasons":["length"]}}"#,
        ),
    );
    assert_eq!(put(&server, &tokens.access, &change("secret456")).await.status, 200);

    let sign_in = |password: &str| {
        let params = json!({ "email": EMAIL, "password": password });
        let call = server.post("/auth/v1/token?grant_type=password");
        async move { call.json(&params).await.status }
    };
    assert_eq!(sign_in(PASSWORD).await, 400);
    assert_eq!(sign_in("secret456").await, 200);
    assert_eq!(get(&server, &tokens.access).await.status, 200);
    assert_eq!(get(&server, &elsewhere.access).await.status, 403, "other sessions end");
}

#[tokio::test]
async fn addresses_are_changed() {
    let server = Server::start();
    let tokens = server.sign_up().await;
    let other = json!({ "email": "alice@example.com", "password": PASSWORD });
    server.post("/auth/v1/signup").json(&other).await.tokens();

    let answer = put(&server, &tokens.access, &json!({ "email": "Alice@example.com" })).await;
    answer.assert_is(
        422,
        concat!(
            r#"{"code":422,"error_code":"email_exists","#,
            r#""msg":"A user with this email address has already been registered"}"#,
        ),
    );
    put(&server, &tokens.access, &json!({ "email": "zzz" })).await.assert_is(
        400,
        concat!(
            r#"{"code":400,"error_code":"validation_failed","#,
            r#""msg":"Unable to validate email address: invalid format"}"#,
        ),
    );
    let answer = put(&server, &tokens.access, &json!({ "email": "Bo@example.com" })).await;
    assert_eq!(answer.json()["email"], "bo@example.com");
    assert_eq!(answer.json()["identities"][0]["email"], "bo@example.com");
}

#[tokio::test]
async fn anonymous_users_become_permanent() {
    let server = Server::start();
    let tokens = server.post("/auth/v1/signup").json(&json!({})).await.tokens();
    let params = json!({ "password": PASSWORD });
    let answer = put(&server, &tokens.access, &params).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["error_code"]),
        (422, &json!("validation_failed"))
    );

    let params = json!({ "email": EMAIL, "password": PASSWORD });
    assert_eq!(put(&server, &tokens.access, &params).await.status, 200);
    let user = get(&server, &tokens.access).await.json();
    assert_eq!(user["is_anonymous"], false);
    assert_eq!(user["app_metadata"], json!({ "provider": "email", "providers": ["email"] }));
    assert_eq!(user["identities"][0]["email"], EMAIL);
    assert_eq!(server.sign_in().await.user_id, tokens.user_id);
    let refreshed = server.refresh(&tokens.refresh).await.json();
    assert_eq!(refreshed["user"]["is_anonymous"], false);
}

#[tokio::test]
async fn users_do_not_set_their_app_metadata() {
    let server = Server::start();
    let token = server.sign_up().await.access;
    let answer = put(&server, &token, &json!({ "app_metadata": { "plan": "pro" } })).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (403, &json!("not_admin")));
}
