//! Versions, branches, what waits, and what has not been read.

use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn unread_answers() {
    let Some(twins) = twins().await else { return };
    let resume = async || twins.call("answer_to_resume", json!({ "p_chat_id": id(CHAT) })).await;
    let read = async |number: u32| {
        twins.call("mark_answer_read", json!({ "p_message_id": id(number) })).await
    };
    assert_eq!(resume().await, Value::Null);
    let question = with(begin(1, user_message(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(by("one", question)).await, "started");
    assert_eq!(resume().await["message"]["status"], "streaming");
    assert_eq!(read(1).await, false, "it is still being written");
    assert_eq!(twins.save(end(1, "complete")).await, true);
    assert_eq!(resume().await["message"]["id"], id(1));
    assert_eq!((read(10).await, read(99).await), (json!(false), json!(false)));
    assert_eq!((read(1).await, read(1).await), (json!(true), json!(false)));
    assert_eq!(resume().await["message"], Value::Null);
    // One that is not heard of again has ended, also while nobody has ended its row.
    let first = json!({ "number": 1, "after": 0, "delta": beginning("Half") });
    assert_eq!(twins.begin(by("two", begin(2, user_message(11, "And?")))).await, "started");
    assert_eq!(twins.checkpoint(2, first).await["owned"], true);
    twins.release("two").await;
    twins.compare_rows("a lapse").await;
    assert_eq!(read(2).await, true);
    assert_eq!(twins.save(end(2, "complete")).await, true, "slow, and there is more of it");
    assert_eq!(resume().await["message"]["content"], "Hello");
    // One that failed before it said anything.
    assert_eq!(twins.begin(begin(3, user_message(12, "So?"))).await, "started");
    let empty = json!({ "p_parts": [], "p_end": { "status": "failed", "is_active": false } });
    assert_eq!(twins.save(save(3, empty)).await, true);
    assert_eq!(resume().await["message"]["status"], "failed");
    assert_eq!(twins.begin(by("four", begin(4, user_message(13, "Oh?")))).await, "started");
    twins.release("four").await;
    assert_eq!(resume().await["message"]["status"], "interrupted");
}

#[tokio::test]
async fn versions_and_branches() {
    let Some(twins) = twins().await else { return };
    let select = async |message: &str| {
        let reply = twins.call("select_message", json!({ "p_message_id": message })).await;
        reply["answer"].clone()
    };
    assert_eq!(select(&id(1)).await, "not_found");
    twins.answered().await;
    assert_eq!(twins.begin(begin(2, user_message(11, "And?"))).await, "started");
    assert_eq!(select(&id(1)).await, "busy");
    assert_eq!(twins.save(end(2, "complete")).await, true);
    assert_eq!(select(&id(10)).await, "selected");
    let again = json!({ "p_action": "regenerate", "p_regenerate": id(1) });
    assert_eq!(twins.begin(with(begin(3, Value::Null), again)).await, "started");
    assert_eq!(twins.save(end(3, "complete")).await, true);
    assert_eq!(twins.begin(begin(4, user_message(12, "So?"))).await, "started");
    assert_eq!(twins.save(end(4, "complete")).await, true);
    for message in [1, 3, 11, 12, 2, 4, 10] {
        assert_eq!(select(&id(message)).await, "selected", "{message}");
    }
    let edit = with(begin(5, user_message(10, "Hey")), json!({ "p_action": "edit" }));
    assert_eq!(twins.begin(edit).await, "started");
    assert_eq!(twins.save(end(5, "complete")).await, true);
    for message in [1, 5, 4] {
        assert_eq!(select(&id(message)).await, "selected", "{message}");
    }
    // Circles, and paths with a gap.
    twins.change(10, json!({ "parent_id": id(5) })).await;
    assert_eq!(select(&id(5)).await, "selected");
    twins.change(10, json!({ "parent_id": null })).await;
    twins.change(12, json!({ "parent_id": null })).await;
    for message in [4, 10, 3] {
        assert_eq!(select(&id(message)).await, "selected", "{message}");
    }
}

#[tokio::test]
async fn queues() {
    let Some(twins) = twins().await else { return };
    let waits = |message: u32, text: &str| {
        with(
            user_message(message, text),
            json!({ "queue": { "model": "m" }, "metadata": { "a": 1 } }),
        )
    };
    let next = |number: u32, message: u32| {
        with(
            begin(number, Value::Null),
            json!({ "p_action": "queued", "p_regenerate": id(message) }),
        )
    };
    let list = async || twins.call("queued_messages", json!({ "p_chat_id": id(CHAT) })).await;
    let question = with(begin(1, waits(10, "Hi")), json!({ "p_create_chat": {} }));
    assert_eq!(twins.begin(question).await, "started", "nothing to wait for");
    for message in [11, 12, 13] {
        assert_eq!(twins.begin(begin(2, waits(message, "So?"))).await, "queued");
    }
    assert_eq!(twins.begin(begin(2, waits(11, "So?"))).await, "queued", "once");
    assert_eq!(twins.begin(begin(2, user_message(11, "So?"))).await, "busy");
    assert_eq!(twins.begin(next(2, 11)).await, "busy");
    assert_eq!(list().await.as_array().unwrap().len(), 3);
    let mut wrong = waits(14, "x");
    wrong["queue"] = json!([]);
    assert_eq!(twins.begin(begin(2, wrong)).await["code"], "23514");
    let mut wrong = waits(14, "x");
    wrong["metadata"] = json!([]);
    assert_eq!(twins.begin(begin(2, wrong)).await["code"], "23514");
    assert_eq!(twins.save(end(1, "complete")).await, true);
    assert_eq!(
        twins.call("answer_to_resume", json!({ "p_chat_id": id(CHAT) })).await["queued"],
        id(11)
    );
    // Another question comes first, and what waits comes after its answer.
    assert_eq!(twins.begin(begin(3, user_message(20, "First"))).await, "started");
    assert_eq!(twins.save(end(3, "complete")).await, true);
    assert_eq!(twins.begin(begin(4, Value::Null)).await, "nothing_to_answer");
    assert_eq!(
        twins.call("select_message", json!({ "p_message_id": id(1) })).await["answer"],
        "selected"
    );
    assert_eq!(twins.begin(next(4, 11)).await, "started");
    assert_eq!(twins.begin(next(5, 11)).await, "running");
    assert_eq!(twins.save(end(4, "complete")).await, true);
    assert_eq!(twins.begin(next(5, 11)).await, "answered");
    assert_eq!(twins.begin(next(5, 99)).await, "not_found");
    assert_eq!(twins.begin(next(5, 20)).await, "answered");
    // Sent again when nothing is being written it is answered.
    assert_eq!(twins.begin(begin(5, waits(12, "So?"))).await, "started");
    assert_eq!(twins.save(end(5, "failed")).await, true);
    assert_eq!(twins.begin(next(6, 12)).await, "conflict");
    let again = json!({ "p_action": "regenerate", "p_regenerate": id(3) });
    assert_eq!(twins.begin(with(begin(6, Value::Null), again)).await, "started");
    assert_eq!(twins.save(end(6, "complete")).await, true);
    assert_eq!(list().await.as_array().unwrap().len(), 1, "a regenerate takes nothing from it");
    assert_eq!(twins.begin(begin(7, user_message(21, "Busy"))).await, "started");
    for message in 30..39 {
        assert_eq!(twins.begin(begin(8, waits(message, "So?"))).await, "queued");
    }
    assert_eq!(twins.begin(begin(8, waits(39, "So?"))).await, "queue_full");
}

#[tokio::test]
async fn questions_as_branches() {
    let Some(twins) = twins().await else { return };
    twins.answered().await;
    let after = |number: u32, message: u32, after: Value| {
        let question = with(user_message(message, "New"), json!({ "after": after }));
        with(begin(number, question), json!({ "p_action": "edit" }))
    };
    assert_eq!(twins.begin(after(2, 11, json!(id(1)))).await, "started");
    assert_eq!(twins.save(end(2, "complete")).await, true);
    // Another one after the first answer.
    let reply = twins.call("begin_generation", after(3, 12, json!(id(1)))).await;
    assert_eq!(reply["history"].as_array().unwrap().len(), 3);
    let empty = json!({ "p_parts": [], "p_end": { "status": "failed", "is_active": false } });
    assert_eq!(twins.save(save(3, empty.clone())).await, true);
    assert_eq!(twins.begin(after(4, 12, json!(id(1)))).await, "started");
    let first = json!({ "number": 1, "after": 0, "delta": beginning("Half") });
    assert_eq!(twins.checkpoint(4, first).await["owned"], true);
    assert_eq!(twins.save(end(4, "complete")).await, true);
    // A first question, one in a branch that is not active, and what is unknown or came to nothing.
    assert_eq!(twins.begin(after(5, 13, Value::Null)).await, "started");
    assert_eq!(twins.save(end(5, "complete")).await, true);
    assert_eq!(twins.begin(after(6, 14, json!(id(2)))).await, "started");
    assert_eq!(twins.save(end(6, "complete")).await, true);
    for (number, known) in [(7, 99), (8, 3)] {
        assert_eq!(twins.begin(after(number, 20 + number, json!(id(known)))).await, "started");
        assert_eq!(twins.save(end(number, "complete")).await, true);
    }
    assert_eq!(
        twins.call("select_message", json!({ "p_message_id": id(10) })).await["answer"],
        "selected"
    );
}
