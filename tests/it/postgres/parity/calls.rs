//! Calls of tools that wait for the page.

use serde_json::{Value, json};

use super::*;

/// An end with which these calls begin to wait.
fn awaiting(number: u32, calls: &[&str]) -> Value {
    let part = |call: &&str| json!({ "type": "tool-look", "toolCallId": call, "state": "input-available", "input": {} });
    let row = |call: &&str| {
        json!({ "call_id": call, "source": "client", "tool": "look", "arguments": { "n": 1 },
            "definition": { "name": "look" }, "definition_digest": "d", "expires_in_s": 600 })
    };
    let text = json!({ "type": "text", "text": "Let me look.", "state": "done" });
    let mut parts = vec![json!({ "type": "step-start" }), text];
    parts.extend(calls.iter().map(part));
    let log = json!({ "operation": "chat", "provider": "openai", "model": "m", "input_tokens": 10,
        "output_tokens": 5, "usage_source": "reported", "status": "complete" });
    let end = json!({ "status": "awaiting", "finish_reason": "tool-calls", "usage_log": log,
        "tool_calls": calls.iter().map(row).collect::<Vec<_>>() });
    save(number, json!({ "p_parts": parts, "p_model": "m", "p_end": end }))
}

#[tokio::test]
async fn calls_that_wait() {
    let Some(twins) = twins().await else { return };
    let answer = |outcomes: Value, message: Option<u32>| {
        let mut arguments = json!({ "p_chat_id": id(CHAT), "p_outcomes": outcomes });
        arguments["p_message_id"] = message.map(id).into();
        arguments
    };
    let resume = |message: u32, run: u32| {
        json!({ "p_chat_id": id(CHAT), "p_message_id": id(message), "p_run": id(run),
            "p_reserve": { "input_tokens": 7 } })
    };
    let question = with(begin(1, user_message(10, "Where?")), json!({ "p_create_chat": {} }));
    assert_eq!(
        twins.call("answer_tool_calls", answer(json!({ "a": {} }), None)).await,
        Value::Null
    );
    assert_eq!(twins.call("continue_generation", resume(1, 1)).await["missing"], "chat");
    assert_eq!(twins.begin(question.clone()).await, "started");
    assert_eq!(twins.save(awaiting(1, &["a", "b"])).await, true);
    assert_eq!(twins.save(awaiting(1, &["a", "b"])).await, false, "a repeat");
    assert_eq!(twins.begin(begin(2, user_message(10, "Where?"))).await, "answered");
    assert_eq!(twins.begin(begin(2, Value::Null)).await, "nothing_to_answer");
    assert_eq!(twins.call("continue_generation", resume(1, 3)).await["answer"], "not_ready");
    assert_eq!(twins.call("continue_generation", resume(99, 3)).await["missing"], "message");
    let first = json!({ "a": { "output": { "x": [1, null] } }, "z": { "error": "?" } });
    let reply = twins.call("answer_tool_calls", answer(first.clone(), Some(1))).await;
    assert_eq!(reply["results"], json!({ "a": "recorded", "z": "unknown" }));
    assert_eq!((&reply["remaining"], &reply["message_parts"]), (&json!(1), &json!(4)));
    let reply = twins.call("answer_tool_calls", answer(first, Some(1))).await;
    assert_eq!(reply["results"]["a"], "same");
    let other = answer(json!({ "a": { "output": 2 } }), None);
    assert_eq!(twins.call("answer_tool_calls", other).await["results"]["a"], "decided");
    let last = answer(json!({ "b": { "error": "No." } }), None);
    assert_eq!(twins.call("answer_tool_calls", last).await["remaining"], 0);
    let started = twins.call("continue_generation", resume(1, 3)).await;
    assert_eq!((&started["answer"], &started["checkpoint"]), (&json!("started"), &json!(1)));
    assert_eq!(started["message"]["parts"][2]["output"], json!({ "x": [1, null] }));
    assert_eq!(started["message"]["content"], "Let me look.");
    assert_eq!(started["definitions"], json!([{ "name": "look" }, { "name": "look" }]));
    assert_eq!(twins.call("continue_generation", resume(1, 3)).await["answer"], "started");
    assert_eq!(twins.call("continue_generation", resume(1, 4)).await["answer"], "running");
    let more = json!({ "number": 2, "after": 1, "delta": [
        { "index": 4, "part": { "type": "step-start" } },
        { "index": 5, "text": "Here", "part": { "type": "text", "text": "" } }] });
    let checkpoint = |checkpoint: Value| with(json!({ "run": id(3) }), checkpoint);
    let saved = twins.checkpoints(json!([checkpoint(more)])).await;
    assert_eq!(saved[0]["owned"], true);
    twins.follow(1, 0).await;
    let own = json!({ "p_run": id(3), "p_end": { "status": "complete", "usage_log": {
        "operation": "chat", "provider": "p", "model": "m", "usage_source": "reported",
        "status": "complete" } } });
    let saved = twins.call("save_generation", with(save(1, json!({})), own)).await;
    assert_eq!(saved["message"]["content"], "Let me look.Here");
    assert_eq!(twins.call("continue_generation", resume(1, 5)).await["answer"], "ended");

    // Superseded by another message, by a stop, and when the question is gone.
    assert_eq!(twins.begin(begin(20, user_message(11, "And?"))).await, "started");
    assert_eq!(twins.save(awaiting(20, &["a"])).await, true);
    assert_eq!(twins.begin(begin(21, user_message(12, "No"))).await, "started");
    assert_eq!(twins.save(awaiting(21, &["a"])).await, true);
    assert_eq!(twins.stop().await, false);
    let late = answer(json!({ "a": { "output": 2 } }), Some(21));
    assert_eq!(twins.call("answer_tool_calls", late).await["results"]["a"], "superseded");
    assert_eq!(twins.begin(begin(22, user_message(13, "Well"))).await, "started");
    assert_eq!(twins.save(awaiting(22, &["a"])).await, true);
    let nobody = json!({ "parent_id": null });
    twins.change(22, nobody).await;
    assert_eq!(twins.call("continue_generation", resume(22, 6)).await["answer"], "ended");
}
