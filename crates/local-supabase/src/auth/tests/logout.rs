use crate::testing::{Answer, Server};

const NO_SESSION: &str = concat!(
    r#"{"code":403,"error_code":"session_not_found","#,
    r#""msg":"Session from session_id claim in JWT does not exist"}"#,
);

async fn log_out(server: &Server, scope: &str, token: &str) -> Answer {
    let call = server.post(&format!("/auth/v1/logout{scope}")).bearer(token);
    // supabase-js says that there is JSON and sends none.
    call.header("content-type", "application/json;charset=UTF-8").text("").await
}

async fn user(server: &Server, token: &str) -> Answer {
    server.get("/auth/v1/user").bearer(token).send().await
}

#[tokio::test]
async fn signing_out_elsewhere_keeps_this_session() {
    let server = Server::start();
    let (here, elsewhere) = (server.sign_up().await, server.sign_in().await);
    log_out(&server, "?scope=others", &here.access).await.assert_is(204, "");
    user(&server, &elsewhere.access).await.assert_is(403, NO_SESSION);
    assert_eq!(user(&server, &here.access).await.status, 200);
    server.refresh(&elsewhere.refresh).await.assert_is(
        400,
        concat!(
            r#"{"code":400,"error_code":"refresh_token_not_found","#,
            r#""msg":"Invalid Refresh Token: Refresh Token Not Found"}"#,
        ),
    );
}

#[tokio::test]
async fn signing_out_here_keeps_the_other_sessions() {
    let server = Server::start();
    let (here, elsewhere) = (server.sign_up().await, server.sign_in().await);
    log_out(&server, "?scope=local", &here.access).await.assert_is(204, "");
    let answer = user(&server, &here.access).await;
    answer.assert_is(403, NO_SESSION);
    assert_eq!(answer.header("x-sb-error-code"), Some("session_not_found"));
    assert_eq!(user(&server, &elsewhere.access).await.status, 200);
    log_out(&server, "", &here.access).await.assert_is(403, NO_SESSION);
    let dated = concat!(
        r#"{"code":"session_not_found","#,
        r#""message":"Session from session_id claim in JWT does not exist"}"#,
    );
    server.get("/auth/v1/user").dated().bearer(&here.access).send().await.assert_is(403, dated);
}

#[tokio::test]
async fn signing_out_ends_every_session() {
    let server = Server::start();
    for scope in ["", "?scope=global"] {
        let (here, elsewhere) = match scope {
            "" => (server.sign_up().await, server.sign_in().await),
            _ => (server.sign_in().await, server.sign_in().await),
        };
        log_out(&server, scope, &here.access).await.assert_is(204, "");
        user(&server, &here.access).await.assert_is(403, NO_SESSION);
        user(&server, &elsewhere.access).await.assert_is(403, NO_SESSION);
    }
}

#[tokio::test]
async fn signing_out_needs_a_scope_and_a_session() {
    let server = Server::start();
    let token = server.sign_up().await.access;
    log_out(&server, "?scope=foo", &token).await.assert_is(
        400,
        r#"{"code":400,"error_code":"validation_failed","msg":"Unsupported logout scope \"foo\""}"#,
    );
    server.post("/auth/v1/logout").send().await.assert_is(
        401,
        concat!(
            r#"{"code":401,"error_code":"no_authorization","#,
            r#""msg":"This endpoint requires a valid Bearer token"}"#,
        ),
    );
}
