//! What a person decides, how often and how long.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Asking, approve};
use crate::support::{frames, skipped_on_a_real_supabase};

#[tokio::test]
async fn arguments_may_be_changed_and_tools_allowed_for_the_chat() {
    let asking = Asking::new().await;
    let pending = asking.waiting(r#"/approve {"to":"Ada","text":"Hello"}"#).await;
    let wrong = json!({ "approved": false, "arguments": {} });
    assert_eq!(asking.decide(&pending[0], wrong).await.pointers(), ["/arguments"]);
    let text = "x".repeat(70_000);
    let long = json!({ "approved": true, "arguments": { "to": "B", "text": text } });
    assert_eq!(asking.decide(&pending[0], long).await.pointers(), ["/arguments"]);
    let edited = json!({ "to": "Bob", "text": "Hi" });
    let body =
        json!({ "approved": true, "arguments": edited, "remember": "chat", "stream": false });
    let answer = asking.decide(&pending[0], body).await.expect(200);
    let text = answer["message"]["content"].as_str().unwrap();
    assert!(text.contains("changed the arguments") && text.contains("Bob"), "{text}");
    let parts = answer["message"]["parts"].as_array().unwrap();
    let part = parts.iter().find(|part| part["type"] == "tool-send_postcard").unwrap();
    assert_eq!((&part["input"], &part["output"]["sent_to"]), (&edited, &json!("Bob")));
    // In this chat nobody is asked again, in another one they are.
    let again = asking.alice.ask(&asking.chat, "/approve").await;
    assert_eq!(again["message"]["status"], "complete");
    assert_eq!(asking.states().await, ["output-available"]);
    let other = asking.alice.create_chat("Other").await;
    assert_eq!(asking.alice.ask(&other, "/approve").await["message"]["status"], "awaiting");
}

#[tokio::test]
async fn changed_arguments_have_to_fit_the_tool() {
    let asking = Asking::new().await;
    let pending = asking.waiting("/approve").await;
    for (arguments, pointer) in [
        (json!({ "to": "Bob" }), "/arguments/text"),
        (json!({ "to": 5, "text": "Hi" }), "/arguments/to"),
        (json!({ "to": "Bob", "text": null }), "/arguments/text"),
    ] {
        let body = json!({ "approved": true, "arguments": arguments });
        assert_eq!(asking.decide(&pending[0], body).await.pointers(), [pointer]);
    }
    assert_eq!(asking.pending().await, pending, "it waits as before");
    let body =
        json!({ "approved": true, "arguments": { "to": "Bob", "text": "Hi" }, "stream": false });
    let answer = asking.decide(&pending[0], body).await.expect(200);
    assert!(answer.to_string().contains(r#""sent_to":"Bob""#), "{answer}");
}

#[tokio::test]
async fn a_decision_counts_once_however_often_it_comes() {
    let asking = Asking::new().await;
    let replica = asking.app.replica(&[]).await;
    let pending = asking.waiting("/approve").await;
    let id = pending[0]["approval_id"].as_str().unwrap();
    let there = asking.alice.on(&replica);
    let path = asking.path(id);
    let decisions = (0..40).map(|index| {
        let user = if index % 2 == 0 { &asking.alice } else { &there };
        user.post(&path, json!({ "approved": index % 10 != 9, "stream": false }))
    });
    let replies = join_all(decisions).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    assert!(!won.is_empty());
    for reply in lost {
        let code = reply.json()["code"].clone();
        assert!(code == "already_decided" || code == "decisions_rate_limited", "{code}");
    }
    let message = asking.last_message().await;
    assert_eq!(message["status"], "complete");
    let usage = asking.alice.usage_logs().await;
    assert_eq!(usage.len(), 2, "one continuation");
}

#[tokio::test]
async fn a_decision_that_says_something_else_is_refused() {
    let asking = Asking::new().await;
    let pending = asking.waiting(r#"/approve {"to":"Ada","text":"Hello"}"#).await;
    let seen = pending[0]["digest"].as_str().unwrap();
    let decide = |approved: bool, more: Value| {
        let mut body = json!({ "approved": approved, "stream": false });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        asking.decide(&pending[0], body)
    };
    let card = json!({ "to": "Bob", "text": "Hi" });
    let edit = json!({ "digest": seen, "arguments": card });
    decide(true, edit.clone()).await.expect(200);
    // What runs is what was sent with the decision, and nothing else was approved.
    let other = json!({ "digest": seen, "arguments": { "to": "Eve", "text": "Hi" } });
    for contradiction in [
        json!({ "digest": seen }),
        json!({ "digest": "0" }),
        other,
        json!({ "digest": "0", "arguments": card }),
    ] {
        let refused = decide(true, contradiction.clone()).await;
        assert_eq!(refused.problem(409), "already_decided", "{contradiction}");
    }
    let standing = decide(false, json!({})).await.json();
    assert_eq!(
        (&standing["code"], &standing["approved"]),
        (&json!("already_decided"), &json!(true))
    );
    for same in [json!({}), edit, json!({ "arguments": card, "remember": "chat" })] {
        decide(true, same).await.expect(200);
    }
    let again = asking.alice.ask(&asking.chat, "/approve").await;
    assert_eq!(again["message"]["status"], "complete", "it was allowed for the chat by then");

    let other = Asking::new().await;
    let pending = other.waiting("/approve").await;
    let no = json!({ "approved": false, "digest": pending[0]["digest"], "stream": false });
    other.decide(&pending[0], no.clone()).await.expect(200);
    other.decide(&pending[0], no).await.expect(200);
    let wrong = json!({ "approved": false, "digest": "0", "stream": false });
    assert_eq!(other.decide(&pending[0], wrong).await.problem(409), "already_decided");
}

#[tokio::test]
async fn what_waits_ends_with_time_and_with_other_words() {
    if skipped_on_a_real_supabase("a clock that moves") {
        return;
    }
    let asking = Asking::new().await;
    let pending = asking.waiting("/approve").await;
    asking.app.clock.advance(Duration::from_secs(86_401));
    let alice = asking.alice.refreshed(&asking.app).await;
    let asking = Asking { alice, ..asking };
    assert_eq!(asking.decide(&pending[0], approve()).await.problem(410), "approval_expired");
    assert_eq!(asking.pending().await, [] as [Value; 0]);
    // Whoever opens the chat lets the model know.
    let rest = asking.alice.resume(&asking.chat).await.rest().await;
    assert!(frames(&rest).join(" ").contains("did not decide in time"));

    let pending = asking.waiting("/approve 2").await;
    assert_eq!(asking.decide(&pending[0], approve()).await.expect(200)["remaining"], 1);
    asking.alice.ask(&asking.chat, "No, rather not").await;
    assert_eq!(asking.decide(&pending[1], approve()).await.problem(409), "already_decided");
    let messages = asking.alice.messages(&asking.chat).await;
    let parts = messages[messages.len() - 3]["parts"].as_array().unwrap();
    let states: Vec<_> = parts.iter().filter_map(|part| part["errorText"].as_str()).collect();
    assert_eq!(states, ["Not run: the person wrote something else instead."; 2]);

    // More than a person looks over.
    let pending = asking.waiting("/approve 40").await;
    assert_eq!(pending.len(), 32);
    let first = asking.alice.get("/api/ai/approvals?limit=20").await;
    let next = first.next_page().unwrap();
    assert_eq!(asking.alice.get(&next).await.expect(200).as_array().unwrap().len(), 12);
    asking.alice.poke(&format!("/api/ai/chat/{}/stop", asking.chat)).await.expect(200);
    assert_eq!(asking.pending().await, [] as [Value; 0]);
}
