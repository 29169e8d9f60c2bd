//! `begin_generation`.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::*;
use crate::local_supabase::Role;

const CHAT: u128 = 0xc0;

fn text(text: &str) -> Value {
    json!([{"type": "text", "text": text}])
}

fn user_message(number: u128, content: &str) -> Value {
    json!({"id": id(number), "content": content, "parts": text(content)})
}

/// A call in the chat by the run of that number, whose answer gets the id 0x1000 more.
fn call(run: u128, more: Value) -> Value {
    let mut call = json!({"p_chat_id": id(CHAT), "p_run": id(run), "p_message_id": id(0x1000 + run),
        "p_default_model": "default-model"});
    call.as_object_mut().unwrap().extend(members(more));
    call
}

async fn begin(server: &Server, run: u128, more: Value) -> Value {
    server.clock.advance(Duration::from_millis(1));
    server.call(ALICE, "begin_generation", call(run, more)).await
}

/// Ends the answer of a run.
async fn end(server: &Server, run: u128, status: &str, is_active: bool) -> Value {
    let save = json!({"p_message_id": id(0x1000 + run), "p_run": id(run), "p_chat_id": id(CHAT),
        "p_content": format!("answer {run}"), "p_parts": text(&format!("answer {run}")),
        "p_end": {"status": status, "finish_reason": "stop", "is_active": is_active}});
    server.call(ALICE, "save_generation", save).await
}

async fn server() -> Server {
    let server = Server::start().await;
    server.insert(ALICE, "chats", json!({"id": id(CHAT), "title": "Chat"})).await;
    server
}

async fn messages(server: &Server) -> Value {
    let columns = "id,parent_id,role,content,status,is_active";
    server.rows(ALICE, &format!("/messages?select={columns}&order=created_at,id")).await
}

#[tokio::test]
async fn started() {
    let server = server().await;
    let question = json!({"p_user_message": {"id": id(1), "content": "Hi there",
        "parts": text("Hi there"), "metadata": {"k": 1}}});
    let answer = begin(&server, 1, question).await;
    assert_eq!(answer["answer"], "started");
    assert_eq!(
        answer["chat"],
        json!({"id": id(CHAT), "title": "Chat", "model": null, "system_prompt": null})
    );
    assert_eq!(
        answer["user_message"],
        json!({"id": id(1), "chat_id": id(CHAT), "user_id": id_of(ALICE), "parent_id": null,
            "role": "user", "content": "Hi there", "parts": text("Hi there"), "model": null,
            "status": "complete", "finish_reason": null, "usage": null, "cost_usd": null,
            "is_active": true, "metadata": {"k": 1},
            "created_at": "2026-11-22T19:53:31.89415+00:00",
            "updated_at": "2026-11-22T19:53:31.89415+00:00"})
    );
    let estimate = json!({"input_tokens": 2, "output_tokens": 0, "total_tokens": 2,
        "cached_input_tokens": 0, "cache_write_input_tokens": 0, "reasoning_tokens": 0});
    assert_eq!(
        answer["message"],
        json!({"id": id(0x1001), "chat_id": id(CHAT), "user_id": id_of(ALICE),
            "parent_id": id(1), "role": "assistant", "content": "", "parts": [],
            "model": "default-model", "status": "streaming", "finish_reason": null,
            "usage": estimate, "cost_usd": null, "is_active": true,
            "metadata": {"user_message_id": id(1)},
            "created_at": "2026-11-22T19:53:31.894151+00:00",
            "updated_at": "2026-11-22T19:53:31.89415+00:00"})
    );
    assert_eq!(
        answer["history"],
        json!([{"id": id(1), "role": "user", "parts": text("Hi there"), "model": null,
            "metadata": {"k": 1}}])
    );
    let stored = server.rows(ALICE, "/messages?select=run_id,lease_expires_at&role=eq.assistant");
    assert_eq!(
        stored.await,
        json!([{"run_id": "7ac1b8d7-010b-b6cd-3a3e-84e7f90136b8",
            "lease_expires_at": "2026-11-22T19:54:00.89415+00:00"}]),
        "the digest of the run and 29 seconds"
    );
}

#[tokio::test]
async fn a_repeat_of_the_same_call_gets_the_same_answer() {
    let server = server().await;
    let question = json!({"p_user_message": user_message(1, "Hi")});
    let first = begin(&server, 1, question.clone()).await;
    let again = begin(&server, 1, question).await;
    assert_eq!(again, first);
    assert_eq!(messages(&server).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_model_is_the_calls_or_the_chats_or_the_default() {
    let server = server().await;
    let question = json!({"p_user_message": user_message(1, "Hi"), "p_model": "asked"});
    assert_eq!(begin(&server, 1, question).await["message"]["model"], "asked");
    end(&server, 1, "failed", true).await;
    let uri = format!("/chats?id=eq.{}", id(CHAT));
    server.send(ALICE, patch(&uri).json(&json!({"model": "of the chat"}))).await;
    let started = begin(&server, 2, json!({})).await;
    assert_eq!(started["message"]["model"], "of the chat");
}

#[tokio::test]
async fn a_chat_can_be_created_on_the_way() {
    let server = Server::start().await;
    let create = json!({"p_user_message": user_message(1, "Hi"),
        "p_create_chat": {"title": "New", "model": "m", "system_prompt": "s", "metadata": null}});
    let answer = begin(&server, 1, create.clone()).await;
    assert_eq!(
        answer["chat"],
        json!({"id": id(CHAT), "title": "New", "model": "m", "system_prompt": "s"})
    );
    let chats = "/chats?select=title,metadata,user_id";
    assert_eq!(
        server.rows(ALICE, chats).await,
        json!([{"title": "New", "metadata": {}, "user_id": id_of(ALICE)}])
    );
    // It is there now, with whatever title.
    end(&server, 1, "complete", true).await;
    let mut again = create.clone();
    again["p_create_chat"]["title"] = json!("Other");
    again["p_user_message"] = user_message(2, "More");
    assert_eq!(begin(&server, 2, again).await["chat"]["title"], "New");
    // Somebody else's chat of that id stays theirs.
    let answer = server.call(BOB, "begin_generation", call(3, create)).await;
    assert_eq!(answer, json!({"answer": "not_found", "missing": "chat"}));
    let long = json!({"p_chat_id": id(5), "p_create_chat": {"title": "x".repeat(201)}});
    let answer = server.send(ALICE, post("/rpc/begin_generation").json(&call(4, long))).await;
    assert_eq!(answer.code(), "23514");
    assert!(answer.body.contains("chats_title_check"), "{}", answer.body);
}

#[tokio::test]
async fn running_busy_and_answered() {
    let server = server().await;
    let question = json!({"p_user_message": user_message(1, "Hi")});
    begin(&server, 1, question.clone()).await;
    let running = begin(&server, 2, question.clone()).await;
    assert_eq!(running["answer"], "running");
    assert_eq!(running["message"]["id"], id(0x1001));
    assert_eq!(running["user_message"]["id"], id(1));
    let busy = json!({"answer": "busy", "message_id": id(0x1001)});
    let other = json!({"p_user_message": user_message(2, "Other")});
    assert_eq!(begin(&server, 2, other.clone()).await, busy);
    let regenerate = json!({"p_action": "regenerate", "p_regenerate": id(0x1001)});
    assert_eq!(begin(&server, 2, regenerate).await, busy);
    end(&server, 1, "complete", true).await;
    let answered = begin(&server, 2, question.clone()).await;
    assert_eq!(answered["answer"], "answered");
    assert_eq!(answered["message"]["content"], "answer 1");
    assert_eq!(answered["user_message"]["id"], id(1));
    // A finished answer is returned even while another one runs.
    assert_eq!(begin(&server, 2, other).await["answer"], "started");
    assert_eq!(begin(&server, 3, question).await["answer"], "answered");
}

#[tokio::test]
async fn a_failed_answer_gets_one_new_attempt() {
    let server = server().await;
    let question = json!({"p_user_message": user_message(1, "Hi")});
    begin(&server, 1, question.clone()).await;
    end(&server, 1, "failed", true).await;
    let retried = begin(&server, 2, question).await;
    assert_eq!(retried["answer"], "started");
    let history = retried["history"].as_array().unwrap();
    assert_eq!(history.len(), 1, "the failed answer is no part of it");
    let rows = messages(&server).await;
    assert_eq!(column(&rows, "status"), "complete,failed,streaming");
    assert_eq!((&rows[1]["is_active"], &rows[2]["is_active"]), (&json!(true), &json!(false)));
    end(&server, 2, "complete", true).await;
    let rows = messages(&server).await;
    assert_eq!((&rows[1]["is_active"], &rows[2]["is_active"]), (&json!(false), &json!(true)));
}

#[tokio::test]
async fn conflicts() {
    let server = server().await;
    server.insert(ALICE, "chats", json!({"id": id(0xc1), "title": "Other"})).await;
    server.insert(BOB, "chats", json!({"id": id(0xc2)})).await;
    let bobs = json!({"id": id(7), "chat_id": id(0xc2), "role": "user"});
    server.insert(BOB, "messages", bobs).await;
    let question = json!({"p_user_message": user_message(1, "Hi")});
    begin(&server, 1, question.clone()).await;
    end(&server, 1, "complete", true).await;
    let conflict = json!({"answer": "conflict"});
    let same_id = |number| json!({"p_user_message": user_message(number, "Other")});
    assert_eq!(begin(&server, 2, same_id(1)).await, conflict, "other content");
    assert_eq!(begin(&server, 2, same_id(0x1001)).await, conflict, "an answer's id");
    assert_eq!(begin(&server, 2, same_id(7)).await, conflict, "somebody else's id");
    let mut elsewhere = question;
    elsewhere["p_chat_id"] = json!(id(0xc1));
    assert_eq!(begin(&server, 2, elsewhere).await, conflict, "in another chat");
    assert_eq!(messages(&server).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_edit_keeps_the_id_and_the_previous_version_a_copy() {
    let server = server().await;
    for run in [1, 2] {
        let question = json!({"p_user_message": user_message(run, "Question")});
        begin(&server, run, question).await;
        end(&server, run, "complete", true).await;
    }
    let edit = json!({"p_action": "edit", "p_user_message": user_message(1, "Edited")});
    let edited = begin(&server, 3, edit).await;
    assert_eq!(edited["answer"], "started");
    assert_eq!(edited["user_message"]["id"], id(1));
    assert_eq!(edited["user_message"]["content"], "Edited");
    assert_eq!(column(&edited["history"], "id"), id(1));
    assert_eq!(edited["history"][0]["parts"], text("Edited"));
    let stored = format!("/messages?select=content,is_active&id=eq.{}", id(1));
    let unchanged = json!([{"content": "Question", "is_active": true}]);
    assert_eq!(server.rows(ALICE, &stored).await, unchanged, "until there is content");
    let again = json!({"p_action": "edit", "p_user_message": user_message(1, "Edited")});
    let running = begin(&server, 4, again).await;
    assert_eq!(
        (&running["answer"], &running["message"]["id"]),
        (&json!("running"), &json!(id(0x1003)))
    );
    assert_eq!(running["user_message"]["content"], "Edited");
    let same = begin(&server, 4, json!({"p_user_message": user_message(1, "Question")})).await;
    assert_eq!(same["message"]["id"], id(0x1001), "what is shown");
    end(&server, 3, "complete", true).await;
    let rows = messages(&server).await;
    let active = rows.as_array().unwrap().iter().filter(|row| row["is_active"] == true);
    let active: Vec<_> = active.map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(active, [id(1), id(0x1003)]);
    let copy = rows.as_array().unwrap().iter().find(|row| row["content"] == "Question").unwrap();
    let copy = copy["id"].clone();
    let old = format!("/messages?select=parent_id&id=eq.{}", id(0x1001));
    assert_eq!(
        server.rows(ALICE, &old).await,
        json!([{"parent_id": copy}]),
        "its answer went with it"
    );
    // The replaced version gets no new answers.
    let regenerate = json!({"p_action": "regenerate", "p_regenerate": copy});
    assert_eq!(begin(&server, 4, regenerate).await, json!({"answer": "conflict"}));
    let same = json!({"p_action": "edit", "p_user_message": user_message(1, "Edited")});
    assert_eq!(begin(&server, 4, same).await["answer"], "answered");
}

#[tokio::test]
async fn regenerating_replaces_everything_after_the_question() {
    let server = server().await;
    for run in [1, 2] {
        let question = json!({"p_user_message": user_message(run, "Question")});
        begin(&server, run, question).await;
        end(&server, run, "complete", true).await;
    }
    let regenerate = |target| json!({"p_action": "regenerate", "p_regenerate": id(target)});
    let third = begin(&server, 3, regenerate(0x1001)).await;
    assert_eq!(third["answer"], "started");
    assert_eq!(third["user_message"]["id"], id(1));
    let active = "/messages?select=id&is_active=is.true&order=created_at,id";
    assert_eq!(server.rows(ALICE, active).await.as_array().unwrap().len(), 4);
    end(&server, 3, "complete", true).await;
    let rows = messages(&server).await;
    let inactive = rows.as_array().unwrap().iter().filter(|row| row["is_active"] == false);
    let inactive: Vec<_> = inactive.map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(inactive, [id(0x1001), id(2), id(0x1002)]);
    // By the question itself, and without naming any: the newest one.
    assert_eq!(begin(&server, 4, regenerate(1)).await["user_message"]["id"], id(1));
    end(&server, 4, "complete", true).await;
    let newest = begin(&server, 5, json!({"p_action": "regenerate"})).await;
    assert_eq!(newest["user_message"]["id"], id(1));
    end(&server, 5, "complete", true).await;
    assert_eq!(
        begin(&server, 6, regenerate(0x9999)).await,
        json!({"answer": "not_found", "missing": "message"})
    );
    // A message that was never stored, after an early refusal, is stored and answered.
    let mut unknown = regenerate(0x9999);
    unknown["p_user_message"] = user_message(8, "Late");
    let late = begin(&server, 6, unknown).await;
    assert_eq!(late["user_message"]["id"], id(8));
}

#[tokio::test]
async fn nothing_to_answer() {
    let server = server().await;
    let nothing = json!({"answer": "nothing_to_answer"});
    assert_eq!(begin(&server, 1, json!({})).await, nothing);
    let message = json!({"id": id(1), "chat_id": id(CHAT), "role": "user", "content": "Hi",
        "parts": text("Hi")});
    server.insert(ALICE, "messages", message).await;
    let started = begin(&server, 1, json!({})).await;
    assert_eq!(started["user_message"]["id"], id(1));
    end(&server, 1, "stopped", true).await;
    assert_eq!(begin(&server, 2, json!({})).await, nothing);
}

#[tokio::test]
async fn a_lapsed_answer_is_interrupted_and_its_estimate_recorded() {
    let server = server().await;
    let question = json!({"p_user_message": user_message(1, "Hi there!")});
    begin(&server, 1, question.clone()).await;
    server.clock.advance(Duration::from_secs(29));
    let status = "/messages?select=status,current_status&role=eq.assistant";
    let rows = server.rows(ALICE, status).await;
    assert_eq!(rows, json!([{"status": "streaming", "current_status": "streaming"}]));
    server.clock.advance(Duration::from_micros(1));
    let rows = server.rows(ALICE, status).await;
    assert_eq!(rows, json!([{"status": "streaming", "current_status": "interrupted"}]));
    let second = begin(&server, 2, question).await;
    assert_eq!(second["answer"], "started");
    let rows = messages(&server).await;
    assert_eq!(column(&rows, "status"), "complete,interrupted,streaming");
    let usage = "/usage_logs?select=id,chat_id,message_id,operation,provider,model,input_tokens,\
                 output_tokens,usage_source,cost_usd,status,error_code";
    assert_eq!(
        server.rows(ALICE, usage).await,
        json!([{"id": "7ac1b8d7-010b-b6cd-3a3e-84e7f90136b8", "chat_id": id(CHAT),
            "message_id": id(0x1001), "operation": "chat", "provider": "unknown",
            "model": "default-model", "input_tokens": 2, "output_tokens": 0,
            "usage_source": "estimated", "cost_usd": null, "status": "interrupted",
            "error_code": "interrupted"}])
    );
}

#[tokio::test]
async fn parallel_calls_start_one_answer() {
    let server = server().await;
    let question = json!({"p_user_message": user_message(1, "Hi")});
    let calls =
        (1..=8).map(|run| server.call(ALICE, "begin_generation", call(run, question.clone())));
    let answers = futures_util::future::join_all(calls).await;
    let count = |name: &str| answers.iter().filter(|answer| answer["answer"] == name).count();
    assert_eq!((count("started"), count("running")), (1, 7));
}

#[tokio::test]
async fn the_service_role_names_the_user() {
    let server = server().await;
    let mut call = call(1, json!({"p_user_message": user_message(1, "Hi")}));
    let nobody = server.call(Role::Service, "begin_generation", call.clone()).await;
    assert_eq!(nobody, json!({"answer": "not_found", "missing": "chat"}));
    call["p_user_id"] = json!(id_of(BOB));
    let other = server.call(Role::Service, "begin_generation", call.clone()).await;
    assert_eq!(other, json!({"answer": "not_found", "missing": "chat"}));
    call["p_user_id"] = json!(id_of(ALICE));
    let own = server.call(Role::Service, "begin_generation", call).await;
    assert_eq!(own["answer"], "started");
    assert_eq!(own["message"]["user_id"], id_of(ALICE));
}

#[tokio::test]
async fn values_of_the_wrong_type() {
    let server = server().await;
    let cases = [
        (json!({"p_user_message": {"id": "x", "content": "", "parts": []}}), "22P02"),
        (json!({"p_user_message": {"id": id(1), "parts": []}}), "23502"),
        (json!({"p_user_message": {"id": id(1), "content": "c", "parts": {}}}), "23514"),
        (json!({"p_user_message": {"content": "c", "parts": []}}), "23502"),
        (json!({"p_message_id": null, "p_user_message": user_message(1, "x")}), "23502"),
        (json!({"p_message_id": id(0xc5), "p_run": "x"}), "22P02"),
        (json!({"p_user_message": {"id": id(1), "content": "\u{0}", "parts": []}}), "22P05"),
    ];
    for (more, code) in cases {
        let request = post("/rpc/begin_generation").json(&call(1, more.clone()));
        let answer = server.send(ALICE, request).await;
        assert_eq!(answer.code(), code, "{more}: {}", answer.body);
    }
    assert_eq!(messages(&server).await, json!([]));
}
