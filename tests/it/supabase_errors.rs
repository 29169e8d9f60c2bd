//! What Supabase says, as clients meet it.

use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use crate::support::{Key, Outcome, Project, Reply, project};

/// Changes a chat while PostgREST answers so; the reply, and how often PostgREST was asked.
async fn change_a_chat(project: &Project, outcome: Outcome) -> (Reply, usize) {
    project.supabase.recover();
    project.supabase.always("/rest/v1/chats", outcome);
    let before = project.supabase.requests_to("/rest/v1/chats").len();
    let path = format!("/api/chats/{}", Uuid::new_v4());
    let reply = project.user().patch(&path, json!({ "title": "Trip" })).await;
    (reply, project.supabase.requests_to("/rest/v1/chats").len() - before)
}

#[tokio::test]
async fn recorded_errors_of_postgrest_become_problems() {
    let project = project().await;
    for (name, status, code) in [
        ("043-embed-missing-rel", 503, "schema_mismatch"),
        ("056-post-rls-violation", 404, "not_found"),
        ("057-post-rls-violation-anon", 404, "not_found"),
        ("058-post-unique", 409, "id_conflict"),
        ("061-post-fk-tag", 422, "validation_failed"),
        ("062-post-check", 422, "validation_failed"),
        ("063-post-notnull", 422, "validation_failed"),
        ("064-post-bad-int", 422, "validation_failed"),
        ("065-post-int-overflow", 422, "validation_failed"),
        ("066-post-unknown-column", 503, "schema_mismatch"),
        ("067-post-invalid-json", 502, "supabase_refused"),
        ("084-patch-rls-withcheck", 404, "not_found"),
        ("087-patch-single-none", 404, "chat_not_found"),
        ("102-rpc-missing", 503, "schema_mismatch"),
        ("103-rpc-missing-args", 503, "schema_mismatch"),
        ("104-rpc-raise", 502, "supabase_refused"),
        ("105-rpc-raise-pt418", 502, "supabase_refused"),
        ("107-rpc-statement-timeout-anon", 504, "supabase_timeout"),
        ("109-err-invalid-uuid", 422, "validation_failed"),
        ("111-err-missing-table", 503, "schema_mismatch"),
        ("113-err-missing-column-select", 503, "schema_mismatch"),
        ("119-err-permission-denied-anon", 503, "schema_mismatch"),
        ("120-err-permission-denied-auth", 503, "schema_mismatch"),
        ("121-err-jwt-expired", 401, "token_expired"),
        ("122-err-jwt-wrongsig", 502, "token_refused"),
        ("123-err-jwt-badrole", 502, "token_refused"),
        ("125-err-jwt-garbage", 502, "token_refused"),
        ("205-fk-service", 422, "validation_failed"),
    ] {
        let file: &'static str = format!("postgrest/{name}.txt").leak();
        let (reply, asked) = change_a_chat(&project, Outcome::Recorded(file)).await;
        assert_eq!((reply.problem(status), asked), (code.to_owned(), 1), "{name}");
    }
}

#[tokio::test]
async fn a_refused_value_is_named() {
    let project = project().await;
    for (name, pointer) in [("062-post-check", "/title"), ("063-post-notnull", "/title")] {
        let file: &'static str = format!("postgrest/{name}.txt").leak();
        let (reply, _) = change_a_chat(&project, Outcome::Recorded(file)).await;
        assert_eq!(reply.pointers(), [pointer], "{name}");
    }
}

#[tokio::test]
async fn what_a_foreign_key_refuses_is_named() {
    let project = project().await;
    for (constraint, status, code) in [
        ("chats_user_fkey", 401, "user_not_found"),
        ("token_reservations_user_id_fkey", 401, "user_not_found"),
        ("messages_chat_fkey", 404, "chat_not_found"),
        ("messages_parent_fkey", 404, "chat_not_found"),
    ] {
        let message = format!(
            "insert or update on table \"t\" violates foreign key constraint \"{constraint}\""
        );
        let outcome = Outcome::error(409, "23503", &message);
        let (reply, _) = change_a_chat(&project, outcome).await;
        assert_eq!(reply.problem(status), code, "{constraint}");
    }
}

#[tokio::test]
async fn errors_of_the_database_and_of_gateways_become_problems() {
    let project = project().await;
    let error = Outcome::error;
    let gateway = |status, body: &str| Outcome::Answer(status, None, body.to_owned());
    for (outcome, status, code, asked) in [
        // U+0000 in a text, in a jsonb.
        (error(400, "22021", "invalid byte sequence"), 422, "validation_failed", 1),
        (error(400, "22P05", "unsupported Unicode escape"), 422, "validation_failed", 1),
        (error(400, "54000", "index row size exceeds"), 422, "validation_failed", 1),
        // Rolled back because of somebody else's transaction.
        (error(500, "40001", "could not serialize"), 503, "supabase_overloaded", 4),
        (error(500, "40P01", "deadlock detected"), 503, "supabase_overloaded", 4),
        (error(500, "55P03", "lock not available"), 503, "supabase_overloaded", 4),
        // The database's connections, or none.
        (error(503, "53300", "too many clients"), 503, "supabase_overloaded", 4),
        (error(503, "57P03", "starting up"), 503, "supabase_overloaded", 4),
        (error(500, "57P01", "administrator command"), 503, "supabase_unreachable", 4),
        (error(503, "08006", "connection failure"), 503, "supabase_unreachable", 4),
        (error(405, "25006", "read-only transaction"), 503, "supabase_overloaded", 1),
        (error(500, "53100", "disk full"), 503, "supabase_overloaded", 1),
        // The first request on a connection that has broken.
        (error(400, "", "no connection to the server"), 503, "supabase_unreachable", 4),
        (error(503, "PGRST000", "no connection"), 503, "supabase_unreachable", 4),
        (error(503, "PGRST001", "internal error"), 503, "supabase_unreachable", 4),
        (error(503, "PGRST002", "no schema cache"), 503, "supabase_unreachable", 4),
        (error(504, "PGRST003", "timed out"), 503, "supabase_overloaded", 1),
        (error(404, "PGRST106", "schema not exposed"), 503, "schema_mismatch", 1),
        (error(400, "PGRST203", "overloaded function"), 503, "schema_mismatch", 1),
        // Older versions of PostgREST.
        (error(401, "PGRST301", "JWT expired"), 401, "token_expired", 1),
        (error(500, "PGRST300", "no secret"), 502, "supabase_refused", 1),
        // A wrong API key is no reason to sign a user out.
        (gateway(401, r#"{"message":"Invalid API key"}"#), 502, "supabase_refused", 1),
        (gateway(403, "<html>"), 502, "supabase_refused", 1),
        (gateway(429, "slow down"), 503, "supabase_overloaded", 4),
        (gateway(502, ""), 503, "supabase_unreachable", 4),
        (gateway(503, "{}"), 503, "supabase_overloaded", 4),
        (gateway(504, "null"), 504, "supabase_timeout", 4),
        (gateway(522, "<html>"), 503, "supabase_unreachable", 4),
        (gateway(302, ""), 502, "supabase_refused", 1),
    ] {
        let what = match &outcome {
            Outcome::Answer(status, _, body) => format!("{status} {body}"),
            _ => String::new(),
        };
        let (reply, times) = change_a_chat(&project, outcome).await;
        if status == 503 {
            assert_ne!(reply.header("retry-after"), "", "{what}");
        }
        assert_eq!((reply.problem(status), times), (code.to_owned(), asked), "{what}");
    }
}

#[tokio::test]
async fn rows_that_make_no_sense_are_supabases_fault() {
    let project = project().await;
    let user = project.user();
    let id = Uuid::new_v4();
    let routes = [
        "/api/chats/".to_owned(),
        format!("/api/chats/{id}"),
        format!("/api/chats/{id}?include_messages=true"),
        format!("/api/messages/chat/{id}"),
        format!("/api/messages/{id}"),
        "/api/files/".to_owned(),
        format!("/api/files/{id}"),
        "/api/scripts/runs".to_owned(),
        format!("/api/scripts/runs/{id}"),
        "/api/analytics/usage".to_owned(),
        "/api/analytics/events".to_owned(),
    ];
    let many = |row: &str| format!("[{}]", [row; 300].join(","));
    let garbage = [
        String::new(),
        "<html>".to_owned(),
        "{\"messages\":".to_owned(),
        "nonsense \u{0}".to_owned(),
        "7".to_owned(),
        "null".to_owned(),
        many("{}"),
        many("7"),
        many("{\"id\":\"none\",\"created_at\":\"infinity\",\"messages\":7}"),
        format!("{{\"messages\":{}}}", many("7")),
    ];
    for body in garbage {
        project.supabase.recover();
        project.supabase.always("/rest/v1", Outcome::Answer(200, None, body.clone()));
        for route in &routes {
            let reply = user.get(route).await;
            let start: String = body.chars().take(40).collect();
            assert_ne!(reply.status, 500, "{route}: {start}");
            let is_json = serde_json::from_str::<serde_json::Value>(&body).is_ok();
            if !is_json || route.ends_with("/usage") && !body.starts_with('{') {
                assert_eq!(reply.status, 502, "{route}: {start}");
                assert_eq!(reply.problem(502), "supabase_refused");
            }
        }
    }
}

#[tokio::test]
async fn nothing_of_the_database_reaches_a_client() {
    let project = project().await;
    let secret = "relation \"secret_table\" at 10.0.0.1";
    for code in ["42P01", "23514", "57014", "XX000", "PGRST002"] {
        let (reply, _) = change_a_chat(&project, Outcome::error(500, code, secret)).await;
        assert!(!reply.text.contains("secret_table") && !reply.text.contains("10.0.0.1"), "{code}");
    }
}

#[tokio::test]
async fn a_token_that_is_too_new_for_the_database_gets_a_moment() {
    let project = project().await;
    let early = || Outcome::error(401, "PGRST303", "JWT issued at future");
    project.supabase.enqueue("/rest/v1/chats", [early()]);
    let before = project.app.clock.now();
    project.call_signed(&json!({})).await.expect(200);
    assert_eq!(project.app.clock.now().duration_since(before).as_secs(), 1);

    // Its clock is wrong for longer, which is no reason to sign anybody out.
    let (reply, asked) = change_a_chat(&project, early()).await;
    assert_eq!((reply.problem(503), asked), ("token_not_yet_valid".to_owned(), 2));
    let recorded = Outcome::Recorded("postgrest/124-err-jwt-nbf.txt");
    let (reply, _) = change_a_chat(&project, recorded).await;
    assert_eq!(reply.problem(503), "token_not_yet_valid");
}

#[tokio::test]
async fn auths_word_about_a_token_becomes_a_problem() {
    let project = project().await;
    let legacy = Key::hs256(b"a secret that this server does not know");
    let old_words = json!({ "code": 401, "msg": "invalid JWT: signature is invalid" });
    let recorded = Outcome::Recorded;
    for (outcome, status, code) in [
        (recorded("gotrue/037-user-get-noauth.txt"), 401, "token_invalid"),
        (recorded("gotrue/038-user-get-noauth-v2024.txt"), 401, "token_invalid"),
        (recorded("gotrue/040-user-get-expired.txt"), 401, "token_expired"),
        (recorded("gotrue/041-user-get-wrongsig.txt"), 401, "token_invalid"),
        (recorded("gotrue/043-user-get-unknown-sub.txt"), 401, "token_invalid"),
        (recorded("gotrue/085-user-after-delete.txt"), 401, "user_not_found"),
        (Outcome::json(401, &old_words), 401, "token_invalid"),
        // What is no word about the token is our fault.
        (recorded("gotrue/073-recover-too-soon.txt"), 503, "supabase_overloaded"),
        (Outcome::json(401, &json!({ "message": "Invalid API key" })), 502, "supabase_refused"),
        (Outcome::status(404), 502, "supabase_refused"),
        (Outcome::status(502), 503, "supabase_unreachable"),
        (Outcome::Answer(200, None, "<html>".into()), 502, "supabase_refused"),
    ] {
        project.supabase.recover();
        project.supabase.publish(&[]);
        project.supabase.always("/auth/v1/user", outcome);
        // A failure is remembered for a moment.
        project.app.clock.advance(Duration::from_secs(1));
        let token = legacy.sign(&project.claims());
        assert_eq!(project.call(&token).await.problem(status), code);
    }
}

#[tokio::test]
async fn a_database_that_takes_no_writes_says_so() {
    let project = project().await;
    for (code, says) in [("53100", "disk is full"), ("25006", "disk is full"), ("53400", "busy")] {
        let (reply, _) = change_a_chat(&project, Outcome::error(503, code, "no")).await;
        assert!(reply.json()["detail"].as_str().unwrap().contains(says), "{}", reply.text);
        assert_eq!(reply.problem(503), "supabase_overloaded", "{code}");
    }
}
