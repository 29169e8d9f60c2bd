//! Events, and exports of them.

use chat_backend::api::analytics::model::Event;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{day, used};
use crate::support::{
    FakeSupabase, Key, Outcome, Reply, TestApp, User, app, is_on_a_real_supabase,
    skipped_on_a_real_supabase,
};

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
