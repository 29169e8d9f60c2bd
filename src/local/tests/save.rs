//! `save_generation` and `request_stop`.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::*;
use crate::local_supabase::Role;

const CHAT: u128 = 0xc0;
const ANSWER: u128 = 0xaa;
const RUN: u128 = 1;
/// The digest of that run.
const RUN_ID: &str = "7ac1b8d7-010b-b6cd-3a3e-84e7f90136b8";

/// A chat in which a run has begun.
async fn server() -> Server {
    let server = Server::start().await;
    let begin = json!({"p_chat_id": id(CHAT), "p_run": id(RUN), "p_message_id": id(ANSWER),
        "p_create_chat": {}, "p_model": "m",
        "p_user_message": {"id": id(2), "content": "Hi", "parts": [{"type": "text", "text": "Hi"}]}});
    assert_eq!(server.call(ALICE, "begin_generation", begin).await["answer"], "started");
    server
}

fn saving(run: u128, more: Value) -> Value {
    let mut save = json!({"p_message_id": id(ANSWER), "p_run": id(run), "p_chat_id": id(CHAT)});
    save.as_object_mut().unwrap().extend(members(more));
    save
}

async fn save(server: &Server, more: Value) -> Value {
    server.call(ALICE, "save_generation", saving(RUN, more)).await
}

fn log(source: &str) -> Value {
    json!({"operation": "chat", "provider": "openai", "model": "m", "input_tokens": 10,
        "output_tokens": 5, "cached_input_tokens": 3, "usage_source": source, "cost_usd": 0.000125,
        "latency_ms": 900, "status": "complete", "raw": {"id": "x"}})
}

fn end() -> Value {
    json!({"p_content": "Hello", "p_parts": [{"type": "text", "text": "Hello"}],
        "p_usage": {"input_tokens": 10}, "p_cost_usd": 0.000125,
        "p_end": {"status": "complete", "finish_reason": "stop", "usage_log": log("reported")}})
}

async fn answer(server: &Server) -> Value {
    server.rows(ALICE, &format!("/messages?id=eq.{}", id(ANSWER))).await[0].clone()
}

#[tokio::test]
async fn a_checkpoint_renews_the_lease_and_keeps_what_is_not_given() {
    let server = server().await;
    server.clock.advance(Duration::from_secs(10));
    let checkpoint = json!({"p_content": "Hel", "p_parts": [1], "p_cost_usd": 0.5,
        "p_metadata": {"provider": "openai"}, "p_usage": {"input_tokens": 4}});
    let saved = save(&server, checkpoint).await;
    assert_eq!(saved, json!({"owned": true, "stop_requested": false, "message": null}));
    let row = answer(&server).await;
    assert_eq!(row["content"], "Hel");
    assert_eq!(row["lease_expires_at"], "2026-11-22T19:54:10.89315+00:00");
    save(&server, json!({"p_model": "m2", "p_end": null})).await;
    let row = answer(&server).await;
    assert_eq!((&row["content"], &row["parts"]), (&json!("Hel"), &json!([1])));
    assert_eq!((&row["model"], &row["status"]), (&json!("m2"), &json!("streaming")));
    assert_eq!(row["metadata"], json!({"provider": "openai"}));
    assert_eq!((&row["usage"], &row["cost_usd"]), (&json!({"input_tokens": 4}), &json!(0.5)));
    assert_eq!(server.rows(ALICE, "/usage_logs").await, json!([]));
}

#[tokio::test]
async fn the_end_records_usage_once() {
    let server = server().await;
    let saved = save(&server, end()).await;
    assert_eq!((&saved["owned"], &saved["stop_requested"]), (&json!(true), &json!(false)));
    let message = &saved["message"];
    assert_eq!(message["status"], "complete");
    assert_eq!(message["finish_reason"], "stop");
    assert_eq!(message["cost_usd"], json!(0.000125));
    assert_eq!(message["usage"], json!({"input_tokens": 10}));
    assert_eq!(message["content"], "Hello");
    // The answer to the first was lost on the way.
    let again = save(&server, end()).await;
    assert_eq!(again["owned"], false);
    assert_eq!(again["message"], *message);
    let columns = "id,user_id,chat_id,message_id,operation,provider,model,input_tokens,\
                   output_tokens,cached_input_tokens,cache_write_input_tokens,reasoning_tokens,\
                   usage_source,cost_usd,latency_ms,time_to_first_token_ms,status,error_code,raw";
    assert_eq!(
        server.rows(ALICE, &format!("/usage_logs?select={columns}")).await,
        json!([{"id": RUN_ID, "user_id": id_of(ALICE), "chat_id": id(CHAT),
            "message_id": id(ANSWER), "operation": "chat", "provider": "openai", "model": "m",
            "input_tokens": 10, "output_tokens": 5, "cached_input_tokens": 3,
            "cache_write_input_tokens": 0, "reasoning_tokens": 0, "usage_source": "reported",
            "cost_usd": 0.000125, "latency_ms": 900, "time_to_first_token_ms": null,
            "status": "complete", "error_code": null, "raw": {"id": "x"}}])
    );
}

#[tokio::test]
async fn an_end_replaces_what_it_does_not_give() {
    let server = server().await;
    save(&server, json!({"p_content": "Hel", "p_usage": {"a": 1}, "p_cost_usd": 1})).await;
    let end = json!({"p_end": {"status": "failed", "is_active": "false"}});
    let message = save(&server, end).await["message"].clone();
    assert_eq!((&message["content"], &message["status"]), (&json!("Hel"), &json!("failed")));
    assert_eq!((&message["usage"], &message["cost_usd"]), (&Value::Null, &Value::Null));
    assert_eq!((&message["is_active"], &message["finish_reason"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn only_the_run_that_owns_it_saves() {
    let server = server().await;
    let denied = json!({"owned": false, "stop_requested": false, "message": null});
    let other = saving(2, json!({"p_content": "x"}));
    assert_eq!(server.call(ALICE, "save_generation", other).await, denied);
    // Whoever can read the row knows the digest only.
    let mut digest = saving(2, json!({"p_content": "x"}));
    digest["p_run"] = json!(RUN_ID);
    assert_eq!(server.call(ALICE, "save_generation", digest).await, denied);
    let bobs = saving(RUN, json!({"p_content": "x", "p_user_id": id_of(ALICE)}));
    assert_eq!(server.call(BOB, "save_generation", bobs).await, denied);
    let nobody = saving(RUN, json!({"p_content": "x"}));
    assert_eq!(server.call(Role::Service, "save_generation", nobody).await, denied);
    assert_eq!(answer(&server).await["content"], "");
    let service = saving(RUN, json!({"p_content": "by service", "p_user_id": id_of(ALICE)}));
    let saved = server.call(Role::Service, "save_generation", service).await;
    assert_eq!(saved["owned"], true);
    assert_eq!(answer(&server).await["content"], "by service");
}

#[tokio::test]
async fn usage_outlives_the_message_and_the_chat() {
    let server = server().await;
    server.send(ALICE, delete(&format!("/messages?id=eq.{}", id(ANSWER)))).await;
    let saved = save(&server, end()).await;
    assert_eq!(saved, json!({"owned": false, "stop_requested": false, "message": null}));
    let usage = "/usage_logs?select=id,chat_id,message_id";
    let rows = server.rows(ALICE, usage).await;
    assert_eq!(rows, json!([{"id": RUN_ID, "chat_id": id(CHAT), "message_id": null}]));

    let server = self::server().await;
    server.send(ALICE, delete(&format!("/chats?id=eq.{}", id(CHAT)))).await;
    save(&server, end()).await;
    let rows = server.rows(ALICE, usage).await;
    assert_eq!(rows, json!([{"id": RUN_ID, "chat_id": null, "message_id": null}]));
}

#[tokio::test]
async fn a_late_end_replaces_the_estimate() {
    let server = server().await;
    server.clock.advance(Duration::from_secs(30));
    let stop = json!({"p_chat_id": id(CHAT)});
    let stopped = server.call(ALICE, "request_stop", stop).await;
    assert_eq!(stopped["running"], false);
    assert_eq!(stopped["message"]["status"], "interrupted");
    let usage = "/usage_logs?select=usage_source,output_tokens,status";
    let rows = server.rows(ALICE, usage).await;
    assert_eq!(
        rows,
        json!([{"usage_source": "estimated", "output_tokens": 0, "status": "interrupted"}])
    );
    // A checkpoint comes too late, the end does not.
    assert_eq!(save(&server, json!({"p_content": "x"})).await["owned"], false);
    let saved = save(&server, end()).await;
    assert_eq!((&saved["owned"], &saved["message"]["status"]), (&json!(true), &json!("complete")));
    let reported = json!([{"usage_source": "reported", "output_tokens": 5, "status": "complete"}]);
    assert_eq!(server.rows(ALICE, usage).await, reported);
    // A report is never replaced.
    let mut estimate = end();
    estimate["p_end"]["usage_log"] = log("estimated");
    estimate["p_end"]["usage_log"]["output_tokens"] = json!(99);
    save(&server, estimate).await;
    let mut second = end();
    second["p_end"]["usage_log"]["output_tokens"] = json!(77);
    save(&server, second).await;
    assert_eq!(server.rows(ALICE, usage).await, reported);
}

#[tokio::test]
async fn the_last_word_of_a_run_replaces_an_estimate() {
    let server = server().await;
    let forged = json!({"lease_expires_at": "2026-01-01", "usage": {}});
    let path = format!("/messages?id=eq.{}", id(ANSWER));
    server.send(ALICE, patch(&path).json(&forged)).await;
    server.call(ALICE, "request_stop", json!({"p_chat_id": id(CHAT)})).await;
    let usage = "/usage_logs?select=usage_source,input_tokens";
    let estimated = |tokens| json!([{"usage_source": "estimated", "input_tokens": tokens}]);
    // The run lives, whatever its message says.
    assert_eq!(server.rows(ALICE, usage).await, json!([]));
    let mut estimate = end();
    estimate["p_end"]["usage_log"] = log("estimated");
    save(&server, estimate.clone()).await;
    assert_eq!(server.rows(ALICE, usage).await, estimated(10));
    estimate["p_end"]["usage_log"]["input_tokens"] = json!(4);
    save(&server, estimate).await;
    assert_eq!(server.rows(ALICE, usage).await, estimated(4));
}

#[tokio::test]
async fn an_interrupted_answer_that_was_replaced_is_not_owned() {
    let server = server().await;
    server.clock.advance(Duration::from_secs(30));
    let begin = json!({"p_chat_id": id(CHAT), "p_run": id(2), "p_message_id": id(0xbb)});
    assert_eq!(server.call(ALICE, "begin_generation", begin).await["answer"], "started");
    let saved = save(&server, end()).await;
    assert_eq!(saved["owned"], false);
    assert_eq!(saved["message"]["status"], "interrupted", "as it is");
    assert_eq!(answer(&server).await["content"], "");
    let usage = server.rows(ALICE, "/usage_logs?select=usage_source,message_id").await;
    assert_eq!(usage, json!([{"usage_source": "reported", "message_id": id(ANSWER)}]));
}

#[tokio::test]
async fn a_user_cannot_record_usage_that_is_wrong() {
    let server = server().await;
    let mut wrong = end();
    wrong["p_end"]["usage_log"]["cached_input_tokens"] = json!(11);
    let request = post("/rpc/save_generation").json(&saving(RUN, wrong));
    let answer = server.send(ALICE, request).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "23514"));
    assert!(answer.body.contains("usage_logs_cached_check"), "{}", answer.body);
    assert_eq!(self::answer(&server).await["status"], "streaming", "one transaction");
    let mut missing = end();
    missing["p_end"]["usage_log"] = json!({});
    let request = post("/rpc/save_generation").json(&saving(RUN, missing));
    assert_eq!(server.send(ALICE, request).await.code(), "23502");
    // Nobody's usage: the service role has to say whose it is.
    let request = post("/rpc/save_generation").json(&saving(RUN, end()));
    let answer = server.send(Role::Service, request).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "42501"));
    assert_eq!(answer.json()["message"], "not the caller's usage");
}

#[tokio::test]
async fn stopping() {
    let server = server().await;
    let stop = async || server.call(ALICE, "request_stop", json!({"p_chat_id": id(CHAT)})).await;
    let stopping = stop().await;
    assert_eq!(stopping["running"], true);
    assert_eq!(stopping["message"]["id"], id(ANSWER));
    assert_eq!(stopping["message"]["status"], "streaming");
    let first = answer(&server).await["stop_requested_at"].clone();
    assert_eq!(first, "2026-11-22T19:53:31.89315+00:00");
    server.clock.advance(Duration::from_secs(1));
    stop().await;
    assert_eq!(answer(&server).await["stop_requested_at"], first, "the first request counts");
    assert_eq!(save(&server, json!({"p_content": "x"})).await["stop_requested"], true);
    let end = json!({"p_end": {"status": "stopped", "finish_reason": "stop"}});
    assert_eq!(save(&server, end).await["stop_requested"], true);
    let stopped = stop().await;
    assert_eq!(stopped["running"], false);
    assert_eq!(stopped["message"]["status"], "stopped");
}

#[tokio::test]
async fn stopping_where_nothing_runs() {
    let server = Server::start().await;
    server.insert(ALICE, "chats", json!({"id": id(CHAT)})).await;
    let stop = json!({"p_chat_id": id(CHAT)});
    let stopped = server.call(ALICE, "request_stop", stop.clone()).await;
    assert_eq!(stopped, json!({"running": false, "message": null}));
    assert_eq!(server.call(BOB, "request_stop", stop).await, Value::Null);
}

#[tokio::test]
async fn a_repeated_begin_whose_question_was_deleted() {
    let server = server().await;
    server.send(ALICE, delete(&format!("/messages?id=eq.{}", id(2)))).await;
    let begin = json!({"p_chat_id": id(CHAT), "p_run": id(RUN), "p_message_id": id(ANSWER)});
    let repeated = server.call(ALICE, "begin_generation", begin).await;
    assert_eq!(repeated["answer"], "started");
    assert_eq!(repeated["message"]["id"], id(ANSWER));
    assert_eq!(repeated["user_message"]["id"], Value::Null);
    assert_eq!(repeated["history"], json!([]));
}
