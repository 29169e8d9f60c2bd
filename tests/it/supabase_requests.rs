//! How Supabase is asked: again where that is safe, with the right keys, and never in the log.

use std::time::Duration;

use chat_backend::clock::Clock;
use futures_util::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    FakeProvider, FakeSupabase, Key, Outcome, Program, Project, REQUEST_TIMEOUT_MS, Reply, TestApp,
    app, claims, project,
};

const CHATS: &str = "/rest/v1/chats";

#[tokio::test]
async fn reading_is_repeated_until_it_succeeds() {
    let project = project().await;
    for outcome in [Outcome::Closed, Outcome::Truncated, Outcome::status(502), Outcome::status(503)]
    {
        let before = project.supabase.requests_to(CHATS).len();
        project.supabase.enqueue(CHATS, [outcome.clone(), outcome.clone(), outcome]);
        project.call_signed(&json!({})).await.expect(200);
        assert_eq!(project.supabase.requests_to(CHATS).len() - before, 4);
    }
}

#[tokio::test]
async fn changing_and_deleting_is_repeated() {
    let project = project().await;
    let alice = project.user();
    let chat = format!("/api/chats/{}", Uuid::new_v4());
    project.supabase.enqueue(CHATS, [Outcome::Closed]);
    alice.patch(&chat, json!({ "title": "Trip" })).await.expect(200);
    project.supabase.enqueue(CHATS, [Outcome::Closed, Outcome::json(200, &json!([{ "id": 1 }]))]);
    alice.delete(&chat).await.expect(204);
    assert_eq!(project.supabase.requests_to(CHATS).len(), 4);
}

#[tokio::test]
async fn creating_is_repeated_because_the_id_is_known() {
    let project = project().await;
    let row = json!([{ "id": Uuid::new_v4() }]);
    project.supabase.enqueue(CHATS, [Outcome::Closed, Outcome::json(201, &row)]);
    project.user().post("/api/chats/", json!({})).await.expect(201);
    let prefer = project.supabase.requests_to(CHATS).pop().unwrap().headers["prefer"].clone();
    assert_eq!(prefer, "resolution=ignore-duplicates,return=representation");
}

#[tokio::test]
async fn a_message_follows_another_where_its_predecessor_has_just_been_deleted() {
    let project = project().await;
    let gone = "insert or update on table \"messages\" violates foreign key constraint \
                \"messages_parent_fkey\"";
    let row = json!([{ "id": Uuid::new_v4() }]);
    let outcomes = [Outcome::error(409, "23503", gone), Outcome::json(201, &row)];
    project.supabase.enqueue("/rest/v1/messages", outcomes);
    let path = format!("/api/messages/chat/{}", Uuid::new_v4());
    project.user().post(&path, json!({ "role": "user", "content": "Hi" })).await.expect(201);
}

#[tokio::test]
async fn what_would_do_something_twice_is_repeated_only_if_it_was_not_done() {
    let project = project().await;
    let alice = project.user();
    let toggle = format!("/api/chats/{}/archive", Uuid::new_v4());
    for (outcome, times) in [
        (Outcome::Closed, 1),
        (Outcome::Truncated, 1),
        (Outcome::status(502), 1),
        (Outcome::status(504), 1),
        (Outcome::error(503, "PGRST001", "the connection was lost"), 1),
        (Outcome::error(503, "PGRST000", "no connection"), 4),
        (Outcome::error(500, "40P01", "deadlock detected"), 4),
    ] {
        project.supabase.recover();
        project.supabase.always("/rest/v1/rpc/toggle_chat", outcome);
        let before = project.supabase.requests_to("/rest/v1/rpc/").len();
        assert!(alice.poke(&toggle).await.status >= 500);
        assert_eq!(project.supabase.requests_to("/rest/v1/rpc/").len() - before, times);
    }
}

#[tokio::test]
async fn claims_and_stops_are_repeated() {
    let project = project().await;
    let alice = project.user();
    let chat = format!("/api/ai/chat/{}", Uuid::new_v4());
    project.supabase.enqueue(
        "/rest/v1/rpc/request_stop",
        [Outcome::Closed, Outcome::json(200, &json!({ "running": false, "message": null }))],
    );
    alice.poke(&format!("{chat}/stop")).await.expect(204);
    project.supabase.enqueue(
        "/rest/v1/rpc/begin_generation",
        [Outcome::Closed, Outcome::json(200, &json!({ "answer": "nothing_to_answer" }))],
    );
    let reply = alice.post(&format!("{chat}/generate"), json!({})).await;
    assert_eq!(reply.problem(422), "nothing_to_answer");
}

#[tokio::test]
async fn pauses_grow_and_supabases_wish_is_respected() {
    let project = project().await;
    let paused = async |outcomes: Vec<Outcome>| {
        let before = project.app.clock.now();
        project.supabase.enqueue(CHATS, outcomes);
        project.call_signed(&json!({})).await.expect(200);
        project.app.clock.now().duration_since(before).as_millis()
    };
    let down = || Outcome::status(503);
    let grown = paused(vec![down(), down(), down()]).await;
    assert!((350..=700).contains(&grown), "{grown}");
    assert_eq!(paused(vec![Outcome::later(503, 2)]).await, 2_000);

    // A long pause is the client's to make.
    project.supabase.enqueue(CHATS, [Outcome::later(503, 60)]);
    let reply = project.call_signed(&json!({})).await;
    assert_eq!(reply.header("retry-after"), "60");
    assert_eq!(reply.problem(503), "supabase_overloaded");
}

#[tokio::test]
async fn a_supabase_that_never_answers_costs_one_request_timeout() {
    let project = Project::with(&[(REQUEST_TIMEOUT_MS, "100")]).await;
    project.call_signed(&json!({})).await.expect(200);
    project.supabase.always(CHATS, Outcome::Silence);
    let before = project.supabase.requests_to(CHATS).len();
    assert_eq!(project.call_signed(&json!({})).await.problem(504), "supabase_timeout");
    assert_eq!(project.supabase.requests_to(CHATS).len() - before, 1);
}

#[tokio::test]
async fn old_keys_serve_while_the_new_ones_do_not_come() {
    let project = Project::with(&[(REQUEST_TIMEOUT_MS, "500")]).await;
    project.call_signed(&json!({})).await.expect(200);
    project.supabase.always("/auth/v1", Outcome::Silence);
    project.app.clock.advance(Duration::from_secs(600));
    let tokens: Vec<_> = (0..10).map(|_| project.token()).collect();
    let replies = join_all(tokens.iter().map(|token| project.call(token))).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(project.supabase.key_requests(), 2);
}

#[tokio::test]
async fn nobody_listening_is_noticed_at_once() {
    let project = project().await;
    let token = project.token();
    project.call(&token).await.expect(200);
    let before = project.app.clock.now();
    project.supabase.stop().await;
    let reply = project.call(&token).await;
    assert_eq!(reply.problem(503), "supabase_unreachable");
    let paused = project.app.clock.now().duration_since(before).as_millis();
    assert!((350..=700).contains(&paused), "{paused}");
}

#[tokio::test]
async fn connections_are_used_again() {
    let project = project().await;
    for _ in 0..5 {
        project.call_signed(&json!({})).await.expect(200);
    }
    assert_eq!((project.supabase.requests_to("/").len(), project.supabase.connections()), (6, 1));
}

#[tokio::test]
async fn new_keys_are_no_bearer_tokens() {
    let project = project().await;
    let token = project.token();
    project.call(&token).await.expect(200);
    let keys = project.supabase.requests_to("/auth/v1/.well-known").pop().unwrap().headers;
    assert_eq!(keys["apikey"], "sb_publishable_test");
    assert!(!keys.contains_key("authorization"));
    let rows = project.supabase.requests_to(CHATS).pop().unwrap().headers;
    assert_eq!(rows["apikey"], "sb_publishable_test");
    assert_eq!(rows["authorization"], format!("Bearer {token}"));
}

#[tokio::test]
async fn legacy_keys_are_bearer_tokens_too() {
    let project = Project::with(&[("SUPABASE_ANON_KEY", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")]).await;
    project.call_signed(&json!({})).await.expect(200);
    let keys = project.supabase.requests_to("/auth/v1/.well-known").pop().unwrap().headers;
    assert_eq!(keys["apikey"], "eyJhbGciOiJIUzI1NiJ9.e30.c2ln");
    assert_eq!(keys["authorization"], "Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln");
}

#[tokio::test]
async fn tokens_and_keys_stay_out_of_the_log() {
    let supabase = FakeSupabase::start().await;
    let key = Key::es256("first");
    supabase.publish(std::slice::from_ref(&key.jwk));
    let url = supabase.url.as_str();
    let program = Program::start(&[
        ("SUPABASE_URL", url),
        ("SUPABASE_ANON_KEY", "sb_publishable_test"),
        ("SUPABASE_SERVICE_ROLE_KEY", "sb_secret_test"),
        ("RUST_LOG", "trace"),
    ]);
    let token = key.sign(&claims(&supabase, Clock::System.unix_seconds()));
    let http = reqwest::Client::new();
    let call = async |token: &str| {
        Reply::send(http.get(format!("{}/api/chats/", program.url)).bearer_auth(token)).await
    };
    call(&token).await.expect(200);
    for outcome in [
        Outcome::Closed,
        Outcome::Recorded("postgrest/111-err-missing-table.txt"),
        Outcome::Recorded("postgrest/122-err-jwt-wrongsig.txt"),
    ] {
        supabase.recover();
        supabase.always("/rest/v1", outcome);
        assert!(call(&token).await.status >= 500);
    }
    call(&token[..token.len() - 3]).await.problem(401);
    let log = program.log();
    for line in ["asking again", "the migrations seem to be missing", "token_invalid"] {
        assert!(log.contains(line), "{line} is not in the log:\n{log}");
    }
    let signature = token.rsplit_once('.').unwrap().1;
    for secret in [signature, &token[..60], "sb_publishable_test", "sb_secret_test"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[tokio::test]
async fn a_user_who_is_gone_is_told_so() {
    let app = app().await;
    let alice = app.user("alice").await;
    app.delete_user(&alice).await;
    let reply = alice.post("/api/chats/", json!({ "title": "Trip" })).await;
    assert_eq!(reply.problem(401), "user_not_found");
}

#[tokio::test]
async fn no_model_is_asked_for_a_user_who_is_gone() {
    let provider = FakeProvider::with([]).await;
    let settings = [("OPENAI_BASE_URL", provider.url.as_str()), ("DEFAULT_MODEL", "local")];
    let app = TestApp::with(&settings).await;
    let alice = app.user("alice").await;
    app.delete_user(&alice).await;
    for stream in [false, true] {
        let body = json!({ "prompt": "Hello", "stream": stream });
        let reply = alice.post("/api/ai/generate", body).await;
        assert_eq!(reply.problem(401), "user_not_found");
    }
    assert_eq!(provider.requests().len(), 0);
}

#[tokio::test]
async fn a_user_who_goes_while_the_model_answers_is_told_so() {
    let project = project().await;
    let gone = "insert or update on table \"usage_logs\" violates foreign key constraint \
                \"usage_logs_user_fkey\"";
    project.supabase.always("/rest/v1/rpc/save_generation", Outcome::error(409, "23503", gone));
    let reply = project.user().post("/api/ai/generate", json!({ "prompt": "Hello" })).await;
    assert_eq!(reply.problem(401), "user_not_found");
}

#[tokio::test]
async fn an_end_that_the_database_refuses_is_saved_all_the_same() {
    const SAVE: &str = "/rest/v1/rpc/save_generation";
    let project = project().await;
    let message = json!({ "id": Uuid::new_v4(), "model": "scripted/demo", "metadata": {},
        "is_active": true });
    let history = [json!({ "role": "user", "parts": [{ "type": "text", "text": "Hi" }] })];
    let started = json!({ "answer": "started", "chat": { "title": "Trip", "system_prompt": null },
        "message": message, "user_message": {}, "history": history });
    project.supabase.enqueue("/rest/v1/rpc/begin_generation", [Outcome::json(200, &started)]);
    let saved = json!({ "owned": true, "stop_requested": false, "message": message });
    let refused =
        Outcome::error(400, "23514", "violates check constraint \"messages_metadata_check\"");
    let answers = [refused.clone(), refused, Outcome::json(200, &saved)];
    project.supabase.enqueue(SAVE, answers);
    let chat = Uuid::new_v4().to_string();
    project.user().generate(&chat, json!({ "content": "Hi" })).await.problem(500);
    let ends: Vec<_> = project
        .supabase
        .requests_to(SAVE)
        .iter()
        .map(|asked| {
            let save = &asked.body;
            (
                save["p_end"]["status"].clone(),
                save["p_parts"].is_array(),
                save["p_metadata"].is_object(),
            )
        })
        .collect();
    let (complete, failed) = (json!("complete"), json!("failed"));
    assert_eq!(
        ends,
        [(complete, true, true), (failed.clone(), true, false), (failed, false, false)]
    );
}

#[tokio::test]
async fn fewer_rows_are_asked_for_where_so_many_are_too_long() {
    let project = project().await;
    let alice = project.user();
    let too_long = || Outcome::error(500, "54000", "the answer would be too long");
    let id = Uuid::new_v4();
    let row = json!({ "id": id, "created_at": "2026-11-22T12:00:00Z", "last_message_at": null });
    project.supabase.enqueue(CHATS, [too_long(), too_long(), Outcome::json(200, &json!([row]))]);
    let reply = alice.get("/api/chats/").await;
    // The next page begins with as few rows as were to be had.
    assert!(reply.next_page().unwrap().ends_with(&format!("{}.1", id.simple())));
    assert_eq!(reply.expect(200)[0]["id"], json!(id));
    let asked = project.supabase.requests_to(CHATS);
    let limits: Vec<_> = asked.iter().map(|asked| asked.query.split("limit=").nth(1)).collect();
    assert_eq!(limits, [Some("51"), Some("6"), Some("1")]);
    // One row that is too long is the end of it.
    project.supabase.enqueue(CHATS, [too_long(), too_long(), too_long()]);
    assert_ne!(alice.get("/api/chats/").await.status, 200);
    assert_eq!(project.supabase.requests_to(CHATS).len(), 6);
}
