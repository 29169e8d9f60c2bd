use crate::testing::{Answer, Server};

const ALREADY_USED: &str = concat!(
    r#"{"code":400,"error_code":"refresh_token_already_used","#,
    r#""msg":"Invalid Refresh Token: Already Used"}"#,
);

fn session_of(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (answer.header("sb-auth-user-id"), answer.header("sb-auth-session-id"))
}

#[tokio::test]
async fn a_token_is_exchanged_for_another() {
    let server = Server::start();
    let first = server.sign_up().await;
    server.wait(60);
    let answer = server.refresh(&first.refresh).await;
    let second = answer.tokens();
    assert_ne!(second.refresh, first.refresh);
    assert_ne!(second.access, first.access);
    assert_eq!(answer.json()["expires_at"], 1_795_380_871);
    assert_eq!(answer.json().get("weak_password"), None);
    assert_eq!(answer.header("sb-auth-refresh-token-prefix"), Some(&second.refresh[..5]));
    assert_eq!(answer.header("sb-auth-refresh-token-reuse"), Some("false"));
    assert_eq!(answer.header("sb-auth-user-id"), Some(second.user_id.as_str()));
}

#[tokio::test]
async fn repeating_an_exchange_gives_the_same_successor() {
    let server = Server::start();
    let first = server.sign_up().await;
    let once = server.refresh(&first.refresh).await;
    server.wait(9);
    let again = server.refresh(&first.refresh).await;
    assert_eq!(again.tokens().refresh, once.tokens().refresh);
    assert_eq!(session_of(&again), session_of(&once));
    assert_eq!(again.header("sb-auth-refresh-token-reuse"), None);
}

/// As long as the successor was not used, the client seems not to have got it.
#[tokio::test]
async fn an_answer_that_got_lost_can_be_fetched_later() {
    let server = Server::start();
    let first = server.sign_up().await;
    let lost = server.refresh(&first.refresh).await.tokens();
    server.wait(3600);
    let server = server.restart();
    assert_eq!(server.refresh(&first.refresh).await.tokens().refresh, lost.refresh);
}

#[tokio::test]
async fn tabs_that_refresh_at_once_get_the_same_successor() {
    let server = Server::start();
    let first = server.sign_up().await.refresh;
    let refresh = || server.refresh(&first);
    let (a, b, c) = tokio::join!(refresh(), refresh(), refresh());
    assert_eq!(a.tokens().refresh, b.tokens().refresh);
    assert_eq!(b.tokens().refresh, c.tokens().refresh);
}

#[tokio::test]
async fn a_tab_that_is_two_exchanges_behind_is_let_in_for_ten_seconds() {
    let server = Server::start();
    let first = server.sign_up().await;
    let second = server.refresh(&first.refresh).await.tokens();
    server.refresh(&second.refresh).await.tokens();
    server.wait(10);
    let late = server.refresh(&first.refresh).await;
    assert_eq!(late.header("sb-auth-refresh-token-reuse"), Some("false"));
    server.refresh(&late.tokens().refresh).await.tokens();
}

#[tokio::test]
async fn later_reuse_revokes_every_token_of_the_session() {
    let server = Server::start();
    let first = server.sign_up().await;
    let second = server.refresh(&first.refresh).await.tokens();
    let third = server.refresh(&second.refresh).await.tokens();
    server.wait(12);

    let answer = server.refresh(&first.refresh).await;
    answer.assert_is(400, ALREADY_USED);
    assert_eq!(answer.header("x-sb-error-code"), Some("refresh_token_already_used"));
    assert_eq!(answer.header("sb-auth-user-id"), Some(first.user_id.as_str()));
    assert_eq!(answer.header("sb-auth-session-id").map(str::len), Some(36));

    server.wait(11);
    for token in [&first.refresh, &second.refresh, &third.refresh] {
        server.refresh(token).await.assert_is(400, ALREADY_USED);
    }
}

/// Real Auth counts the ten seconds from the revocation, whatever its reason.
#[tokio::test]
async fn the_newest_token_outlives_a_revocation_by_ten_seconds() {
    let server = Server::start();
    let first = server.sign_up().await;
    let second = server.refresh(&first.refresh).await.tokens();
    let third = server.refresh(&second.refresh).await.tokens();
    server.wait(12);
    server.refresh(&first.refresh).await.assert_is(400, ALREADY_USED);
    let answer = server.refresh(&third.refresh).await;
    assert_eq!(answer.header("sb-auth-refresh-token-reuse"), Some("false"));
    assert_eq!(answer.tokens().user_id, first.user_id);
}

#[tokio::test]
async fn other_sessions_are_not_touched() {
    let server = Server::start();
    let first = server.sign_up().await;
    let elsewhere = server.sign_in().await;
    let second = server.refresh(&first.refresh).await.tokens();
    server.refresh(&second.refresh).await.tokens();
    server.wait(12);
    server.refresh(&first.refresh).await.assert_is(400, ALREADY_USED);
    server.wait(12);
    server.refresh(&elsewhere.refresh).await.tokens();
}

#[tokio::test]
async fn used_tokens_are_forgotten_after_a_day() {
    let server = Server::start();
    let first = server.sign_up().await;
    let second = server.refresh(&first.refresh).await.tokens();
    server.wait(25 * 60 * 60);
    let third = server.refresh(&second.refresh).await.tokens();
    server.refresh(&third.refresh).await.tokens();
    assert_eq!(
        server.refresh(&first.refresh).await.json()["error_code"],
        "refresh_token_not_found"
    );
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let server = Server::start();
    let not_valid =
        r#"{"code":400,"error_code":"validation_failed","msg":"Refresh token is not valid"}"#;
    server.refresh("nonsense").await.assert_is(400, not_valid);
    let path = "/auth/v1/token?grant_type=refresh_token";
    server.post(path).text("{}").await.assert_is(400, not_valid);
    server
        .post(path)
        .dated()
        .text(r#"{"refresh_token":"nonsense"}"#)
        .await
        .assert_is(400, r#"{"code":"validation_failed","message":"Refresh token is not valid"}"#);
    server.refresh("aaaaaaaaaaaa").await.assert_is(
        400,
        concat!(
            r#"{"code":400,"error_code":"refresh_token_not_found","#,
            r#""msg":"Invalid Refresh Token: Refresh Token Not Found"}"#,
        ),
    );
}

#[tokio::test]
async fn the_database_keeps_no_token() {
    let server = Server::start();
    let first = server.sign_up().await;
    let second = server.refresh(&first.refresh).await.tokens();
    let files = server.files();
    for secret in [&first.refresh, &second.refresh, &first.access, &second.access] {
        assert!(!files.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
    }
}
