use serde_json::json;

use crate::testing::Server;

#[tokio::test]
async fn public_keys_are_published() {
    let server = Server::start();
    let answer = server.get("/auth/v1/.well-known/jwks.json").send().await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
    let key = &answer.json()["keys"][0];
    let body = format!(
        concat!(
            r#"{{"keys":[{{"alg":"ES256","crv":"P-256","ext":true,"key_ops":["verify"],"#,
            r#""kid":{},"kty":"EC","use":"sig","x":{},"y":{}}}]}}"#,
        ),
        key["kid"], key["x"], key["y"],
    );
    answer.assert_is(200, &body);
    assert_eq!(key["x"].as_str().map(str::len), Some(43));
}

#[tokio::test]
async fn the_configuration_names_the_issuer() {
    let server = Server::start();
    let answer = server.get("/auth/v1/.well-known/openid-configuration").send().await;
    assert_eq!(answer.header("cache-control"), Some("public, max-age=600"));
    let issuer = "http://127.0.0.1:54321/auth/v1";
    assert_eq!(answer.json()["issuer"], issuer);
    assert_eq!(answer.json()["jwks_uri"], format!("{issuer}/.well-known/jwks.json"));
}

#[tokio::test]
async fn health_and_settings_are_public() {
    let server = Server::start();
    assert_eq!(server.get("/auth/v1/health").send().await.json()["name"], "GoTrue");
    let settings = server.get("/auth/v1/settings").send().await;
    assert_eq!(settings.header("content-type"), Some("application/json"));
    assert_eq!(settings.json()["external"]["anonymous_users"], true);
    assert_eq!(settings.json()["mailer_autoconfirm"], true);
}

#[tokio::test]
async fn what_needs_a_provider_or_a_mail_is_refused() {
    let server = Server::start();
    server.get("/auth/v1/authorize?provider=github").send().await.assert_is(
        400,
        concat!(
            r#"{"code":400,"error_code":"validation_failed","#,
            r#""msg":"Unsupported provider: provider is not enabled"}"#,
        ),
    );
    server.post("/auth/v1/recover").json(&json!({})).await.assert_is(
        400,
        concat!(
            r#"{"code":400,"error_code":"validation_failed","#,
            r#""msg":"Password recovery requires an email"}"#,
        ),
    );
    for (path, status, code) in [
        ("/auth/v1/recover", 400, "email_address_not_authorized"),
        ("/auth/v1/resend", 400, "email_address_not_authorized"),
        ("/auth/v1/otp", 422, "otp_disabled"),
        ("/auth/v1/magiclink", 422, "otp_disabled"),
    ] {
        let answer = server.post(path).json(&json!({ "email": "al@example.com" })).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("x-sb-error-code"), Some(code));
    }
}

#[tokio::test]
async fn no_link_is_good() {
    let server = Server::start();
    let params = json!({ "type": "recovery", "email": "al@example.com", "token": "000000" });
    server.post("/auth/v1/verify").json(&params).await.assert_is(
        403,
        r#"{"code":403,"error_code":"otp_expired","msg":"Token has expired or is invalid"}"#,
    );
    let answer = server.get("/auth/v1/verify?type=recovery&token=abc").send().await;
    assert_eq!(answer.status, 303);
    let location = concat!(
        "http://127.0.0.1:54321#error=access_denied&error_code=otp_expired",
        "&error_description=Email+link+is+invalid+or+has+expired&sb=",
    );
    assert_eq!(answer.header("location"), Some(location));
}

#[tokio::test]
async fn second_factors_and_links_are_refused_in_json() {
    let server = Server::start();
    let alice = server.sign_up().await;
    for (method, path, status, code) in [
        ("POST", "/factors", 422, "mfa_totp_enroll_not_enabled"),
        ("POST", "/factors/1/challenge", 404, "mfa_factor_not_found"),
        ("POST", "/factors/1/verify", 404, "mfa_factor_not_found"),
        ("DELETE", "/factors/1", 404, "mfa_factor_not_found"),
        ("GET", "/user/identities/authorize?provider=github", 404, "manual_linking_disabled"),
        ("DELETE", "/user/identities/1", 404, "manual_linking_disabled"),
        ("GET", "/reauthenticate", 400, "email_address_not_authorized"),
        ("POST", "/sso", 404, "saml_provider_disabled"),
        ("POST", "/invite", 403, "not_admin"),
        ("POST", "/admin/generate_link", 403, "not_admin"),
        ("GET", "/admin/users/1/factors", 403, "not_admin"),
    ] {
        let request = server.call(method.parse().unwrap(), &format!("/auth/v1{path}"));
        let body = json!({ "factor_type": "totp", "friendly_name": "phone" });
        let answer = request.bearer(&alice.access).json(&body).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.masked());
        assert_eq!(answer.json()["error_code"], code, "{path}");
    }
    let answer = server.post("/auth/v1/factors").json(&json!({ "factor_type": "totp" })).await;
    assert_eq!(answer.status, 401);
}
