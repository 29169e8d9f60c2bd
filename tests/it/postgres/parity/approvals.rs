//! Calls that wait for a person's decision, and their runs.

use serde_json::{Value, json};

use super::*;

/// An end with which these calls begin to wait; their approvals' ids are 500, 501…
fn asking(number: u32, calls: &[(&str, Value)]) -> Value {
    let part = |(index, (call, _)): (usize, &(&str, Value))| {
        json!({ "type": "tool-send", "toolCallId": call, "state": "approval-requested",
            "input": { "to": "x", "n": 1 }, "approval": { "id": id(500 + index as u32) } })
    };
    let row = |(index, (call, more)): (usize, &(&str, Value))| {
        with(
            json!({ "id": id(500 + 10 * number + index as u32), "call_id": call, "source": "server",
                "source_tool": "send", "tool": "send", "title": "Send", "target": "example.com",
                "policy": "always", "policy_reason": "It sends.", "redact": ["/secret"],
                "definition_digest": "d", "arguments": { "to": "x", "n": 1 },
                "arguments_digest": "a", "seal": "s", "expires_in_s": 600 }),
            more.clone(),
        )
    };
    let mut parts = vec![json!({ "type": "step-start" })];
    parts.extend(calls.iter().enumerate().map(part));
    let end = json!({ "status": "awaiting", "finish_reason": "tool-calls",
        "tool_calls": calls.iter().enumerate().map(row).collect::<Vec<_>>() });
    save(number, json!({ "p_parts": parts, "p_model": "m", "p_end": end }))
}

fn decide(call: &str, approved: bool, more: Value) -> Value {
    let key = json!({ "p_chat_id": id(CHAT), "p_call": call, "p_approved": approved });
    with(key, more)
}

fn resume(message: u32, run: u32) -> Value {
    json!({ "p_chat_id": id(CHAT), "p_message_id": id(message), "p_run": id(run) })
}

fn claim(message: u32, run: u32, call: &str) -> Value {
    json!({ "p_message_id": id(message), "p_run": id(run), "p_call_id": call })
}

impl Twins {
    /// What becomes of a decision.
    async fn decide(&self, call: &str, approved: bool, more: Value) -> Value {
        let reply = self.call("decide_tool_call", decide(call, approved, more)).await;
        reply.get("answer").cloned().unwrap_or(reply)
    }

    async fn find(&self, call: &str) -> Value {
        let arguments = json!({ "p_chat_id": id(CHAT), "p_call": call });
        self.call("find_tool_call", arguments).await
    }

    async fn claim(&self, message: u32, run: u32, call: &str) -> Value {
        let reply = self.call("claim_tool_call", claim(message, run, call)).await;
        reply.get("answer").cloned().unwrap_or(reply)
    }

    async fn finish(&self, (message, run): (u32, u32), call: &str, end: (&str, Value)) -> Value {
        let more = json!({ "p_state": end.0, "p_outcome": end.1 });
        self.call("finish_tool_call", with(claim(message, run, call), more)).await
    }

    async fn states(&self, calls: &[&str]) -> Vec<String> {
        let mut states = Vec::new();
        for call in calls {
            states.push(self.find(call).await["state"].as_str().unwrap().to_owned());
        }
        states
    }

    /// An answer that asks about these calls.
    async fn asked(&self, number: u32, calls: &[(&str, Value)]) {
        let question = with(
            begin(number, user_message(1000 + number, "Send it")),
            json!({ "p_create_chat": {} }),
        );
        assert_eq!(self.begin(question).await, "started");
        assert_eq!(self.save(asking(number, calls)).await, true);
    }

    /// The leases of all runs are over.
    async fn lapse(&self, message: u32) {
        let past = "update private.token_reservations \
                    set lease_expires_at = clock_timestamp() - interval '1 second'";
        let (db, app) = &self.kept;
        db.admin.batch_execute(past).await.unwrap();
        app.clock.advance(std::time::Duration::from_secs(60));
        let past = json!({ "lease_expires_at": "2020-01-01T00:00:00+00:00" });
        self.change(message, past).await;
    }
}

#[tokio::test]
async fn decisions() {
    let Some(twins) = twins().await else { return };
    let none = || json!({});
    assert_eq!(twins.find("a").await, Value::Null);
    assert_eq!(twins.decide("a", true, none()).await, Value::Null);
    let calls = [
        ("a", none()),
        (
            "b",
            json!({ "may_edit": true, "may_remember": true,
                "redact": ["/n", "/to/x", "/to/-1", "no", "/missing"] }),
        ),
        ("c", none()),
        ("d", json!({ "expires_in_s": 1 })),
        ("page", json!({ "policy": null, "source": "client" })),
    ];
    twins.asked(1, &calls).await;
    let pending = |limit: u32, after: Value| json!({ "p_limit": limit, "p_after": after });
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    twins.kept.1.clock.advance(std::time::Duration::from_millis(1_100));
    let list = twins.call("pending_tool_calls", pending(2, Value::Null)).await;
    let ids = |list: &Value| {
        list.as_array().unwrap().iter().map(|c| c["call_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&list), ["a", "b"]);
    let list = twins.call("pending_tool_calls", pending(2, json!(id(511)))).await;
    assert_eq!(ids(&list), ["c"]);

    // By either id; the first decision counts.
    let seen = |digest: &str| json!({ "p_digest": digest });
    assert_eq!(twins.decide("a", true, seen("other")).await, "arguments_changed");
    assert_eq!(twins.decide(&id(510), true, seen("a")).await, "recorded");
    assert_eq!(twins.decide("a", true, none()).await, "same");
    assert_eq!(twins.decide("a", false, none()).await, "decided");
    assert_eq!(twins.decide("d", true, none()).await, "expired");
    assert_eq!(twins.decide("page", true, none()).await, "unknown");
    let edit = json!({ "p_edit": { "arguments": { "to": "y", "n": 2 }, "arguments_digest": "e", "seal": "t" } });
    assert_eq!(twins.decide("c", true, edit.clone()).await, "not_editable");
    assert_eq!(twins.decide("c", false, json!({ "p_reason": "No \"way\"" })).await, "recorded");
    assert_eq!(twins.decide("c", false, json!({ "p_reason": "other" })).await, "same");
    let remembered = with(edit.clone(), json!({ "p_grant_seal": "g" }));
    assert_eq!(twins.decide("b", true, remembered).await, "recorded");
    assert_eq!(twins.decide("b", true, edit.clone()).await, "same");
    assert_eq!(twins.decide("b", true, none()).await, "same");
    assert_eq!(twins.decide("b", true, seen("e")).await, "same");
    assert_eq!(twins.decide("b", true, seen("a")).await, "decided");
    assert_eq!(twins.decide("b", true, with(edit.clone(), seen("a"))).await, "same");
    assert_eq!(twins.decide("b", true, with(edit, seen("e"))).await, "decided");
    assert_eq!(twins.decide("a", true, seen("other")).await, "decided");
    assert_eq!(twins.decide("c", false, seen("other")).await, "decided");
    assert_eq!(twins.decide("c", false, seen("a")).await, "same");
    let late = with(seen("a"), json!({ "p_grant_seal": "late" }));
    assert_eq!(twins.decide("a", true, late).await, "same");
    let other = json!({ "p_edit": { "arguments": {}, "arguments_digest": "f", "seal": "t" } });
    assert_eq!(twins.decide("b", true, other).await, "decided");
    let grants = twins.call("tool_grants", json!({ "p_chat_id": id(CHAT) })).await;
    assert_eq!(grants.as_array().unwrap().len(), 1, "a may not be remembered");
    assert_eq!(grants[0]["seal"], "g");
    let stored = twins.find("b").await;
    assert_eq!(
        (&stored["arguments"], &stored["seal"]),
        (&json!({ "to": "y", "n": 2 }), &json!("t"))
    );

    // An output is none of theirs, and only an outcome is one.
    for wrong in [
        json!(1),
        json!({}),
        json!({ "approved": true }),
        json!({ "error": 5 }),
        json!({ "output": 1, "more": 2 }),
    ] {
        let outcomes = json!({ "p_chat_id": id(CHAT), "p_outcomes": { "page": wrong } });
        assert_eq!(twins.call("answer_tool_calls", outcomes).await["code"], "22023");
    }
    let outcomes = json!({ "p_chat_id": id(CHAT), "p_message_id": id(1),
        "p_outcomes": { "a": { "output": 1 }, "page": { "output": 1 } } });
    let answered = twins.call("answer_tool_calls", outcomes).await;
    assert_eq!(answered["results"], json!({ "a": "unknown", "page": "recorded" }));
    assert_eq!(answered["remaining"], 0);

    let started = twins.call("continue_generation", resume(1, 2)).await;
    assert_eq!(started["answer"], "started");
    let calls: Vec<_> =
        started["calls"].as_array().unwrap().iter().map(|call| &call["call_id"]).collect();
    assert_eq!(calls, ["a", "b"]);
    let parts = &started["message"]["parts"];
    assert_eq!(parts[1]["state"], "approval-responded");
    assert_eq!(parts[2]["input"], json!({ "to": "y", "n": "•••" }));
    let sent = &parts[2]["callProviderMetadata"]["chat-backend"]["arguments"];
    assert_eq!(sent, &json!(r#"{"n": "•••", "to": "x"}"#));
    assert_eq!(parts[3]["state"], "output-denied");
    assert_eq!(parts[3]["approval"]["reason"], "No \"way\"");
    assert_eq!(parts[4]["state"], "output-error");
}

#[tokio::test]
async fn runs_of_calls() {
    let Some(twins) = twins().await else { return };
    let repeatable = || json!({ "is_repeatable": true });
    let calls =
        [("once", json!({})), ("again", repeatable()), ("denied", json!({})), ("left", json!({}))];
    twins.asked(1, &calls).await;
    for (call, approved) in [("once", true), ("again", true), ("denied", false), ("left", true)] {
        assert_eq!(twins.decide(call, approved, json!({})).await, "recorded");
    }
    assert_eq!(twins.claim(1, 1, "once").await, Value::Null, "the run is over");
    assert_eq!(twins.call("continue_generation", resume(1, 2)).await["answer"], "started");
    assert_eq!(twins.claim(1, 3, "once").await, Value::Null, "another's message");
    assert_eq!(twins.claim(1, 2, "nothing").await, Value::Null);
    for call in ["once", "again", "once"] {
        assert_eq!(twins.claim(1, 2, call).await, "claimed");
    }
    assert_eq!(twins.claim(1, 2, "denied").await, "denied");
    let refused = twins.finish((1, 2), "once", ("approved", json!({ "output": 1 }))).await;
    assert_eq!(refused["code"], "22023");
    let refused = twins.finish((1, 2), "once", ("done", json!({ "denied": 1 }))).await;
    assert_eq!(refused["code"], "22023");
    assert_eq!(twins.finish((1, 3), "once", ("done", json!({ "output": 1 }))).await, false);

    // The server is lost: the message goes on waiting for what was approved.
    twins.lapse(1).await;
    let shown = twins.call("answer_to_resume", json!({ "p_chat_id": id(CHAT) })).await;
    assert_eq!(shown["awaiting"], id(1));
    assert_eq!(twins.finish((1, 2), "once", ("done", json!({ "output": 1 }))).await, true);
    assert_eq!(twins.finish((1, 2), "once", ("done", json!({ "output": 1 }))).await, true);
    assert_eq!(twins.finish((1, 2), "once", ("done", json!({ "output": 2 }))).await, false);
    assert_eq!(twins.call("continue_generation", resume(1, 4)).await["answer"], "started");
    assert_eq!(twins.claim(1, 2, "again").await, Value::Null);
    assert_eq!(twins.claim(1, 4, "again").await, "claimed");
    assert_eq!(twins.claim(1, 4, "left").await, "claimed");
    twins.lapse(1).await;
    assert_eq!(twins.call("continue_generation", resume(1, 5)).await["answer"], "started");
    assert_eq!(twins.claim(1, 5, "left").await, "unknown");
    assert_eq!(twins.claim(1, 5, "again").await, "claimed");
    let failed = ("failed", json!({ "error": "No." }));
    assert_eq!(twins.finish((1, 5), "again", failed).await, true);
    let own = json!({ "p_run": id(5), "p_end": { "status": "complete" } });
    let saved = twins.call("save_generation", with(save(1, json!({})), own)).await;
    let parts = saved["message"]["parts"].as_array().unwrap();
    let states: Vec<_> = parts[1..].iter().map(|part| &part["state"]).collect();
    assert_eq!(states, ["output-available", "output-error", "output-denied", "output-error"]);
    assert_eq!(parts[2]["approval"]["approved"], true);
    let all = ["once", "again", "denied", "left"];
    assert_eq!(twins.states(&all).await, ["done", "failed", "denied", "unknown"]);
}

#[tokio::test]
async fn what_ends_calls_that_wait() {
    let Some(twins) = twins().await else { return };
    let two = [("a", json!({})), ("b", json!({}))];
    // Another message.
    twins.asked(1, &two).await;
    assert_eq!(twins.decide("a", true, json!({})).await, "recorded");
    assert_eq!(twins.begin(begin(2, user_message(20, "No"))).await, "started");
    assert_eq!(twins.states(&["a", "b"]).await, ["superseded", "superseded"]);
    assert_eq!(twins.decide("b", true, json!({})).await, "superseded");
    assert_eq!(twins.decide("a", true, json!({})).await, "same");
    // A stop, while it waits and while it runs.
    assert_eq!(twins.save(asking(2, &two)).await, true);
    assert_eq!(twins.stop().await, false);
    assert_eq!(twins.states(&["a", "b"]).await, ["superseded", "superseded"]);
    twins.asked(3, &two).await;
    for call in ["a", "b"] {
        assert_eq!(twins.decide(call, true, json!({})).await, "recorded");
    }
    assert_eq!(twins.call("continue_generation", resume(3, 30)).await["answer"], "started");
    assert_eq!(twins.claim(3, 30, "a").await, "claimed");
    assert_eq!(twins.stop().await, true);
    assert_eq!(twins.claim(3, 30, "b").await, Value::Null, "it is to stop");
    let own = json!({ "p_run": id(30), "p_end": { "status": "stopped" } });
    twins.call("save_generation", with(save(3, json!({})), own)).await;
    assert_eq!(twins.states(&["a", "b"]).await, ["unknown", "superseded"]);
    let ended = twins.call("continue_generation", resume(3, 31)).await["message"].take();
    let error = |part: usize| ended["parts"][part]["errorText"].as_str().unwrap().to_owned();
    assert!(error(1).contains("the person stopped it while it ran"), "{ended}");
    assert_eq!(error(2), "Not run: the answer was stopped.");
    // The server ends while it runs.
    twins.asked(4, &two).await;
    for call in ["a", "b"] {
        assert_eq!(twins.decide(call, true, json!({})).await, "recorded");
    }
    assert_eq!(twins.call("continue_generation", resume(4, 40)).await["answer"], "started");
    let own = json!({ "p_run": id(40), "p_end": { "status": "interrupted" } });
    let saved = twins.call("save_generation", with(save(4, json!({})), own)).await;
    assert_eq!(saved["message"]["status"], "awaiting");
    // Another version.
    let again = json!({ "p_regenerate": id(1004), "p_action": "regenerate" });
    assert_eq!(twins.begin(with(begin(5, Value::Null), again)).await, "started");
    assert_eq!(twins.states(&["a", "b"]).await, ["superseded", "superseded"]);
    assert_eq!(twins.save(asking(5, &two)).await, true);
    let select = json!({ "p_message_id": id(4) });
    assert_eq!(twins.call("select_message", select).await["answer"], "selected");
    assert_eq!(twins.states(&["a", "b"]).await, ["superseded", "superseded"]);
    let none = twins.call("pending_tool_calls", json!({})).await;
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn calls_are_made_once() {
    let Some(twins) = twins().await else { return };
    let calls = [("once", json!({})), ("again", json!({ "is_repeatable": true }))];
    for (round, expected) in [(1, "claimed"), (2, "superseded")] {
        // The same message and calls, deleted and written again.
        twins.asked(1, &calls).await;
        for call in ["once", "again"] {
            assert_eq!(twins.decide(call, true, json!({})).await, "recorded");
        }
        let started = twins.call("continue_generation", resume(1, 10 + round)).await;
        assert_eq!(started["answer"], "started");
        assert_eq!(twins.claim(1, 10 + round, "once").await, expected);
        assert_eq!(twins.claim(1, 10 + round, "once").await, expected, "a repeat");
        assert_eq!(twins.claim(1, 10 + round, "again").await, "claimed");
        let own = json!({ "p_run": id(10 + round), "p_end": { "status": "complete" } });
        let saved = twins.call("save_generation", with(save(1, json!({})), own)).await;
        let error = saved["message"]["parts"][1]["errorText"].as_str().unwrap();
        let why = if round == 1 { "the answer ended while it ran" } else { "made before" };
        assert!(error.contains(why), "{error}");
        twins.delete(&id(1)).await;
    }
    // An id that another call has, and what is none.
    twins.asked(2, &[("once", json!({}))]).await;
    let question = begin(3, user_message(1003, "Send it"));
    assert_eq!(twins.begin(question).await, "started");
    let wrong = |more: Value| asking(3, &[("other", more)]);
    for (more, code) in [
        (json!({ "id": id(520) }), "23505"),
        (json!({ "id": "none" }), "22P02"),
        (json!({ "call_id": null }), "23502"),
        (json!({ "source": null }), "23502"),
        (json!({ "tool": null }), "23502"),
        (json!({ "arguments": null }), "23502"),
        (json!({ "is_repeatable": "perhaps" }), "22P02"),
        (json!({ "expires_in_s": "soon" }), "22P02"),
        (json!({ "expires_in_s": 3_000_000_000_u64 }), "22003"),
    ] {
        let refused = twins.call("save_generation", wrong(more.clone())).await;
        assert_eq!(refused["code"], code, "{more}");
    }
    assert_eq!(twins.save(wrong(json!({}))).await, true);
    let usual = json!({ "expires_in_s": null, "is_repeatable": null, "id": null });
    assert_eq!(twins.begin(begin(4, user_message(1004, "Send it"))).await, "started");
    assert_eq!(twins.save(asking(4, &[("other", usual)])).await, true);
}
