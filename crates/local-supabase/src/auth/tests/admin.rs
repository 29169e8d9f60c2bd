use axum::http::Method;
use serde_json::{Value, json};

use crate::testing::{Answer, Call, EMAIL, PASSWORD, Server};

const CREATED: &str = concat!(
    r#"{"id":"ID","aud":"authenticated","role":"authenticated","email":"new@example.com","#,
    r#""email_confirmed_at":"TIME","phone":"","app_metadata":{"provider":"email","#,
    r#""providers":["email"],"r":"x"},"user_metadata":{"a":1,"email_verified":true},"#,
    r#""identities":[{"identity_id":"ID","id":"ID","user_id":"ID","identity_data":{"#,
    r#""email":"new@example.com","email_verified":false,"phone_verified":false,"sub":"ID"},"#,
    r#""provider":"email","last_sign_in_at":"TIME","created_at":"TIME","updated_at":"TIME","#,
    r#""email":"new@example.com"}],"created_at":"TIME","updated_at":"TIME","is_anonymous":false}"#,
);

const LISTED: &str = concat!(
    r#"{"users":[{"id":"ID","aud":"authenticated","role":"authenticated","email":"","phone":"","#,
    r#""last_sign_in_at":"TIME","app_metadata":{},"user_metadata":{},"identities":null,"#,
    r#""created_at":"TIME","updated_at":"TIME","is_anonymous":true}],"aud":"authenticated"}"#,
);

fn call<'a>(server: &'a Server, method: Method, path: &str) -> Call<'a> {
    server.call(method, &format!("/auth/v1/admin/users{path}")).bearer(server.service_key())
}

async fn create(server: &Server, params: &Value) -> Answer {
    call(server, Method::POST, "").json(params).await
}

async fn update(server: &Server, user_id: &str, params: &Value) -> Answer {
    call(server, Method::PUT, &format!("/{user_id}")).json(params).await
}

async fn sign_in(server: &Server, email: &str) -> Answer {
    let params = json!({ "email": email, "password": PASSWORD });
    server.post("/auth/v1/token?grant_type=password").json(&params).await
}

#[tokio::test]
async fn users_are_created() {
    let server = Server::start();
    let params = json!({
        "email": "new@example.com",
        "password": PASSWORD,
        "email_confirm": true,
        "user_metadata": { "a": 1 },
        "app_metadata": { "r": "x" },
    });
    let answer = create(&server, &params).await;
    assert_eq!((answer.status.as_u16(), answer.masked().as_str()), (200, CREATED));
    create(&server, &params).await.assert_is(
        422,
        concat!(
            r#"{"code":422,"error_code":"email_exists","#,
            r#""msg":"A user with this email address has already been registered"}"#,
        ),
    );
    assert_eq!(sign_in(&server, "new@example.com").await.status, 200);
}

#[tokio::test]
async fn created_users_may_have_their_own_id() {
    let server = Server::start();
    let id = "11111111-1111-4111-8111-111111111111";
    let answer = create(&server, &json!({ "id": id, "email": "a@example.com" })).await;
    assert_eq!(answer.json()["id"], id);
    let answer = create(&server, &json!({ "id": id, "email": "b@example.com" })).await;
    assert_eq!(answer.status, 422);
    let answer = create(&server, &json!({ "id": "7", "email": "b@example.com" })).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn an_address_must_be_confirmed() {
    let server = Server::start();
    let params = json!({ "email": "new@example.com", "password": PASSWORD });
    let id = create(&server, &params).await.json()["id"].as_str().unwrap().to_owned();
    sign_in(&server, "new@example.com").await.assert_is(
        400,
        r#"{"code":400,"error_code":"email_not_confirmed","msg":"Email not confirmed"}"#,
    );
    update(&server, &id, &json!({ "email_confirm": true })).await;
    assert_eq!(sign_in(&server, "new@example.com").await.status, 200);
}

#[tokio::test]
async fn users_are_listed_newest_first() {
    let server = Server::start();
    server.sign_up().await;
    server.wait(1);
    server.post("/auth/v1/signup").json(&json!({})).await.tokens();

    let answer = call(&server, Method::GET, "?page=1&per_page=1").send().await;
    assert_eq!((answer.status.as_u16(), answer.masked().as_str()), (200, LISTED));
    assert_eq!(answer.header("x-total-count"), Some("2"));
    assert_eq!(
        answer.header("link"),
        Some(concat!(
            r#"</admin/users?page=2&per_page=1>; rel="next", "#,
            r#"</admin/users?page=2&per_page=1>; rel="last""#,
        ))
    );
    let answer = call(&server, Method::GET, "?page=2&per_page=1").send().await;
    assert_eq!(answer.json()["users"][0]["email"], EMAIL);
    assert_eq!(answer.header("link"), Some(r#"</admin/users?page=2&per_page=1>; rel="last""#));
    assert_eq!(call(&server, Method::GET, "?page=x").send().await.status, 400);
}

#[tokio::test]
async fn only_the_service_key_administers() {
    let server = Server::start();
    let token = server.sign_up().await.access;
    let refused = r#"{"code":403,"error_code":"not_admin","msg":"User not allowed"}"#;
    let path = "/auth/v1/admin/users";
    server.get(path).bearer(&token).send().await.assert_is(403, refused);
    let key = server.supabase.publishable_key();
    server.get(path).bearer(key).send().await.assert_is(403, refused);
    server.get(path).send().await.assert_is(
        401,
        concat!(
            r#"{"code":401,"error_code":"no_authorization","#,
            r#""msg":"This endpoint requires a valid Bearer token"}"#,
        ),
    );
    let key = server.service_key();
    assert_eq!(server.get(path).header("apikey", key).send().await.status, 200);
}

#[tokio::test]
async fn users_are_found_by_id() {
    let server = Server::start();
    let tokens = server.sign_up().await;
    let found = call(&server, Method::GET, &format!("/{}", tokens.user_id)).send().await;
    assert_eq!(found.json()["email"], EMAIL);
    let missing = "/00000000-0000-4000-8000-000000000000";
    call(&server, Method::GET, missing)
        .send()
        .await
        .assert_is(404, r#"{"code":404,"error_code":"user_not_found","msg":"User not found"}"#);
    call(&server, Method::GET, "/abc").send().await.assert_is(
        404,
        r#"{"code":404,"error_code":"validation_failed","msg":"user_id must be an UUID"}"#,
    );
}

#[tokio::test]
async fn banned_users_stay_out() {
    let server = Server::start();
    let tokens = server.sign_up().await;
    let ban = json!({ "user_metadata": { "z": 1 }, "ban_duration": "24h" });
    let answer = update(&server, &tokens.user_id, &ban).await;
    assert_eq!(answer.json()["banned_until"], "2026-11-23T19:53:31.913Z");
    assert_eq!(answer.json()["user_metadata"]["z"], 1);
    sign_in(&server, EMAIL)
        .await
        .assert_is(400, r#"{"code":400,"error_code":"user_banned","msg":"User is banned"}"#);
    assert_eq!(server.refresh(&tokens.refresh).await.json()["error_code"], "user_banned");

    let answer = update(&server, &tokens.user_id, &json!({ "ban_duration": "none" })).await;
    assert_eq!(answer.json().get("banned_until"), None);
    assert_eq!(sign_in(&server, EMAIL).await.status, 200);
    let answer = update(&server, &tokens.user_id, &json!({ "ban_duration": "soon" })).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_new_password_ends_the_sessions() {
    let server = Server::start();
    let tokens = server.sign_up().await;
    let answer = update(&server, &tokens.user_id, &json!({ "password": "1" })).await;
    assert_eq!(answer.json()["error_code"], "weak_password");
    update(&server, &tokens.user_id, &json!({ "password": "secret456" })).await;
    assert_eq!(server.get("/auth/v1/user").bearer(&tokens.access).send().await.status, 403);
    assert_eq!(sign_in(&server, EMAIL).await.status, 400);
}

#[tokio::test]
async fn deleted_users_are_gone() {
    let server = Server::start();
    let tokens = server.sign_up().await;
    let path = format!("/{}", tokens.user_id);
    let soft = json!({ "should_soft_delete": true });
    assert_eq!(call(&server, Method::DELETE, &path).json(&soft).await.status, 400);
    let hard = json!({ "should_soft_delete": false });
    call(&server, Method::DELETE, &path).json(&hard).await.assert_is(200, "{}");
    let gone = r#"{"code":404,"error_code":"user_not_found","msg":"User not found"}"#;
    call(&server, Method::DELETE, &path).send().await.assert_is(404, gone);
    server.get("/auth/v1/user").bearer(&tokens.access).send().await.assert_is(
        403,
        concat!(
            r#"{"code":403,"error_code":"user_not_found","#,
            r#""msg":"User from sub claim in JWT does not exist"}"#,
        ),
    );
    let answer = server.get("/rest/v1/notes").bearer(&tokens.access).send().await;
    assert_ne!(answer.status, 401, "as real PostgREST, which does not know");
}
