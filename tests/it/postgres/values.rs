//! What the columns refuse, and what the functions do for whom.

use serde_json::{Value, json};

use super::access::{message, usage};
use super::database;

/// `23514`: a check constraint.
const CHECK: &str = "23514";

#[tokio::test]
async fn values_out_of_bounds_are_refused() {
    let Some(db) = database().await else { return };
    let alice = db.user("alice").await;
    let chat = alice.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    let long = |length| json!("x".repeat(length));
    let big = |kib: usize| json!({ "a": "x".repeat(kib * 1024) });
    let message = message(&chat["id"]);
    let cases = [
        ("chats", json!({}), "title", json!("")),
        ("chats", json!({}), "title", long(201)),
        ("chats", json!({}), "model", long(201)),
        ("chats", json!({}), "system_prompt", long(100_001)),
        ("chats", json!({}), "metadata", json!([])),
        ("chats", json!({}), "metadata", big(65)),
        ("chats", json!({}), "created_at", json!("infinity")),
        ("chats", json!({}), "updated_at", json!("-infinity")),
        ("chats", json!({}), "last_message_at", json!("294276-01-01")),
        ("messages", message.clone(), "role", json!("tool")),
        ("messages", message.clone(), "status", json!("done")),
        ("messages", message.clone(), "status", json!("streaming")),
        ("messages", message.clone(), "content", long(16 * 1024 * 1024 + 1)),
        ("messages", message.clone(), "parts", json!({})),
        ("messages", message.clone(), "metadata", big(65)),
        ("messages", message.clone(), "usage", json!([])),
        ("messages", message.clone(), "usage", big(65)),
        ("messages", message.clone(), "finish_reason", long(101)),
        ("messages", message.clone(), "cost_usd", json!(-1)),
        ("messages", message.clone(), "cost_usd", json!("NaN")),
        ("messages", message.clone(), "cost_usd", json!("Infinity")),
        ("messages", message.clone(), "created_at", json!("infinity")),
        ("messages", message.clone(), "updated_at", json!("infinity")),
        ("usage_logs", usage(), "input_tokens", json!(-1)),
        ("usage_logs", usage(), "output_tokens", json!(-1)),
        ("usage_logs", usage(), "input_tokens", json!(9_000_000_000_000_000_000_i64)),
        ("usage_logs", usage(), "cached_input_tokens", json!(-1)),
        ("usage_logs", usage(), "cached_input_tokens", json!(11)),
        ("usage_logs", usage(), "cache_write_input_tokens", json!(11)),
        ("usage_logs", usage(), "reasoning_tokens", json!(1)),
        ("usage_logs", usage(), "cost_usd", json!(-0.01)),
        ("usage_logs", usage(), "cost_usd", json!("NaN")),
        ("usage_logs", usage(), "latency_ms", json!(-1)),
        ("usage_logs", usage(), "time_to_first_token_ms", json!(-1)),
        ("usage_logs", usage(), "usage_source", json!("guessed")),
        ("usage_logs", usage(), "status", json!("streaming")),
        ("usage_logs", usage(), "operation", json!("")),
        ("usage_logs", usage(), "raw", big(65)),
        ("files", json!({ "name": "x" }), "created_at", json!("infinity")),
        ("files", json!({ "name": "x" }), "updated_at", json!("-infinity")),
        ("files", json!({ "name": "x" }), "created_at", json!("9999-06-01")),
        ("files", json!({ "name": "x" }), "refused_by", json!("")),
        ("analytics", json!({ "name": "x" }), "name", json!("")),
        ("analytics", json!({ "name": "x" }), "name", long(101)),
        ("analytics", json!({ "name": "x" }), "properties", big(33)),
        ("analytics", json!({ "name": "x" }), "session_id", long(201)),
        ("analytics", json!({ "name": "x" }), "occurred_at", json!("infinity")),
    ];
    for (table, mut row, column, value) in cases {
        let shown: String = value.to_string().chars().take(40).collect();
        row[column] = value;
        let refused = alice.insert(table, row).await.err();
        let refused = refused.map(|refusal| refusal.code);
        assert_eq!(refused.as_deref(), Some(CHECK), "{table}.{column} = {shown}");
    }
}

#[tokio::test]
async fn the_script_runs_of_a_user_take_bounded_room() {
    let Some(db) = database().await else { return };
    let (alice, bob) = (db.user("alice").await, db.user("bob").await);
    let insert = |count: usize, stdout: &str| {
        format!(
            "insert into script_runs (language, code, status, duration_ms, stdout) \
             select 'python', '1', 'cancelled', 1, {stdout} from generate_series(1, {count}) \
             returning id::text"
        )
    };
    let count = async |user: &super::session::Session| {
        user.rows("select id::text from script_runs").await.unwrap().len()
    };
    bob.rows(&insert(1, "''")).await.unwrap();
    alice.rows(&insert(1_000, "''")).await.unwrap();
    assert_eq!(count(&alice).await, 1_000);
    alice.rows(&insert(1, "''")).await.unwrap();
    assert_eq!(count(&alice).await, 900);
    // What is random enough is not compressed to nothing.
    let large = "(select string_agg(md5(i::text), '') from generate_series(1, 500000) i)";
    alice.rows(&insert(6, large)).await.unwrap();
    let left = count(&alice).await;
    assert!((1..=5).contains(&left), "{left} of 6 runs of 16 MB are left");
    assert_eq!(count(&bob).await, 1);
}

#[tokio::test]
async fn a_message_is_placed_after_its_parent() {
    let Some(db) = database().await else { return };
    let alice = db.user("alice").await;
    let chat = alice.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    let first = alice.insert("messages", message(&chat["id"])).await.unwrap();
    let second = alice.insert("messages", message(&chat["id"])).await.unwrap();
    assert_eq!(second["parent_id"], first["id"]);
    // Two rows of one statement follow one another too.
    let sql = "insert into messages (chat_id, role) select id, 'user' from chats, \
               generate_series(1, 3) returning created_at::text";
    let times = alice.rows(sql).await.unwrap();
    let times: Vec<_> = times.iter().map(|row| row["created_at"].as_str().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    let mut early = message(&chat["id"]);
    early["created_at"] = json!("2020-01-01");
    early["parent_id"] = second["id"].clone();
    let early = alice.insert("messages", early).await.unwrap();
    assert!(early["created_at"].as_str() > second["created_at"].as_str(), "{early}");
}

#[tokio::test]
async fn private_functions_are_of_no_use_to_others() {
    let Some(db) = database().await else { return };
    let (alice, bob, anon) = (db.user("alice").await, db.user("bob").await, db.as_anon().await);
    let log = usage().to_string();
    let record = |user: &str| {
        format!(
            "select private.record_usage('{user}', gen_random_uuid(), null, null, '{log}')::text"
        )
    };
    assert_eq!(anon.rows(&record(&alice.id)).await.unwrap_err().code, "42501");
    assert_eq!(bob.rows(&record(&alice.id)).await.unwrap_err().code, "42501");
    assert!(alice.rows(&record(&alice.id)).await.is_ok());
    for (function, arguments) in [
        (
            "begin_generation",
            json!({ "p_chat_id": alice.id, "p_run": alice.id,
            "p_message_id": alice.id }),
        ),
        (
            "save_generation",
            json!({ "p_message_id": alice.id, "p_run": alice.id,
            "p_chat_id": alice.id }),
        ),
        ("request_stop", json!({ "p_chat_id": alice.id })),
        ("search_chats", json!({ "q": "x" })),
        ("toggle_chat", json!({ "p_chat_id": alice.id, "p_column": "is_archived" })),
    ] {
        let refused = anon.call(function, arguments).await.unwrap_err();
        assert_eq!(refused.code, "42501", "{function}: {}", refused.message);
    }
}

#[tokio::test]
async fn a_user_acts_for_themselves_only() {
    let Some(db) = database().await else { return };
    let (alice, bob, service) =
        (db.user("alice").await, db.user("bob").await, db.as_service().await);
    let chat = alice.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    let text = |id: &str| json!({ "id": id, "content": "Hi", "parts": [{ "type": "text", "text": "Hi" }] });
    let begin = |user: Value| {
        let [run, answer, question] = [(); 3].map(|()| uuid::Uuid::new_v4().to_string());
        json!({ "p_chat_id": chat["id"], "p_run": run, "p_message_id": answer,
                "p_user_message": text(&question), "p_user_id": user })
    };
    let not_found = json!({ "answer": "not_found", "missing": "chat" });
    assert_eq!(bob.call("begin_generation", begin(json!(alice.id))).await.unwrap(), not_found);
    assert_eq!(service.call("begin_generation", begin(json!(bob.id))).await.unwrap(), not_found);
    assert_eq!(service.call("begin_generation", begin(Value::Null)).await.unwrap(), not_found);
    let mut stolen = begin(json!(alice.id));
    stolen["p_create_chat"] = json!({ "title": "Mine" });
    assert_eq!(bob.call("begin_generation", stolen).await.unwrap(), not_found);
    let started = begin(json!(alice.id));
    let answer = service.call("begin_generation", started.clone()).await.unwrap();
    assert_eq!(answer["answer"], "started", "{answer}");

    let save = |user: &str| {
        json!({ "p_message_id": started["p_message_id"], "p_run": started["p_run"],
                "p_chat_id": chat["id"], "p_content": "forged", "p_user_id": user })
    };
    for session in [&bob, &service] {
        let saved = session.call("save_generation", save(&bob.id)).await.unwrap();
        assert_eq!(saved["owned"], false, "{}", session.role);
    }
    // The run is known to the server only: what the row shows of it does not own the row.
    let mut forged = save(&alice.id);
    forged["p_run"] = answer["message"]["id"].clone();
    let shown = alice.rows("select run_id from messages where run_id is not null").await.unwrap();
    for run in [&shown[0]["run_id"], &forged["p_run"]] {
        let mut forged = save(&alice.id);
        forged["p_run"] = run.clone();
        let saved = alice.call("save_generation", forged).await.unwrap();
        assert_eq!(saved["owned"], false);
    }
    let stop = json!({ "p_chat_id": chat["id"], "p_user_id": alice.id });
    assert_eq!(bob.call("request_stop", stop.clone()).await.unwrap(), Value::Null);
    assert_eq!(service.call("request_stop", stop).await.unwrap()["running"], true);
    let saved = alice.call("save_generation", save(&alice.id)).await.unwrap();
    assert_eq!(saved, json!({ "owned": true, "stop_requested": true, "message": null }));
}

#[tokio::test]
async fn usage_cannot_be_forestalled() {
    let Some(db) = database().await else { return };
    let alice = db.user("alice").await;
    let [chat, run, answer, question] = [(); 4].map(|()| uuid::Uuid::new_v4().to_string());
    let begin = json!({ "p_chat_id": chat, "p_run": run, "p_message_id": answer,
        "p_create_chat": {}, "p_user_message": { "id": question, "content": "Hi", "parts": [] } });
    alice.call("begin_generation", begin).await.unwrap();
    // A row under the id that the server's will have.
    let forged = "insert into usage_logs (id, operation, provider, model, usage_source, status) \
                  select run_id, 'chat', 'p', 'm', 'reported', 'complete' from messages \
                  where run_id is not null";
    assert_eq!(alice.run(forged).await.unwrap_err().code, "42501");
    // A lease that seems to have lapsed, with nothing used.
    let forged = "update messages set usage = '{}', lease_expires_at = '2020-01-01' \
                  where run_id is not null";
    assert_eq!(alice.run(forged).await.unwrap(), 1);
    alice.call("request_stop", json!({ "p_chat_id": chat })).await.unwrap();
    let mut log = usage();
    log["usage_source"] = json!("estimated");
    let save = json!({ "p_message_id": answer, "p_run": run, "p_chat_id": chat,
        "p_end": { "status": "stopped", "finish_reason": "stop", "usage_log": log } });
    alice.call("save_generation", save).await.unwrap();
    let rows = alice.rows("select input_tokens, status from usage_logs").await.unwrap();
    assert_eq!(rows, [json!({ "input_tokens": 10, "status": "complete" })]);
}
