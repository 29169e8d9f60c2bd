//! Checkpoints, and the ends that follow them.

use serde_json::{Value, json};

use super::*;

const CARRIED_OUT: &str = r#"{"owned":true,"stop_requested":false}"#;

#[tokio::test]
async fn checkpoints() {
    let Some(twins) = twins().await else { return };
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(by("one", question)).await, "started");
    let used = json!({ "input_tokens": 4, "output_tokens": 1, "total_tokens": 5,
        "cached_input_tokens": 0, "cache_write_input_tokens": 0, "reasoning_tokens": 0,
        "model": "m2", "provider": "openai", "cost_usd": 0.5 });
    let first = json!({ "number": 1, "after": 0, "delta": beginning("Grü"), "used": used });
    let saved = |reply: Value| assert_eq!(reply.to_string(), CARRIED_OUT);
    saved(twins.checkpoint(1, first.clone()).await);
    saved(twins.checkpoint(1, first).await);
    saved(twins.checkpoint(1, json!({ "number": 2, "after": 1, "delta": text(4, "ß") })).await);
    // Nothing was heard of that one, and when it comes again it is too late.
    saved(twins.checkpoint(1, json!({ "number": 3, "after": 1, "delta": text(4, "ß Go") })).await);
    saved(twins.checkpoint(1, json!({ "number": 2, "after": 1, "delta": text(4, "ß") })).await);
    assert_eq!(
        twins.follow(1, 1).await["delta"],
        json!([
        { "index": 1, "at": 4, "text": "ß Go", "part": null }])
    );
    assert_eq!(twins.follow(1, 3).await["delta"], json!([]));
    assert_eq!(twins.follow(1, 0).await["model"], "m2");
    assert_eq!(twins.follow(10, 0).await["message"]["role"], "user");
    assert_eq!(twins.follow(99, 0).await, Value::Null);
    let tool =
        |state: &str| json!([{ "index": 2, "part": { "type": "tool-clock", "state": state } }]);
    saved(
        twins
            .checkpoint(1, json!({ "number": 4, "after": 3, "delta": tool("input-streaming") }))
            .await,
    );
    saved(
        twins
            .checkpoint(1, json!({ "number": 5, "after": 4, "delta": tool("input-available") }))
            .await,
    );
    let row = "select content, current_content(m), current_parts(m) -> 2 ->> 'state' as tool \
               from messages m where role = 'assistant'";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "",
        "current_content": "Grüß Go", "tool": "input-available" })]
    );
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "running");
    // Each is saved by itself.
    let replies = twins
        .checkpoints(json!([
            { "run": id(9), "number": 1, "after": 0 },
            { "run": id(1), "number": 6, "after": 5, "delta": [{ "index": 3, "part": [] }] },
            { "run": id(1), "number": 6, "after": 5, "delta": text(8, "tt") },
        ]))
        .await;
    assert_eq!((&replies[0]["owned"], &replies[2]["owned"]), (&json!(false), &json!(true)));
    assert!(replies[1]["error"].is_string(), "{replies}");
    assert_eq!(twins.stop().await, true);
    assert_eq!(
        twins.checkpoint(1, json!({ "number": 7, "after": 6 })).await["stop_requested"],
        true
    );
    twins.release("one").await;
    assert_eq!(twins.stop().await, false);
    let row = "select content, status, model from messages where role = 'assistant'";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "Grüß Gott", "status": "interrupted", "model": "m2" })]
    );
    assert_eq!(twins.checkpoint(1, json!({ "number": 8, "after": 7 })).await["owned"], false);
    assert_eq!(twins.save(end(1, "complete")).await, true, "slow, but still the owner");
}

#[tokio::test]
async fn ends_of_what_checkpoints_have_saved() {
    let Some(twins) = twins().await else { return };
    let first = json!({ "number": 1, "after": 0, "delta": beginning("Hello") });
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started");
    assert_eq!(twins.checkpoint(1, first.clone()).await["owned"], true);
    // Without the parts it is what was saved.
    let bare = json!({ "p_end": { "status": "failed", "finish_reason": "error" } });
    assert_eq!(twins.save(save(1, bare)).await, true);
    // With the parts it is their text.
    assert_eq!(twins.begin(begin(2, user_message(10, "Hi"))).await, "started");
    assert_eq!(twins.checkpoint(2, first.clone()).await["owned"], true);
    let parts = json!([{ "type": "text", "text": "One" }, { "type": "reasoning", "text": "?" },
        { "type": "text", "text": " two" }]);
    let whole = json!({ "p_parts": parts, "p_end": { "status": "complete" } });
    assert_eq!(twins.save(save(2, whole)).await, true);
    let row = "select content from messages where run_id is not null order by created_at";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "Hello" }), json!({ "content": "One two" })]
    );
    // A candidate takes its place with the first content.
    let edit = with(begin(3, user_message(10, "Hey")), json!({ "p_action": "edit" }));
    assert_eq!(twins.begin(by("one", edit)).await, "started");
    let step = json!({ "number": 1, "after": 0,
        "delta": [{ "index": 0, "part": { "type": "step-start" } }] });
    assert_eq!(twins.checkpoint(3, step).await["owned"], true);
    assert_eq!(
        twins.checkpoint(3, json!({ "number": 2, "after": 0, "delta": beginning("Hey") })).await["owned"],
        true
    );
    // A run that is not heard of again, in a chat that nobody uses.
    twins.release("one").await;
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 1);
    let row =
        "select content, status, is_active from messages where content = 'Hey' and role <> 'user'";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "Hey", "status": "interrupted", "is_active": true })]
    );
}

/// The last word of a run whose estimate was recorded in its place, with these tokens in all.
fn late_end(number: u32, status: &str, tokens: u32) -> Value {
    let mut end = end(number, status);
    end["p_metadata"] = json!({ "error": { "code": "database_error" }, "finish_reason": "error" });
    end["p_end"]["usage_log"]["usage_source"] = json!("estimated");
    end["p_end"]["usage_log"]["error_code"] = json!("database_error");
    end["p_end"]["usage_log"]["input_tokens"] = json!(tokens - 5);
    end
}

#[tokio::test]
async fn last_words() {
    let Some(twins) = twins().await else { return };
    let create = json!({ "p_create_chat": {} });
    let question = with(begin(1, user_message(10, "Hi")), create.clone());
    assert_eq!(twins.begin(by("one", question)).await, "started");
    let used = json!({ "input_tokens": 70, "output_tokens": 30 });
    let first = json!({ "number": 1, "after": 0, "delta": beginning("He"), "used": used });
    assert_eq!(twins.checkpoint(1, first).await["owned"], true);
    twins.release("one").await;
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 1);
    // What the run itself says takes the place of the estimate, though it is less.
    assert_eq!(twins.save(late_end(1, "interrupted", 60)).await, true);
    let counted = "select input_tokens + output_tokens as tokens from usage_logs";
    assert_eq!(twins.postgres.rows(counted).await.unwrap(), [json!({ "tokens": 60 })]);
    // One that was to stop is stopped, unless it is complete.
    for (number, status, kept) in
        [(2, "interrupted", "stopped"), (3, "failed", "stopped"), (4, "complete", "complete")]
    {
        assert_eq!(twins.begin(begin(number, user_message(number + 20, "And?"))).await, "started");
        assert_eq!(twins.stop().await, true);
        assert_eq!(twins.save(late_end(number, status, 60)).await, true);
        let row = format!("select status from messages where id = '{}'", id(number));
        assert_eq!(twins.postgres.rows(&row).await.unwrap(), [json!({ "status": kept })]);
    }
    // A run outlives its chat: the next one of the same id waits for it.
    assert_eq!(twins.begin(by("five", begin(5, user_message(25, "And?")))).await, "started");
    let delete = format!("delete from chats where id = '{}'", id(CHAT));
    assert_eq!(twins.postgres.run(&delete).await.unwrap(), 1);
    twins.local.rest(Method::DELETE, &format!("/chats?id=eq.{}", id(CHAT)), None).await;
    let anew = |number| with(begin(number, user_message(26, "Hi")), create.clone());
    assert_eq!(twins.begin(anew(6)).await, "busy");
    twins.release("five").await;
    assert_eq!(twins.begin(anew(6)).await, "started");
}

#[tokio::test]
async fn overheads_are_reserved_and_not_counted() {
    let Some(twins) = twins().await else { return };
    let reserve = json!({ "p_create_chat": {}, "p_reserve": { "limit": 1000, "input_tokens": 20,
        "overhead_tokens": 100, "output_tokens": 50, "min_output_tokens": 1, "server": "one" } });
    let question = with(begin(1, user_message(10, "Hi there")), reserve);
    let started = twins.call("begin_generation", question).await;
    assert_eq!(started["reserved"], json!({ "tokens": 172, "output_tokens": 50 }));
    twins.release("one").await;
    assert_eq!(twins.call("count_lapsed_usage", json!({})).await, 1);
    let counted = "select input_tokens from usage_logs";
    assert_eq!(twins.postgres.rows(counted).await.unwrap(), [json!({ "input_tokens": 22 })]);
}

#[tokio::test]
async fn answers_that_are_taken_over() {
    let Some(twins) = twins().await else { return };
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started");
    let saved = json!({ "number": 3, "after": 0, "delta": beginning("Hello"),
        "used": { "model": "m2", "provider": "openai", "input_tokens": 7, "output_tokens": 2 } });
    assert_eq!(twins.checkpoint(1, saved).await["owned"], true);
    let take = |run: u32, next: u32, more: Value| {
        let key = json!({ "p_chat_id": id(CHAT), "p_message_id": id(1), "p_run": id(run),
            "p_next_run": id(next) });
        twins.call("take_over_generation", with(key, more))
    };
    // Only who knows the run.
    assert_eq!(take(9, 2, json!({})).await["answer"], "conflict");
    let taken = take(1, 2, json!({})).await;
    assert_eq!((&taken["answer"], &taken["checkpoint"]), (&json!("started"), &json!(3)));
    assert_eq!(taken["message"]["content"], "Hello");
    assert_eq!(take(1, 2, json!({})).await, taken, "the same again");
    assert_eq!(take(1, 4, json!({})).await["answer"], "conflict", "once");
    // The run before has only its usage to save.
    let late = json!({ "number": 4, "after": 3, "delta": beginning("late") });
    assert_eq!(twins.checkpoint(1, late).await["owned"], false);
    let log = json!({ "operation": "chat", "provider": "openai", "model": "m2", "input_tokens": 7,
        "output_tokens": 2, "usage_source": "reported", "status": "complete" });
    let end = json!({ "p_end": { "status": "complete", "usage_log": log } });
    assert_eq!(twins.save(save(1, end)).await, false);
    let more =
        json!({ "number": 4, "after": 3, "delta": [{ "index": 1, "at": 5, "text": " you" }] });
    assert_eq!(twins.checkpoint(2, more).await["owned"], true);
    let whole = json!({ "p_message_id": id(1), "p_run": id(2), "p_chat_id": id(CHAT),
        "p_end": { "status": "complete", "finish_reason": "stop" } });
    assert_eq!(twins.save(whole).await, true);
    let row = "select content, status from messages where run_id is not null";
    assert_eq!(
        twins.postgres.rows(row).await.unwrap(),
        [json!({ "content": "Hello you", "status": "complete" })]
    );
    // What is to be stopped is not taken over.
    assert_eq!(twins.begin(begin(5, user_message(11, "And?"))).await, "started");
    assert_eq!(twins.stop().await, true);
    let key = json!({ "p_chat_id": id(CHAT), "p_message_id": id(5), "p_run": id(5),
        "p_next_run": id(6) });
    assert_eq!(twins.call("take_over_generation", key).await["answer"], "conflict");
}
