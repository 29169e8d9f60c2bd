//! The statistics of both sides on the same rows, and what they read.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Database, Session, database, literal};
use crate::support::{TestApp, User, app};

const COLUMNS: &str = "user_id, operation, provider, model, input_tokens, output_tokens, \
    cached_input_tokens, reasoning_tokens, usage_source, cost_usd, latency_ms, \
    time_to_first_token_ms, status, error_code, created_at";

/// A user of both, with the same usage.
struct Twins {
    postgres: Session,
    local: User,
    _kept: (Database, TestApp),
}

async fn twins() -> Option<Twins> {
    let db = database().await?;
    let app = app().await;
    let local = app.user("alice").await;
    let postgres = db.user("alice").await;
    let mut random = fastrand::Rng::with_seed(7);
    let mut rows: Vec<_> = (0..1_500).map(|_| used(&mut random)).collect();
    for (user, is_local) in [(&local.id, true), (&postgres.id, false)] {
        rows.iter_mut().for_each(|row| row["user_id"] = json!(user));
        if is_local {
            app.store("usage_logs", &json!(rows)).await;
        } else {
            let rows = literal(&json!(rows));
            let sql = format!(
                "insert into usage_logs ({COLUMNS}) select {COLUMNS} \
                 from jsonb_populate_recordset(null::usage_logs, {rows})"
            );
            db.admin.batch_execute(&sql).await.unwrap();
        }
    }
    Some(Twins { postgres, local, _kept: (db, app) })
}

/// Usage near a change of clocks or anywhere within fourteen months, with gaps.
fn used(random: &mut fastrand::Rng) -> Value {
    let changes = ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-11-01T05:00:00Z"];
    let change = random.choice(changes).unwrap().parse::<jiff::Timestamp>().unwrap();
    let at = match random.u8(0..3) {
        0 => change.as_microsecond() + random.i64(-14_400_000_000..14_400_000_000),
        _ => change.as_microsecond() - random.i64(0..400) * 86_400_000_000 * random.i64(0..2),
    };
    let maybe = |random: &mut fastrand::Rng, value: Value| {
        if random.u8(0..5) == 0 { Value::Null } else { value }
    };
    let input = random.u64(0..5_000);
    let cost = random.u64(0..1_000_000) as f64 / 1e9;
    let (latency, first_token) = (random.u64(0..60_000), random.u64(0..9_000));
    let status = random.choice(["complete", "stopped", "failed", "interrupted"]).unwrap();
    json!({
        "operation": random.choice(["chat", "generate"]),
        "provider": random.choice(["openai", "anthropic"]),
        "model": random.choice(["gpt-6-sol", "Größe", "alpha", "claude"]),
        "input_tokens": input,
        "output_tokens": random.u64(10..2_000),
        "cached_input_tokens": random.u64(0..=input),
        "reasoning_tokens": random.u64(0..10),
        "usage_source": "reported",
        "cost_usd": maybe(random, json!(cost)),
        "latency_ms": maybe(random, json!(latency)),
        "time_to_first_token_ms": maybe(random, json!(first_token)),
        "status": status,
        "error_code": if status == "interrupted" { json!("interrupted") } else { Value::Null },
        "created_at": jiff::Timestamp::from_microsecond(at).unwrap().to_string(),
    })
}

impl Twins {
    /// What both answer, or how both refuse.
    async fn call(&self, function: &str, arguments: Value) -> Value {
        let real = match self.postgres.call(function, arguments.clone()).await {
            Ok(answer) => answer,
            Err(refusal) => json!({ "code": refusal.code, "message": refusal.message }),
        };
        let path = format!("/rpc/{function}");
        let reply = self.local.rest(Method::POST, &path, Some(arguments.clone())).await;
        let local = match reply.status {
            200 => reply.json(),
            _ => json!({ "code": reply.json()["code"], "message": reply.json()["message"] }),
        };
        // Their clocks differ.
        let [local, real] = [local, real].map(|mut answer| {
            if let Some(Value::Object(over_limit)) = answer.get_mut("over_limit") {
                over_limit
                    .retain(|name, _| !["resets_at", "retry_after_s"].contains(&name.as_str()));
            }
            answer
        });
        assert_eq!(local, real, "{function} {arguments}");
        real
    }
}

#[tokio::test]
async fn usage_is_the_same() {
    let Some(twins) = twins().await else { return };
    let zones = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kathmandu",
        "America/Havana",
        "Africa/Cairo",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/St_Johns",
    ];
    let spans = [
        ("2025-08-31T22:15:00Z", "2026-11-20T00:00:00Z"),
        ("2026-03-27T05:17:31.5Z", "2026-04-06T11:00:00Z"),
        ("2026-10-03T15:45:00Z", "2026-11-02T03:03:03Z"),
        ("2026-10-25T00:00:00Z", "2026-10-25T00:00:00.000001Z"),
    ];
    let mut groups = ["none", "model", "provider", "operation"].into_iter().cycle();
    for zone in zones {
        for (from, to) in spans {
            for interval in ["hour", "day", "week", "month"] {
                let arguments = json!({ "p_from": from, "p_to": to, "p_interval": interval,
                    "p_group_by": groups.next(), "p_time_zone": zone });
                twins.call("usage_statistics", arguments).await;
            }
            groups.next();
        }
    }
}

#[tokio::test]
async fn the_same_is_refused() {
    let Some(twins) = twins().await else { return };
    let day = ("2026-10-25", "2026-10-26");
    for (from, to, interval, group, zone) in [
        (day.0, day.1, "year", "none", "UTC"),
        (day.0, day.1, "day", "user", "UTC"),
        (day.0, day.1, "day", "none", "Mars/Olympus"),
        (day.1, day.0, "day", "none", "UTC"),
        (day.0, day.0, "day", "none", "UTC"),
        ("2025-09-03T08:00:00Z", "2026-10-25T00:00:00.1Z", "hour", "none", "UTC"),
        ("2000-01-01", day.1, "hour", "none", "UTC"),
    ] {
        let arguments = json!({ "p_from": from, "p_to": to, "p_interval": interval,
            "p_group_by": group, "p_time_zone": zone });
        let refusal = twins.call("usage_statistics", arguments).await;
        assert_eq!(refusal["code"], "22023");
    }
}

#[tokio::test]
async fn chats_and_events_are_the_same() {
    let Some(twins) = twins().await else { return };
    let id = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
    for number in 1..6 {
        let chat = json!({ "id": id(number), "title": "Trip", "is_archived": number == 1,
            "created_at": format!("2026-10-2{number}T23:30:00Z") });
        let message = json!({ "chat_id": id(number), "role": "assistant", "model": format!("m{}", number / 3),
            "is_active": number != 2, "created_at": format!("2026-10-2{number}T22:30:00Z") });
        for (table, row) in [("chats", chat), ("messages", message)] {
            twins.postgres.insert(table, row.clone()).await.unwrap();
            twins.local.rest(Method::POST, &format!("/{table}"), Some(row)).await.expect(201);
        }
    }
    for zone in ["UTC", "Europe/Berlin"] {
        for bounds in [json!({}), json!({ "p_to": "2026-10-25T22:30:00Z" })] {
            let mut arguments =
                json!({ "p_from": "2026-10-22", "p_to": "2026-10-28", "p_time_zone": zone });
            arguments.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
            let counted = twins.call("chat_statistics", arguments).await;
            assert_ne!(counted["total_chats"], 0);
        }
    }
    let large = json!({ "a": vec![1; 16_370] });
    let events = json!([
        { "id": id(50), "name": "a", "chat_id": id(1), "properties": { "b": [1, 2.50], "a": null } },
        { "id": id(50), "name": "a", "chat_id": id(1), "properties": { "a": null, "b": [1, 2.5] } },
        { "id": id(50), "name": "b" },
        { "id": id(51), "name": "a", "chat_id": id(99) },
        { "id": id(52), "name": "a", "properties": large },
        { "id": id(53), "name": "a", "occurred_at": "2026-10-25T00:00:00.1234567+02:00" },
        { "id": id(53), "name": "a", "occurred_at": "2026-10-24T22:00:00.123457Z" },
        { "id": id(54), "name": "a", "session_id": "s", "properties": null },
    ]);
    for accepted in [3, 0] {
        let report = twins.call("record_events", json!({ "p_events": events })).await;
        assert_eq!(report["accepted"], accepted, "{report}");
    }
    for events in [json!({}), json!(vec![json!({}); 501]), json!([{ "id": id(60) }])] {
        let refusal = twins.call("record_events", json!({ "p_events": events })).await;
        assert!(refusal["code"].is_string(), "{refusal}");
    }
}

#[tokio::test]
async fn reservations_are_the_same() {
    let Some(twins) = twins().await else { return };
    let id = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
    let reserve = |input: i64, output: i64, least: i64| {
        json!({ "limit": 1_000, "input_tokens": input, "output_tokens": output,
            "min_output_tokens": least })
    };
    let save = |run: u32, more: Value| {
        let mut save = json!({ "p_run": id(run), "p_message_id": id(0), "p_chat_id": id(0) });
        save.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        save
    };
    let log = json!({ "operation": "generate", "provider": "p", "model": "m", "input_tokens": 40,
        "output_tokens": 2, "usage_source": "reported", "status": "complete" });
    for (function, arguments, tokens) in [
        (
            "reserve_tokens",
            json!({ "p_run": id(1), "p_reserve": reserve(100, 300, 300) }),
            (0, 400),
        ),
        (
            "reserve_tokens",
            json!({ "p_run": id(1), "p_reserve": reserve(100, 400, 300) }),
            (0, 500),
        ),
        (
            "reserve_tokens",
            json!({ "p_run": id(2), "p_reserve": reserve(100, 900, 300) }),
            (0, 1_000),
        ),
        ("save_generation", save(2, json!({ "p_usage": { "input_tokens": 9 } })), (0, 1_000)),
        (
            "save_generation",
            save(1, json!({ "p_reserve": { "limit": 1_000, "tokens": 400 } })),
            (0, 900),
        ),
        (
            "save_generation",
            save(2, json!({ "p_reserve": { "limit": 1_000, "tokens": 601 } })),
            (0, 900),
        ),
        ("save_generation", save(2, json!({ "p_end": { "usage_log": log } })), (42, 400)),
        ("save_generation", save(1, json!({ "p_end": {} })), (42, 0)),
        ("reserve_tokens", json!({ "p_run": id(3), "p_reserve": reserve(-50, -50, -50) }), (42, 0)),
        ("reserve_tokens", json!({ "p_run": id(4), "p_reserve": { "limit": "x" } }), (42, 0)),
    ] {
        twins.call(function, arguments).await;
        let count =
            json!({ "p_from": "2026-10-25", "p_to": "2026-10-26", "p_daily_token_limit": 1_000 });
        for user in [true, false] {
            let counted = if user {
                twins.postgres.call("usage_statistics", count.clone()).await.unwrap()
            } else {
                let path = "/rpc/usage_statistics";
                twins.local.rest(Method::POST, path, Some(count.clone())).await.expect(200)
            };
            let counted = &counted["daily_tokens"];
            assert_eq!(
                (&counted["used"], &counted["reserved"]),
                (&json!(tokens.0), &json!(tokens.1))
            );
        }
    }
}

#[tokio::test]
async fn more_than_is_left_is_never_reserved() {
    let Some(db) = database().await else { return };
    let alice = db.user("alice").await;
    let mut sessions = Vec::new();
    for _ in 0..64 {
        sessions.push(db.as_user(&alice.id).await);
    }
    let reserve = json!({ "limit": 1_050, "input_tokens": 40, "output_tokens": 60,
        "min_output_tokens": 60 });
    let calls = sessions.iter().map(|session| {
        let arguments = json!({ "p_run": uuid::Uuid::new_v4(), "p_reserve": reserve });
        session.call("reserve_tokens", arguments)
    });
    let answers = futures_util::future::join_all(calls).await;
    let started = answers.iter().filter(|a| a.as_ref().unwrap()["answer"] == "started").count();
    assert_eq!(started, 10);
    let refused = answers.iter().find(|a| a.as_ref().unwrap()["answer"] == "over_limit").unwrap();
    let refused = &refused.as_ref().unwrap()["over_limit"];
    assert_eq!((&refused["limit"], &refused["remaining"]), (&json!(1_050), &json!(50)));
    for sql in [
        "select * from private.token_reservations",
        "delete from private.token_reservations",
        "update private.token_reservations set tokens = 0",
    ] {
        assert_eq!(alice.run(sql).await.unwrap_err().code, "42501", "{sql}");
    }
}

#[tokio::test]
async fn usage_is_read_from_its_index_alone() {
    let Some(db) = database().await else { return };
    let alice = db.user("alice").await;
    // VACUUM marks pages as visible to all only when their rows are flushed.
    let fill = "set synchronous_commit = on;
         insert into auth.users (id) select gen_random_uuid() from generate_series(1, 20);
         insert into usage_logs (user_id, operation, provider, model, usage_source, status, created_at)
           select u.id, 'chat', 'openai', 'm', 'reported', 'complete',
               timestamptz '2026-10-01' + n * interval '10 minutes'
             from auth.users u, generate_series(1, 4000) n";
    db.admin.batch_execute(fill).await.unwrap();
    db.admin.batch_execute("vacuum analyze usage_logs").await.unwrap();
    let transaction = alice.begin().await;
    // As usage_statistics does.
    transaction.run("set local random_page_cost = 1.1").await.unwrap();
    let explain = "explain select model, sum(input_tokens), sum(cost_usd), count(error_code) \
        from usage_logs where created_at >= '2026-10-02' and created_at < '2026-10-20' \
        group by model";
    let plan = transaction.texts(explain).await.unwrap().join("\n");
    transaction.rollback().await;
    assert!(plan.contains("Index Only Scan using usage_logs_user_created_idx"), "{plan}");
}
