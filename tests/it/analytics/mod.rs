//! Usage, chat statistics, events and exports.

mod events;

use std::time::Duration;

use chat_backend::api::analytics::model::{ChatStatistics, UsageReport};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Reply, TestApp, User, app, skipped_on_a_real_supabase};

/// Some usage of a user's.
fn used(user: &User, at: &str, more: &Value) -> Value {
    let mut row = json!({ "user_id": user.id, "operation": "chat", "provider": "openai",
        "model": "gpt-6-sol", "input_tokens": 10, "output_tokens": 5, "cached_input_tokens": 4,
        "reasoning_tokens": 2, "usage_source": "reported", "cost_usd": 0.1, "latency_ms": 100,
        "time_to_first_token_ms": 10, "status": "complete", "error_code": null,
        "created_at": at });
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

/// A day in UTC, e.g. `2027-01-14` for yesterday.
fn day(app: &TestApp, days_ago: i64) -> String {
    let then = app.clock.now() - jiff::SignedDuration::from_hours(24 * days_ago);
    then.to_string()[..10].to_owned()
}

async fn usage(user: &User, query: &str) -> Value {
    user.get(&format!("/api/analytics/usage?{query}")).await.expect(200)
}

/// The values of one member of all buckets.
fn series(report: &Value, member: &str) -> Vec<Value> {
    let buckets = report["series"].as_array().unwrap();
    buckets.iter().map(|bucket| bucket[member].clone()).collect()
}

#[tokio::test]
async fn usage_is_summed_up_in_the_callers_time_zone() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let rows = json!([
        used(&alice, "2026-10-24T21:59:59.999999Z", &json!({})),
        used(&alice, "2026-10-24T22:00:00Z", &json!({ "cost_usd": 0.2, "latency_ms": 200 })),
        used(&alice, "2026-10-25T00:30:00Z", &json!({ "cost_usd": null, "latency_ms": 300 })),
        used(
            &alice,
            "2026-10-25T01:30:00Z",
            &json!({ "status": "failed", "error_code": "x",
            "latency_ms": null })
        ),
        used(&alice, "2026-10-27T00:00:00Z", &json!({ "cost_usd": null, "latency_ms": 400 })),
        used(&bob, "2026-10-25T00:30:00Z", &json!({})),
    ]);
    app.store("usage_logs", &rows).await;
    let berlin = "from=2026-10-24T00:00:00Z&to=2026-10-27T12:00:00Z&time_zone=Europe/Berlin";
    let report = usage(&alice, berlin).await;
    assert_eq!(
        report["totals"],
        json!({ "requests": 5, "errors": 1, "input_tokens": 50, "output_tokens": 25,
            "cached_input_tokens": 20, "reasoning_tokens": 10, "total_tokens": 75,
            "cost_usd": 0.4, "unpriced_requests": 2 })
    );
    assert_eq!(report["latency_ms"], json!({ "p50": 250, "p95": 385, "p99": 397 }));
    assert_eq!(report["from"], "2026-10-24T00:00:00+00:00");
    assert_eq!(
        series(&report, "bucket"),
        [
            "2026-10-24T00:00:00+02:00",
            "2026-10-25T00:00:00+02:00",
            "2026-10-26T00:00:00+01:00",
            "2026-10-27T00:00:00+01:00"
        ]
    );
    assert_eq!(series(&report, "requests"), [1, 3, 0, 1]);
    // Nothing was spent on the empty day; what the last one cost is not known.
    assert_eq!(series(&report, "cost_usd"), [json!(0.1), json!(0.3), json!(0), Value::Null]);
    assert_eq!(series(&report, "group"), [Value::Null, Value::Null, Value::Null, Value::Null]);
    let hours = usage(
        &alice,
        "from=2026-10-25T00:00:00Z&to=2026-10-25T02:00:00Z&interval=hour\
        &time_zone=Europe/Berlin",
    )
    .await;
    assert_eq!(
        series(&hours, "bucket"),
        ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
    );
    assert_eq!(series(&hours, "requests"), [1, 1]);
    serde_json::from_value::<UsageReport>(report).unwrap();
}

#[tokio::test]
async fn groups_are_filled_with_zeros() {
    let app = app().await;
    let alice = app.user("alice").await;
    let rows = json!([
        used(&alice, "2026-11-02T00:00:00Z", &json!({ "model": "b" })),
        used(&alice, "2026-11-09T00:00:00Z", &json!({ "model": "A", "provider": "anthropic" })),
    ]);
    app.store("usage_logs", &rows).await;
    let weeks = "from=2026-11-04&to=2026-11-16&interval=week";
    let report = usage(&alice, "from=2026-11-01&to=2026-11-16&interval=week&group_by=model").await;
    let monday =
        ["2026-10-26", "2026-11-02", "2026-11-09"].map(|day| format!("{day}T00:00:00+00:00"));
    let buckets: Vec<_> = monday.iter().flat_map(|day| [day, day]).collect();
    assert_eq!(series(&report, "bucket"), buckets.iter().map(|day| json!(day)).collect::<Vec<_>>());
    assert_eq!(series(&report, "group"), ["A", "b", "A", "b", "A", "b"]);
    assert_eq!(series(&report, "requests"), [0, 0, 0, 1, 1, 0]);
    let report = usage(&alice, &format!("{weeks}&group_by=provider")).await;
    assert_eq!(series(&report, "group"), ["anthropic", "anthropic"]);
    let nothing = usage(&app.user("bob").await, weeks).await;
    assert_eq!(series(&nothing, "requests"), [0, 0]);
    assert_eq!(nothing["latency_ms"], json!({ "p50": null, "p95": null, "p99": null }));
    assert_eq!(nothing["totals"]["cost_usd"], 0);
}

#[tokio::test]
async fn the_last_thirty_days_are_what_nobody_asks_otherwise() {
    if skipped_on_a_real_supabase("a clock that stands still") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    let rows = json!([
        used(&alice, "2026-12-16T08:00:00Z", &json!({})),
        used(&alice, "2026-12-16T07:59:59Z", &json!({})),
        used(&alice, "2027-01-15T08:00:00Z", &json!({})),
    ]);
    app.store("usage_logs", &rows).await;
    let report = usage(&alice, "").await;
    assert_eq!(report["totals"]["requests"], 1);
    assert_eq!(report["series"].as_array().unwrap().len(), 31);
    assert_eq!(usage(&alice, "from=2026-12-01T00:00:00Z").await["totals"]["requests"], 2);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let app = app().await;
    let alice = app.user("alice").await;
    for (query, pointer) in [
        ("interval=year", "/interval"),
        ("group_by=user", "/group_by"),
        ("time_zone=Mars/Olympus", "/time_zone"),
        ("from=soon", "/from"),
        ("to=2026-13-01", "/to"),
        ("from=2026-11-02&to=2026-11-02", "/from"),
        ("from=2028-01-01", "/from"),
        ("from=2020-01-01&interval=hour", "/interval"),
        ("from=0001-01-01&interval=month", "/interval"),
        ("format=xml", "/format"),
    ] {
        let reply = alice.get(&format!("/api/analytics/usage?{query}")).await;
        assert_eq!(reply.pointers(), [pointer], "{query}");
    }
    let reply = alice.get("/api/analytics/chats/stats?from=1900-01-01").await;
    assert_eq!(reply.pointers(), ["/interval"]);
}

#[tokio::test]
async fn chat_statistics_agree_with_the_lists() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let [one, two, _] =
        [alice.create_chat("1").await, alice.create_chat("2").await, alice.create_chat("3").await];
    alice.ask(&one, "Hello").await;
    alice.ask(&one, "Hello again").await;
    alice.add_message(&two, "Hi").await;
    bob.create_chat("Bob's").await;
    alice
        .post(&format!("/api/chats/{one}/bookmark"), json!({ "bookmarked": true }))
        .await
        .expect(200);
    alice.post(&format!("/api/chats/{two}/archive"), json!({ "archived": true })).await.expect(200);
    let chats =
        json!([{ "user_id": alice.id, "title": "Old", "created_at": "2026-12-01T23:30:00Z" }]);
    app.store("chats", &chats).await;
    // What is written at this very moment is not before it.
    app.clock.advance(Duration::from_secs(1));
    let statistics = alice.get("/api/analytics/chats/stats").await.expect(200);
    let listed = |query: &'static str| {
        let alice = alice.clone();
        async move {
            let chats = alice.get(&format!("/api/chats/?{query}")).await.expect(200);
            chats.as_array().unwrap().len()
        }
    };
    assert_eq!(statistics["total_chats"], listed("").await);
    assert_eq!(statistics["active_chats"], listed("archived=false").await);
    assert_eq!(statistics["archived_chats"], listed("archived=true").await);
    assert_eq!(statistics["bookmarked_chats"], listed("bookmarked=true").await);
    let messages = alice.messages(&one).await.len() + alice.messages(&two).await.len();
    assert_eq!((statistics["total_messages"].clone(), messages), (json!(5), 5));
    assert_eq!(statistics["messages_by_role"], json!({ "user": 3, "assistant": 2, "system": 0 }));
    assert_eq!(statistics["average_messages_per_chat"], 1.25);
    assert_eq!(statistics["top_models"], json!([{ "model": "scripted/demo", "messages": 2 }]));
    let days = statistics["messages_by_day"].as_array().unwrap();
    assert_eq!(days.len(), 31);
    assert_eq!(days[30], json!({ "date": day(&app, 0), "count": 5 }));
    assert_eq!(days[29], json!({ "date": day(&app, 1), "count": 0 }));
    let december = "from=2026-12-01T00:00:00Z&to=2026-12-03T00:00:00Z&time_zone=Europe/Berlin";
    let then = alice.get(&format!("/api/analytics/chats/stats?{december}")).await.expect(200);
    assert_eq!((&then["total_chats"], &then["total_messages"]), (&json!(1), &json!(0)));
    assert_eq!(
        then["chats_by_day"],
        json!([{ "date": "2026-12-01", "count": 0 }, { "date": "2026-12-02", "count": 1 },
            { "date": "2026-12-03", "count": 0 }])
    );
    serde_json::from_value::<ChatStatistics>(statistics).unwrap();
}

#[tokio::test]
async fn an_event_that_cannot_be_read_spoils_no_other() {
    let app = app().await;
    let alice = app.user("alice").await;
    let [one, two] = [Uuid::new_v4(), Uuid::new_v4()];
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let event = |name: &str, value: &str| {
        format!(r#"{{ "name": {name}, "properties": {{ "a": {value} }} }}"#)
    };
    let events = [
        format!(r#"{{ "id": "{one}", "name": "opened" }}"#),
        event(r#""opened""#, r#""\u0000""#),
        event(r#""opened""#, r#""\ud800""#),
        event(r#""opened""#, "1e400"),
        event(r#""opened""#, &deep),
        event(r#""a\u0000""#, "1"),
        format!(r#"{{ "id": "{two}", "name": "closed" }}"#),
    ];
    let body = format!(r#"{{ "events": [{}] }}"#, events.join(","));
    for accepted in [2, 0] {
        let request = alice.request(reqwest::Method::POST, "/api/analytics/events");
        let request = request.header("content-type", "application/json").body(body.clone());
        let report = Reply::send(request).await.expect(200);
        assert_eq!(report["accepted"].as_u64(), Some(accepted), "{report}");
        assert_eq!(
            report["duplicates"].as_u64(),
            Some(2 - accepted),
            "a retry records nothing twice"
        );
        let errors = report["errors"].as_array().unwrap().iter();
        let errors: Vec<_> = errors.map(|error| error["index"].as_u64().unwrap()).collect();
        assert_eq!(errors, [1, 2, 3, 4, 5], "{report}");
    }
    let torn = alice.request(reqwest::Method::POST, "/api/analytics/events");
    let torn = torn.header("content-type", "application/json").body(r#"{ "events": [{ "name" "#);
    assert_eq!(Reply::send(torn).await.problem(400), "malformed_json");
}
