//! Questions, attempts at answers, and what becomes of them.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn questions_and_repeats() {
    let Some(twins) = twins().await else { return };
    assert_eq!(twins.begin(begin(1, user_message(10, "Hi"))).await, "not_found");
    let first = with(
        begin(1, user_message(10, "Hi")),
        json!({
        "p_create_chat": { "title": "Trip", "model": "a", "system_prompt": "Be brief",
            "metadata": { "n": 1 } },
        "p_default_model": "b" }),
    );
    assert_eq!(twins.begin(first.clone()).await, "started");
    assert_eq!(twins.begin(first).await, "started");
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "running");
    assert_eq!(twins.begin(begin(2, user_message(11, "And?"))).await, "busy");
    assert_eq!(twins.save(end(1, "complete")).await, true);
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "answered");
    assert_eq!(twins.begin(begin(2, user_message(10, "Changed"))).await, "conflict");
    assert_eq!(twins.begin(begin(2, user_message(1, "An answer's id"))).await, "conflict");
    assert_eq!(twins.begin(begin(2, Value::Null)).await, "nothing_to_answer");
    let second = with(begin(2, user_message(11, "And?")), json!({ "p_model": "c" }));
    assert_eq!(twins.begin(second).await, "started");
    let elsewhere = with(
        begin(3, user_message(10, "Hi")),
        json!({ "p_chat_id": id(101),
        "p_create_chat": {} }),
    );
    assert_eq!(twins.begin(elsewhere).await, "conflict");
}

#[tokio::test]
async fn edits_and_regenerations() {
    let Some(twins) = twins().await else { return };
    twins.answered().await;
    let action = |begin: Value, action: &str| with(begin, json!({ "p_action": action }));
    let edit = action(begin(2, user_message(10, "Hello")), "edit");
    assert_eq!(twins.begin(edit).await, "started");
    assert_eq!(twins.save(end(2, "complete")).await, true);
    assert_eq!(twins.begin(begin(3, user_message(11, "And?"))).await, "started");
    assert_eq!(twins.save(end(3, "stopped")).await, true);
    assert_eq!(twins.begin(action(begin(4, user_message(10, "Third")), "edit")).await, "started");
    assert_eq!(twins.save(end(4, "complete")).await, true);
    let inactive = action(begin(5, user_message(11, "Anew")), "edit");
    assert_eq!(twins.begin(inactive).await, "conflict");
    let of_answer = json!({ "p_action": "regenerate", "p_regenerate": id(4) });
    assert_eq!(twins.begin(with(begin(5, Value::Null), of_answer.clone())).await, "started");
    assert_eq!(twins.save(end(5, "complete")).await, true);
    let of_question = json!({ "p_action": "regenerate", "p_regenerate": id(10) });
    assert_eq!(twins.begin(with(begin(6, Value::Null), of_question)).await, "started");
    assert_eq!(twins.begin(with(begin(7, Value::Null), of_answer)).await, "busy");
    assert_eq!(twins.save(end(6, "failed")).await, true);
    let unknown = json!({ "p_action": "regenerate", "p_regenerate": id(99) });
    assert_eq!(twins.begin(with(begin(7, Value::Null), unknown.clone())).await, "not_found");
    assert_eq!(twins.begin(with(begin(7, user_message(12, "New")), unknown)).await, "started");
    assert_eq!(twins.save(end(7, "complete")).await, true);
    assert_eq!(twins.begin(action(begin(8, Value::Null), "regenerate")).await, "started");
}

#[tokio::test]
async fn candidates() {
    let Some(twins) = twins().await else { return };
    twins.answered().await;
    let action = |arguments: Value, action: &str| with(arguments, json!({ "p_action": action }));
    let empty = |number: u32, status: &str| {
        save(number, json!({ "p_parts": [], "p_end": { "status": status, "is_active": false } }))
    };
    let step = json!({ "p_parts": [{ "type": "step-start" }] });
    let content = json!({ "p_content": "New", "p_parts": [{ "type": "text", "text": "New" }] });
    assert_eq!(twins.begin(action(begin(2, user_message(10, "Edited")), "edit")).await, "started");
    assert_eq!(twins.begin(action(begin(3, user_message(10, "Edited")), "edit")).await, "running");
    assert_eq!(twins.begin(begin(3, user_message(10, "Hi"))).await, "answered");
    assert_eq!(twins.save(save(2, step)).await, true);
    assert_eq!(twins.save(empty(2, "failed")).await, true);
    assert_eq!(twins.begin(action(begin(3, user_message(10, "Edited")), "edit")).await, "started");
    assert_eq!(twins.save(save(3, content.clone())).await, true);
    assert_eq!(twins.save(end(3, "complete")).await, true);
    assert_eq!(twins.begin(action(begin(4, Value::Null), "regenerate")).await, "started");
    assert_eq!(twins.stop().await, true);
    assert_eq!(twins.save(empty(4, "stopped")).await, true);
    assert_eq!(twins.begin(action(begin(5, Value::Null), "regenerate")).await, "started");
    assert_eq!(twins.save(save(5, content)).await, true);
    assert_eq!(twins.save(end(5, "failed")).await, true);
    assert_eq!(twins.begin(begin(6, user_message(10, "Edited"))).await, "started");
    assert_eq!(twins.save(empty(6, "failed")).await, true);
}

#[tokio::test]
async fn failures_and_new_attempts() {
    let Some(twins) = twins().await else { return };
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started");
    let mut failed = end(1, "failed");
    failed["p_end"]["is_active"] = json!(false);
    failed["p_end"]["usage_log"]["error_code"] = json!("overloaded");
    assert_eq!(twins.save(failed).await, true);
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "started");
    let no_usage = save(2, json!({ "p_end": { "status": "failed", "finish_reason": "error" } }));
    assert_eq!(twins.save(no_usage).await, true);
    assert_eq!(twins.begin(begin(3, Value::Null)).await, "started");
}

#[tokio::test]
async fn saves_and_stops() {
    let Some(twins) = twins().await else { return };
    assert_eq!(twins.stop().await, Value::Null);
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started");
    let checkpoint = json!({ "p_content": "Hel", "p_parts": [1], "p_cost_usd": 0.5,
        "p_metadata": { "provider": "openai" }, "p_usage": { "input_tokens": 4 } });
    assert_eq!(twins.save(save(1, checkpoint)).await, true);
    assert_eq!(twins.save(save(1, json!({}))).await, true);
    let older = json!({ "p_content": "He", "p_parts": [2] });
    assert_eq!(twins.save(save(1, older)).await, true);
    assert_eq!(
        twins.postgres.rows("select content from messages where content like 'He%'").await.unwrap(),
        [json!({ "content": "Hel" })]
    );
    let other_run = with(save(1, json!({ "p_content": "forged" })), json!({ "p_run": id(2) }));
    assert_eq!(twins.save(other_run).await, false);
    assert_eq!(twins.stop().await, true);
    assert_eq!(twins.stop().await, true);
    assert_eq!(twins.save(save(1, json!({}))).await, true);
    assert_eq!(twins.save(end(1, "stopped")).await, true);
    assert_eq!(twins.save(end(1, "stopped")).await, false, "saved before");
    assert_eq!(twins.save(save(1, json!({ "p_content": "late" }))).await, false);
    assert_eq!(twins.stop().await, false);
}

#[tokio::test]
async fn refusals() {
    let Some(twins) = twins().await else { return };
    twins.answered().await;
    let code = |answer: Value| answer["code"].as_str().map(str::to_owned);
    let check = Some("23514".to_owned());
    let long = json!({ "p_chat_id": id(101), "p_create_chat": { "title": "x".repeat(201) } });
    assert_eq!(code(twins.begin(with(begin(2, user_message(11, "x")), long)).await), check);
    let mut no_parts = user_message(11, "x");
    no_parts["parts"] = json!({});
    assert_eq!(code(twins.begin(begin(2, no_parts)).await), check);
    let mut not_an_object = user_message(11, "x");
    not_an_object["metadata"] = json!([]);
    assert_eq!(code(twins.begin(begin(2, not_an_object)).await), check);
    let taken = twins.begin(begin(1, user_message(11, "x"))).await;
    assert_eq!(code(taken), Some("23505".to_owned()), "the answer's id is in use");
    assert_eq!(twins.begin(begin(2, user_message(11, "x"))).await, "started");
    for (field, value) in [
        ("cached_input_tokens", json!(11)),
        ("cost_usd", json!(-1)),
        ("output_tokens", json!(-1)),
        ("status", json!("streaming")),
        ("usage_source", json!("?")),
    ] {
        let mut wrong = end(2, "complete");
        wrong["p_end"]["usage_log"][field] = value;
        assert_eq!(code(twins.save(wrong).await), check, "{field}");
    }
    let mut wrong = end(2, "complete");
    wrong["p_end"]["usage_log"]["input_tokens"] = json!("many");
    assert_eq!(code(twins.save(wrong).await), Some("22P02".to_owned()));
    let mut wrong = end(2, "complete");
    wrong["p_end"]["usage_log"]["provider"] = Value::Null;
    assert_eq!(code(twins.save(wrong).await), Some("23502".to_owned()));
    assert_eq!(code(twins.save(end(2, "done")).await), check);
    assert_eq!(twins.save(end(2, "complete")).await, true);
}

#[tokio::test]
async fn lapsed_runs() {
    let Some(twins) = twins().await else { return };
    let reserve = json!({ "p_reserve": { "input_tokens": 7, "server": "local" } });
    let question = with(begin(1, user_message(10, "Hi there")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(with(question, reserve.clone())).await, "started");
    let alone = with(json!({ "p_run": id(2) }), reserve);
    assert_eq!(twins.call("reserve_tokens", alone).await["reserved"], Value::Null);
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 0, "they live");
    let used = json!({ "p_usage": { "input_tokens": 70, "output_tokens": 2 }, "p_model": "m2",
        "p_metadata": { "provider": "openai" }, "p_cost_usd": 0.5 });
    assert_eq!(twins.save(save(1, used)).await, true);
    assert_eq!(twins.release("local").await, [2, 2]);
    assert_eq!(twins.release("other").await, [0, 0]);
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 2);
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 0, "once");
    assert_eq!(twins.begin(begin(3, user_message(10, "Hi there"))).await, "started");
    assert_eq!(twins.save(end(1, "complete")).await, false, "replaced, but accounted");
    // Nonsense is passed over and keeps nothing else from being counted.
    let nonsense = json!({ "p_usage": { "cached_input_tokens": "many" } });
    assert_eq!(twins.save(save(3, nonsense)).await, true);
    let denied = twins.call("release_leases", json!({ "p_server": "local" })).await;
    assert_eq!(denied["code"], "42501");
}

#[tokio::test]
async fn lapses() {
    let Some(twins) = twins().await else { return };
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(by("one", question)).await, "started");
    let checkpoint = json!({ "p_usage": { "input_tokens": 4 }, "p_cost_usd": 0.25,
        "p_metadata": { "provider": "openai" } });
    assert_eq!(twins.save(save(1, checkpoint)).await, true);
    let past = json!({ "lease_expires_at": "2020-01-01T00:00:00Z" });
    twins.change(1, past).await;
    assert_eq!(twins.begin(begin(2, user_message(11, "And?"))).await, "busy", "its run lives");
    twins.release("one").await;
    assert_eq!(twins.stop().await, false);
    assert_eq!(twins.save(save(1, json!({ "p_content": "late" }))).await, false);
    assert_eq!(twins.save(end(1, "complete")).await, true, "slow, but still the owner");
    assert_eq!(twins.begin(by("two", begin(2, user_message(11, "And?")))).await, "started");
    twins.release("two").await;
    assert_eq!(twins.begin(by("three", begin(3, user_message(11, "And?")))).await, "started");
    assert_eq!(twins.save(end(2, "complete")).await, false, "replaced");
    twins.release("three").await;
    twins.change(3, json!({ "usage": { "input_tokens": 0 } })).await;
    assert_eq!(twins.stop().await, false);
    let mut estimate = end(3, "interrupted");
    estimate["p_end"]["usage_log"]["usage_source"] = json!("estimated");
    assert_eq!(twins.save(estimate).await, true);
}
