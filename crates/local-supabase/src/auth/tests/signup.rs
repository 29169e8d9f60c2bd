use axum::http::Method;
use serde_json::json;

use crate::testing::{EMAIL, PASSWORD, Server};

/// A user who has just signed up.
const NEW_USER: &str = concat!(
    r#"{"access_token":"JWT","token_type":"bearer","expires_in":3600,"expires_at":1795380811,"#,
    r#""refresh_token":"REFRESH","user":{"id":"ID","aud":"authenticated","role":"authenticated","#,
    r#""email":"al@example.com","email_confirmed_at":"TIME","phone":"","last_sign_in_at":"TIME","#,
    r#""app_metadata":{"provider":"email","providers":["email"]},"#,
    r#""user_metadata":{"email":"al@example.com","email_verified":true,"name":"Al","#,
    r#""phone_verified":false,"sub":"ID"},"#,
    r#""identities":[{"identity_id":"ID","id":"ID","user_id":"ID","identity_data":{"#,
    r#""email":"al@example.com","email_verified":true,"name":"Al","phone_verified":false,"#,
    r#""sub":"ID"},"provider":"email","last_sign_in_at":"TIME","created_at":"TIME","#,
    r#""updated_at":"TIME","email":"al@example.com"}],"#,
    r#""created_at":"TIME","updated_at":"TIME","is_anonymous":false}}"#,
);

const ANONYMOUS_USER: &str = concat!(
    r#"{"access_token":"JWT","token_type":"bearer","expires_in":3600,"expires_at":1795380811,"#,
    r#""refresh_token":"REFRESH","user":{"id":"ID","aud":"authenticated","role":"authenticated","#,
    r#""email":"","phone":"","last_sign_in_at":"TIME","app_metadata":{},"user_metadata":{},"#,
    r#""identities":[],"created_at":"TIME","updated_at":"TIME","is_anonymous":true}}"#,
);

#[tokio::test]
async fn a_user_signs_up() {
    let server = Server::start();
    let params = json!({ "email": EMAIL, "password": PASSWORD, "data": { "name": "Al" } });
    let answer = server.post("/auth/v1/signup").json(&params).await;
    assert_eq!((answer.status.as_u16(), answer.masked().as_str()), (200, NEW_USER));
    assert_eq!(answer.header("content-type"), Some("application/json"));

    let tokens = answer.tokens();
    assert_eq!(answer.header("sb-auth-user-id"), Some(tokens.user_id.as_str()));
    assert_eq!(answer.header("sb-auth-session-id").map(str::len), Some(36));
    assert_eq!(answer.header("sb-auth-refresh-token-prefix"), Some(&tokens.refresh[..5]));
    assert_eq!(answer.header("sb-auth-refresh-token-reuse"), None);
}

#[tokio::test]
async fn supabase_js_sends_members_that_do_not_matter() {
    let server = Server::start();
    let params = json!({
        "email": EMAIL,
        "password": PASSWORD,
        "data": null,
        "gotrue_meta_security": {},
        "code_challenge": null,
        "code_challenge_method": null,
    });
    let path = "/auth/v1/signup?redirect_to=http%3A%2F%2Flocalhost%3A3000";
    assert_eq!(server.post(path).json(&params).await.status, 200);
}

#[tokio::test]
async fn an_anonymous_user_signs_up() {
    let server = Server::start();
    let answer = server.post("/auth/v1/signup").json(&json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.masked().as_str()), (200, ANONYMOUS_USER));

    let params = json!({ "data": { "theme": "dark" }, "gotrue_meta_security": {} });
    let answer = server.post("/auth/v1/signup").json(&params).await;
    assert_eq!(answer.json()["user"]["user_metadata"], json!({ "theme": "dark" }));
}

#[tokio::test]
async fn an_address_signs_up_once() {
    let server = Server::start();
    server.sign_up().await;
    let params = json!({ "email": "AL@example.com", "password": PASSWORD });
    let answer = server.post("/auth/v1/signup").json(&params).await;
    answer.assert_is(
        422,
        r#"{"code":422,"error_code":"user_already_exists","msg":"User already registered"}"#,
    );
    assert_eq!(answer.header("x-sb-error-code"), Some("user_already_exists"));
    assert_eq!(answer.header("x-supabase-api-version"), None);

    let answer = server.post("/auth/v1/signup").dated().json(&params).await;
    answer.assert_is(422, r#"{"code":"user_already_exists","message":"User already registered"}"#);
    assert_eq!(answer.header("x-sb-error-code"), Some("user_already_exists"));
    assert_eq!(answer.header("x-supabase-api-version"), Some("2024-01-01"));
}

#[tokio::test]
async fn two_sign_ups_at_once_make_one_user() {
    let server = Server::start();
    let params = json!({ "email": EMAIL, "password": PASSWORD });
    let sign_up = || server.post("/auth/v1/signup").json(&params);
    let (a, b, c) = tokio::join!(sign_up(), sign_up(), sign_up());
    let mut statuses = [a.status.as_u16(), b.status.as_u16(), c.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422, 422]);
}

#[tokio::test]
async fn weak_passwords_say_why() {
    let server = Server::start();
    let params = json!({ "email": EMAIL, "password": "123" });
    let answer = server.post("/auth/v1/signup").json(&params).await;
    answer.assert_is(
        422,
        concat!(
            r#"{"code":422,"error_code":"weak_password","#,
            r#""msg":"Password should be at least 6 characters.","#,
            r#""weak_password":{"reasons":["length"]}}"#,
        ),
    );
    assert_eq!(answer.header("x-sb-error-code"), Some("weak_password"));

    let answer = server.post("/auth/v1/signup").dated().json(&params).await;
    answer.assert_is(
        422,
        concat!(
            r#"{"code":"weak_password","message":"Password should be at least 6 characters.","#,
            r#""weak_password":{"reasons":["length"]}}"#,
        ),
    );
    assert_eq!(answer.header("x-sb-error-code"), None);
}

#[tokio::test]
async fn parameters_are_checked() {
    let server = Server::start();
    let long = "a".repeat(80);
    for (params, message) in [
        (
            json!({ "email": "notanemail", "password": PASSWORD }),
            "Unable to validate email address: invalid format",
        ),
        (json!({ "email": EMAIL }), "Signup requires a valid password"),
        (json!({ "email": EMAIL, "password": "" }), "Signup requires a valid password"),
        (
            json!({ "email": EMAIL, "password": long }),
            "Password cannot be longer than 72 characters",
        ),
        (
            json!({ "email": EMAIL, "phone": "+123456789", "password": PASSWORD }),
            "Only an email address or phone number should be provided on signup.",
        ),
    ] {
        let body = format!(r#"{{"code":400,"error_code":"validation_failed","msg":"{message}"}}"#);
        let answer = server.post("/auth/v1/signup").json(&params).await;
        answer.assert_is(400, &body);
        assert_eq!(answer.header("x-sb-error-code"), Some("validation_failed"));
    }
}

#[tokio::test]
async fn bodies_that_break_off_are_refused() {
    let server = Server::start();
    let reason = "Could not parse request body as JSON: unexpected end of JSON input";
    let body = format!(r#"{{"code":400,"error_code":"bad_json","msg":"{reason}"}}"#);
    for text in [r#"{"email":"#, ""] {
        server.post("/auth/v1/signup").text(text).await.assert_is(400, &body);
    }
}

#[tokio::test]
async fn bodies_of_another_kind_are_refused() {
    let server = Server::start();
    for text in ["email=al", "[]", r#"["al@example.com"]"#, "7", r#"{"email":7}"#] {
        let answer = server.post("/auth/v1/signup").text(text).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error_code"]),
            (400, &json!("bad_json"))
        );
    }
    let huge = format!(r#"{{"data":"{}"}}"#, "x".repeat(1 << 20));
    let answer = server.post("/auth/v1/signup").text(&huge).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error_code"]), (413, &json!("bad_json")));
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let server = Server::start();
    let answer = server.call(Method::PUT, "/auth/v1/signup").send().await;
    answer.assert_is(405, "");
    assert_eq!(answer.header("allow"), Some("POST"));

    let answer = server.get("/auth/v1/nope").send().await;
    answer.assert_is(404, "404 page not found\n");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}
