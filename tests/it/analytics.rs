//! Usage, chat statistics, events and exports.

use std::time::Duration;

use chat_backend::api::analytics::model::{ChatStatistics, Event, UsageReport};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    FakeSupabase, Key, Outcome, Reply, TestApp, User, app, is_on_a_real_supabase,
    skipped_on_a_real_supabase,
};

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

async fn record(user: &User, body: Value) -> Reply {
    user.post("/api/analytics/events", body).await
}

#[tokio::test]
async fn an_event_counts_once() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let chat = alice.create_chat("Trip").await;
    let event = json!({ "id": Uuid::new_v4(), "name": "answer_copied", "chat_id": chat,
        "properties": { "length": 412 }, "session_id": "s1",
        "occurred_at": format!("{}T10:00:00+01:00", day(&app, 1)) });
    let stored = record(&alice, event.clone()).await.expect(201);
    assert_eq!(stored["occurred_at"], format!("{}T09:00:00+00:00", day(&app, 1)));
    assert_eq!(stored["properties"], json!({ "length": 412 }));
    assert_eq!(record(&alice, event.clone()).await.expect(200), stored);
    let mut other = event.clone();
    other["name"] = json!("answer_read");
    assert_eq!(record(&alice, other).await.problem(409), "id_conflict");
    let mut stolen = event.clone();
    stolen["chat_id"] = Value::Null;
    assert_eq!(record(&bob, stolen).await.problem(409), "id_conflict");
    let foreign = json!({ "name": "opened", "chat_id": chat });
    assert_eq!(record(&bob, foreign).await.problem(404), "chat_not_found");
    assert_eq!(record(&alice, json!({ "name": "" })).await.pointers(), ["/name"]);
    assert_eq!(
        record(&alice, json!({ "name": "a", "properties": [] })).await.pointers(),
        ["/properties"]
    );
    let plain = record(&alice, json!({ "name": "opened" })).await.expect(201);
    if !is_on_a_real_supabase() {
        assert_eq!(plain["occurred_at"], "2027-01-15T08:00:00+00:00");
    }
    serde_json::from_value::<Event>(stored).unwrap();
}

#[tokio::test]
async fn each_event_of_a_batch_is_reported_on() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let chat = bob.create_chat("Bob's").await;
    let bobs = record(&bob, json!({ "name": "opened" })).await.expect(201)["id"].clone();
    let [one, two] = [Uuid::new_v4(), Uuid::new_v4()];
    let events = json!([
        { "id": one, "name": "opened" },
        { "name": "" },
        { "id": one, "name": "opened" },
        { "id": one, "name": "closed" },
        { "id": bobs, "name": "opened" },
        { "name": "opened", "chat_id": chat },
        { "id": two, "name": "opened", "properties": { "a": [1, { "b": null }] } },
        { "name": "opened", "occurred_at": "1970-01-01T00:00:00Z" },
        5,
        // Small enough as it is sent, too large as PostgreSQL prints it.
        { "name": "opened", "properties": { "a": vec![1; 16_370] } },
    ]);
    let report = record(&alice, json!({ "events": events })).await.expect(200);
    assert_eq!((&report["accepted"], &report["duplicates"]), (&json!(2), &json!(1)));
    let errors = report["errors"].as_array().unwrap();
    let refused: Vec<_> = errors
        .iter()
        .map(|error| (error["index"].as_u64().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        refused,
        [
            (1, "validation_failed"),
            (3, "id_conflict"),
            (4, "id_conflict"),
            (5, "chat_not_found"),
            (7, "validation_failed"),
            (8, "validation_failed"),
            (9, "properties_too_large")
        ]
    );
    assert_eq!(errors[0]["detail"], "name must be 1 to 100 characters long");
    let again = json!({ "events": [{ "id": two, "name": "opened",
        "properties": { "a": [1, { "b": null }] } }] });
    let report = record(&alice, again).await.expect(200);
    assert_eq!(report, json!({ "accepted": 0, "duplicates": 1, "errors": [] }));
    let listed = alice.get("/api/analytics/events").await.expect(200);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let many = json!({ "events": vec![json!({ "name": "opened" }); 500] });
    assert_eq!(record(&alice, many).await.expect(200)["accepted"], 500);
    let more = json!({ "events": vec![json!({ "name": "opened" }); 501] });
    assert_eq!(record(&alice, more).await.pointers(), ["/events"]);
    assert_eq!(record(&alice, json!({ "events": "all" })).await.pointers(), ["/events"]);
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

#[tokio::test]
async fn events_are_listed_by_key() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let chat = alice.create_chat("Trip").await;
    let day = day(&app, 5);
    // Three of each time, so that pages end among equals.
    let event = |n: usize| {
        json!({ "name": if n.is_multiple_of(2) { "even or so" } else { "odd" }, "session_id": format!("s{}", n % 5),
            "chat_id": if n < 4 { json!(chat) } else { Value::Null },
            "occurred_at": format!("{day}T00:00:{:02}Z", n / 3) })
    };
    let events: Vec<_> = (0..30).map(event).collect();
    assert_eq!(record(&alice, json!({ "events": events })).await.expect(200)["accepted"], 30);
    let mut path = "/api/analytics/events?limit=7".to_owned();
    let mut seen = Vec::new();
    loop {
        let reply = alice.get(&path).await;
        let link = reply.header("link").to_owned();
        seen.extend(reply.expect(200).as_array().unwrap().clone());
        let Some(next) = link.strip_prefix('<').and_then(|link| link.split('>').next()) else {
            break;
        };
        path = next.to_owned();
    }
    let keys: Vec<_> =
        seen.iter().map(|e| (e["occurred_at"].to_string(), e["id"].to_string())).collect();
    let mut sorted = keys.clone();
    sorted.sort();
    sorted.dedup();
    sorted.reverse();
    assert_eq!((keys.len(), &keys), (30, &sorted));
    for (query, count) in [
        ("name=odd", 15),
        ("name=even+or+so", 15),
        ("session_id=s3", 6),
        (&format!("chat_id={chat}"), 4),
        (&format!("from={day}T00:00:03Z&to={day}T00:00:05Z"), 6),
        (&format!("to={day}T00:00:00Z"), 0),
        ("name=odd&session_id=s1&limit=2", 2),
    ] {
        let events = alice.get(&format!("/api/analytics/events?{query}")).await.expect(200);
        assert_eq!(events.as_array().unwrap().len(), count, "{query}");
    }
    assert_eq!(bob.get("/api/analytics/events").await.expect(200), json!([]));
}

#[tokio::test]
async fn exports_hold_everything() {
    if skipped_on_a_real_supabase("a clock that stands still") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    let at = |n: usize| format!("2027-01-0{}T00:00:00Z", n % 5 + 1);
    let rows: Vec<_> =
        (0..2_300).map(|n| used(&alice, &at(n), &json!({ "input_tokens": 10 + n }))).collect();
    app.store("usage_logs", &json!(rows)).await;
    let odd = json!({ "model": "=1+1", "cost_usd": null, "error_code": "a \"b\", c" });
    app.store("usage_logs", &json!(used(&alice, "2027-01-06T00:00:00Z", &odd))).await;
    let reply = alice.get("/api/analytics/usage?format=csv").await;
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(
        reply.header("content-disposition"),
        "attachment; filename=\"usage_2026-12-16_2027-01-15.csv\""
    );
    let lines: Vec<_> = reply.text.split("\r\n").collect();
    assert_eq!(lines.len(), 2_303);
    assert!(lines[0].starts_with("id,user_id,chat_id,message_id,operation,provider,model,"));
    assert!(
        lines[2_301]
            .contains(",openai,'=1+1,10,5,4,0,2,reported,,100,10,complete,\"a \"\"b\"\", c\",")
    );
    let request = alice.request(Method::GET, "/api/analytics/usage?from=2027-01-01");
    let reply = Reply::send(request.header("accept", "application/x-ndjson")).await;
    let rows: Vec<Value> =
        reply.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2_301);
    let tokens: u64 = rows.iter().map(|row| row["input_tokens"].as_u64().unwrap()).sum();
    assert_eq!(tokens, (0..2_300).map(|n| n + 10).sum::<u64>() + 10);
    let mut ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 2_301);
    record(&alice, json!({ "name": "opened", "properties": { "a": "=1" } })).await.expect(201);
    let events = alice.get("/api/analytics/events?format=csv&name=opened").await;
    assert!(events.text.contains(",opened,\"{\"\"a\"\": \"\"=1\"\"}\","), "{}", events.text);
}

#[tokio::test]
async fn an_export_that_breaks_off_resets_the_connection() {
    let supabase = FakeSupabase::start().await;
    let key = Key::es256("first");
    supabase.publish(std::slice::from_ref(&key.jwk));
    let app = TestApp::with(&supabase.settings()).await;
    let now = app.clock.unix_seconds();
    let token = key.sign(&json!({ "sub": Uuid::new_v4(), "aud": "authenticated",
        "role": "authenticated", "iss": format!("{}/auth/v1", supabase.url), "iat": now,
        "exp": now + 3600 }));
    let row = json!({ "id": Uuid::new_v4(), "created_at": "2027-01-01T00:00:00+00:00" });
    let url = format!("{}/api/analytics/usage?format=ndjson", app.url);
    let export = || app.http.get(&url).bearer_auth(&token).send();
    let page = |rows: Value| Outcome::json(200, &rows);
    // Fewer rows than were asked for are not the end.
    supabase
        .enqueue("/rest/v1/usage_logs", [page(json!([row])), page(json!([row])), page(json!([]))]);
    assert_eq!(export().await.unwrap().text().await.unwrap().lines().count(), 2);
    supabase.enqueue("/rest/v1/usage_logs", [page(json!([row])), page(json!([row]))]);
    supabase.always("/rest/v1/usage_logs", Outcome::status(400));
    let response = export().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.is_err());
    let reply = Reply::send(app.http.get(&url).bearer_auth(&token)).await;
    assert_eq!(reply.status, 502, "{}", reply.text);
}
