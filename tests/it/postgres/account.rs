//! Accounts that are deleted, and the usage of all users, on PostgreSQL.

use reqwest::Method;
use serde_json::{Value, json};

use super::access::{message, usage};
use super::{Database, Session, database};
use crate::support::{TestApp, app, skipped_on_a_real_supabase};

const NO_ACCOUNT: &str = "PT401";

/// A user with a row of each table, and the id of their chat.
async fn filled(db: &Database, name: &str) -> (Session, String) {
    let user = db.user(name).await;
    let chat = user.insert("chats", json!({ "title": "Trip" })).await.unwrap();
    let chat_id = chat["id"].as_str().unwrap().to_owned();
    user.insert("messages", message(&chat["id"])).await.unwrap();
    user.insert("usage_logs", usage()).await.unwrap();
    user.insert("analytics", json!({ "name": "opened" })).await.unwrap();
    user.insert("files", json!({ "name": "a.txt" })).await.unwrap();
    let run = json!({ "language": "javascript", "code": "1", "status": "ok", "duration_ms": 1 });
    user.insert("script_runs", run).await.unwrap();
    let reserve = json!({ "limit": 1_000, "input_tokens": 4, "output_tokens": 6,
        "min_output_tokens": 6 });
    let arguments = json!({ "p_run": uuid::Uuid::new_v4(), "p_reserve": reserve });
    user.call("reserve_tokens", arguments).await.unwrap();
    (user, chat_id)
}

/// Every table that has rows of users, those to come included.
async fn tables(db: &Database) -> Vec<String> {
    db.strings(
        "select c.oid::regclass::text from pg_class c join pg_attribute a on a.attrelid = c.oid \
         where relnamespace in ('public'::regnamespace, 'private'::regnamespace) \
           and relkind = 'r' and attname = 'user_id' and c.relname <> 'deleted_accounts' order by 1",
    )
    .await
}

async fn rows_of(db: &Database, user: &str) -> Vec<String> {
    let mut found = Vec::new();
    for table in tables(db).await {
        let count = format!("select count(*)::text from {table} where user_id = '{user}'");
        if db.strings(&count).await != ["0"] {
            found.push(table);
        }
    }
    found
}

#[tokio::test]
async fn tokens_of_deleted_accounts_reach_nothing() {
    let Some(db) = database().await else { return };
    let (alice, chat) = filled(&db, "alice").await;
    let (bob, _) = filled(&db, "bob").await;
    let service = db.as_service().await;
    let marked = json!({ "p_user_id": alice.id });
    assert_eq!(service.call("begin_account_deletion", marked).await.unwrap(), true);
    for user in [&alice, &bob] {
        let expected = (user.id == alice.id).then_some(NO_ACCOUNT);
        let mut refused = Vec::new();
        for table in ["chats", "messages", "usage_logs", "analytics", "files", "script_runs"] {
            // Also where there is no row to find.
            for condition in ["true", "id = gen_random_uuid()", "created_at < '1990-01-01'"] {
                let select = format!("select id from {table} where {condition}");
                refused.push((select.clone(), user.run(&select).await.err()));
            }
        }
        for statement in [
            "insert into chats (title) values ('New')",
            "insert into analytics (name) values ('opened')",
            "update chats set title = 'Other'",
            "delete from files where name = 'none'",
            "select usage_statistics()",
            "select search_chats('x')",
            "select private.reserve_tokens(auth.uid(), gen_random_uuid(), 1000, 10, 10)",
            "select private.open_run(auth.uid(), gen_random_uuid(), '{}', null)",
        ] {
            refused.push((statement.to_owned(), user.run(statement).await.err()));
        }
        for (statement, refusal) in refused {
            let code = refusal.as_ref().map(|refusal| refusal.code.as_str());
            assert_eq!(code, expected, "{statement}: {refusal:?}");
        }
        let started = json!({ "p_chat_id": chat, "p_run": uuid::Uuid::new_v4(),
            "p_message_id": uuid::Uuid::new_v4(),
            "p_user_message": { "id": uuid::Uuid::new_v4(), "content": "Hi", "parts": [] } });
        let started = user.call("begin_generation", started).await;
        assert_eq!(started.err().map(|refusal| refusal.code).as_deref(), expected);
        let object = format!(
            "insert into storage.objects (bucket_id, name) values ('files', '{}/x')",
            user.id
        );
        let stored = user.run(&object).await.err().map(|refusal| refusal.code);
        assert_eq!(stored.as_deref(), expected.map(|_| "42501"));
        // Realtime asks for all who listen in one transaction, which nobody may break.
        let transaction = user.begin().await;
        transaction.run("select set_config('request.method', '', true)").await.unwrap();
        let seen = transaction.rows("select id from chats").await.unwrap().len();
        transaction.rollback().await;
        assert_eq!(seen == 0, expected.is_some());
    }
}

#[tokio::test]
async fn no_row_of_a_deleted_account_is_left() {
    let Some(db) = database().await else { return };
    let (alice, _) = filled(&db, "alice").await;
    let (bob, _) = filled(&db, "bob").await;
    // More than goes at once.
    let many = format!(
        "insert into chats (user_id, title) select '{0}', 'Chat' from generate_series(1, 100); \
         insert into analytics (user_id, name) select '{0}', 'e' from generate_series(1, 3000)",
        alice.id
    );
    db.admin.batch_execute(&many).await.unwrap();
    let before = rows_of(&db, &bob.id).await;
    assert!(before.len() >= 7, "{before:?}");
    let service = db.as_service().await;
    let alices = json!({ "p_user_id": alice.id });
    let refused = service.call("delete_account_rows", json!({ "p_user_id": bob.id })).await;
    assert_eq!(refused.unwrap_err().code, "42501");
    service.call("begin_account_deletion", alices.clone()).await.unwrap();
    while service.call("delete_account_rows", alices.clone()).await.unwrap() == false {}
    assert_eq!(rows_of(&db, &alice.id).await, Vec::<String>::new());
    // What came in between goes with the user.
    let late = format!(
        "insert into usage_logs (user_id, operation, provider, model, usage_source, status) \
        values ('{}', 'chat', 'p', 'm', 'reported', 'complete')",
        alice.id
    );
    service.run(&late).await.unwrap();
    let gone = format!("delete from auth.users where id = '{}'", alice.id);
    db.admin.batch_execute(&gone).await.unwrap();
    assert_eq!(rows_of(&db, &alice.id).await, Vec::<String>::new());
    assert_eq!(service.run(&late).await.unwrap_err().code, "23503");
    assert_eq!(rows_of(&db, &bob.id).await, before);
    service.call("end_account_deletion", alices).await.unwrap();
    assert_eq!(service.call("claim_account_deletions", json!({})).await.unwrap(), json!([]));
}

/// Whoever has something of a user loses it with the user.
#[tokio::test]
async fn rows_of_users_are_deleted_with_them() {
    let Some(db) = database().await else { return };
    let kept = db
        .strings(
            "with recursive gone (oid) as ( \
               select 'auth.users'::regclass::oid \
               union select c.conrelid from pg_constraint c join gone g on c.confrelid = g.oid \
                 where c.contype = 'f' and c.confdeltype = 'c') \
             select c.oid::regclass::text from pg_class c join pg_attribute a on a.attrelid = c.oid \
             where relnamespace in ('public'::regnamespace, 'private'::regnamespace) \
               and relkind = 'r' and attname = 'user_id' and c.oid not in (select oid from gone)",
        )
        .await;
    assert_eq!(kept, ["private.deleted_accounts"]);
}

/// A way to the same function on both sides.
struct Both {
    db: Database,
    app: TestApp,
}

impl Both {
    async fn call(&self, function: &str, arguments: Value) -> Value {
        let service = self.db.as_service().await;
        let real = match service.call(function, arguments.clone()).await {
            Ok(answer) => answer,
            Err(refusal) => json!([refusal.code, refusal.message]),
        };
        let path = format!("/rest/v1/rpc/{function}");
        let local = self.app.as_service(Method::POST, &path, Some(arguments.clone())).await;
        let local = match local.status {
            200 => local.json(),
            _ => json!([local.json()["code"], local.json()["message"]]),
        };
        assert_eq!(local, real, "{function} {arguments}");
        real
    }
}

#[tokio::test]
async fn both_databases_answer_the_same() {
    if skipped_on_a_real_supabase("the local one") {
        return;
    }
    let Some(db) = database().await else { return };
    let both = Both { db, app: app().await };
    let (alice, bob) = (both.app.user("alice").await, both.app.user("bob").await);
    for user in [&alice, &bob] {
        both.db.add_user(&user.id, "someone").await;
    }
    let service = both.db.as_service().await;
    for number in 0..40 {
        let user = if number % 3 == 0 { &alice } else { &bob };
        let row = json!({ "user_id": user.id, "operation": "chat", "provider": "openai",
            "model": format!("m{}", number % 4), "input_tokens": 100 + number, "output_tokens": number,
            "usage_source": "reported", "status": if number % 7 == 0 { "failed" } else { "complete" },
            "cost_usd": if number % 5 == 0 { json!(null) } else { json!(0.001) },
            "latency_ms": number * 13,
            "plan": if number % 2 == 0 { json!("free") } else { json!(null) },
            "assistant": format!("a{}", number % 3), "created_at": format!("2026-10-{:02}T0{}:30:00Z", 1 + number % 28,
            number % 10) });
        service.insert("usage_logs", row.clone()).await.unwrap();
        both.app.store("usage_logs", &row).await;
    }
    for (interval, group) in [
        ("day", "none"),
        ("week", "user"),
        ("month", "model"),
        ("day", "provider"),
        ("month", "operation"),
        ("week", "plan"),
        ("month", "assistant"),
        ("day", "plan!"),
        ("year", "none"),
    ] {
        let arguments = json!({ "p_operator": alice.id, "p_from": "2026-10-01",
            "p_to": "2026-11-01", "p_interval": interval, "p_group_by": group,
            "p_time_zone": "Europe/Berlin" });
        both.call("usage_of_all_users", arguments).await;
    }
    let account = json!({ "p_user_id": alice.id });
    for (function, arguments) in [
        ("delete_account_rows", account.clone()),
        ("end_account_deletion", account.clone()),
        ("begin_account_deletion", account.clone()),
        ("begin_account_deletion", account.clone()),
        ("claim_account_deletions", json!({})),
        ("usage_of_all_users", json!({ "p_operator": alice.id })),
        ("usage_of_all_users", json!({ "p_operator": null })),
        ("end_account_deletion", account),
        ("claim_account_deletions", json!({})),
    ] {
        both.call(function, arguments).await;
    }
}

/// A month of all users is read from an index alone, whatever else there is.
#[tokio::test]
async fn the_usage_of_all_users_is_read_from_an_index() {
    let Some(db) = database().await else { return };
    let alice = db.user("alice").await;
    let fill = format!(
        "insert into usage_logs (user_id, operation, provider, model, usage_source, status, created_at) \
         select '{}', 'chat', 'openai', 'm' || n % 5, 'reported', 'complete', \
             '2026-01-01'::timestamptz + n * interval '10 minutes' \
           from generate_series(1, 50000) n",
        alice.id
    );
    db.admin.batch_execute(&fill).await.unwrap();
    db.admin.batch_execute("vacuum analyze usage_logs").await.unwrap();
    let service = db.as_service().await;
    let transaction = service.begin().await;
    // As usage_of_all_users does.
    transaction.run("set local random_page_cost = 1.1").await.unwrap();
    let explain = "explain select user_id, model, sum(input_tokens), sum(cost_usd), count(error_code), \
          count(latency_ms) \
        from usage_logs where created_at at time zone 'UTC' >= '2026-03-01' \
          and created_at at time zone 'UTC' < '2026-04-01' group by 1, 2";
    let plan = transaction.texts(explain).await.unwrap().join("\n");
    transaction.rollback().await;
    assert!(plan.contains("Index Only Scan using usage_logs_all_users_idx"), "{plan}");
}

/// The sums of days that are over are those of the rows, whatever becomes of the rows later.
#[tokio::test]
async fn days_that_are_over_are_summed_up() {
    let Some(db) = database().await else { return };
    let (alice, bob) = (db.user("alice").await, db.user("bob").await);
    let fill = format!(
        "insert into usage_logs (user_id, operation, provider, model, usage_source, status, created_at, \
           input_tokens, output_tokens, cost_usd, latency_ms, time_to_first_token_ms, assistant, plan, error_code) \
         select case n % 3 when 0 then '{}'::uuid else '{}'::uuid end, 'chat', 'openai', 'm' || n % 5, 'estimated', \
             'complete', clock_timestamp() - n * interval '20 minutes', n, n % 7, \
             case when n % 11 > 0 then n * 0.000001 end, n * 17, case when n % 4 > 0 then n end, \
             case when n % 2 = 0 then 'a' end, 'free', case when n % 13 = 0 then 'stopped' end \
           from generate_series(0, 400) n",
        alice.id, bob.id
    );
    db.admin.batch_execute(&fill).await.unwrap();
    let service = db.as_service().await;
    let day = "(clock_timestamp() at time zone 'UTC')::date";
    let summed = "select count(*)::text from private.summed_days";
    // Nobody is waited for: a day of which somebody writes a row is summed up later.
    let writer = db.as_service().await;
    let writing = writer.begin().await;
    let late = |minutes: u32| {
        format!(
            "insert into usage_logs (user_id, operation, provider, model, usage_source, status, created_at, cost_usd) \
             values ('{}', 'title', 'new', 'new', 'reported', 'complete', \
               ({day} - 3)::timestamp at time zone 'UTC' + interval '{minutes} minutes', 0.5)",
            bob.id
        )
    };
    writing.run(&late(1)).await.unwrap();
    service.call("count_lapsed_usage", json!({ "p_user_id": null })).await.unwrap();
    let has = format!("select count(*)::text from private.summed_days where day = {day} - 3");
    assert_eq!(db.strings(&has).await, ["0"]);
    let before = db.strings(summed).await[0].parse::<u32>().unwrap();
    assert!(before >= 3, "{before}");
    writing.commit().await;
    service.call("count_lapsed_usage", json!({ "p_user_id": null })).await.unwrap();
    assert_eq!(db.strings(&has).await, ["1"]);

    // A time that is infinite has no day.
    for change in [
        late(1).replace(
            &format!("({day} - 3)::timestamp at time zone 'UTC' + interval '1 minutes'"),
            "'infinity'",
        ),
        "update usage_logs set cost_usd = 1 where created_at = 'infinity'".to_owned(),
        "delete from usage_logs where created_at = 'infinity'".to_owned(),
    ] {
        db.admin.batch_execute(&change).await.unwrap();
    }

    let settle = "update usage_logs set cost_usd = 7, usage_source = 'reported', latency_ms = 123456 \
                  where input_tokens in (100, 101, 300)";
    let gone = format!("delete from auth.users where id = '{}'", bob.id);
    for change in [
        "select 1",
        &late(2),
        settle,
        "delete from usage_logs where input_tokens between 200 and 290",
        &gone,
    ] {
        db.admin.batch_execute(change).await.unwrap();
        for group in ["none", "user", "model", "operation", "assistant", "plan"] {
            for (interval, zone) in [("day", "UTC"), ("week", "UTC"), ("day", "Asia/Kolkata")] {
                let report = format!(
                    "select set_config('request.jwt.claims', '{{\"role\":\"service_role\"}}', true); \
                     select usage_of_all_users('{}', {day} - 10, {day} + 1, '{interval}', '{group}', '{zone}')::text",
                    alice.id
                );
                let of = |rows: &[tokio_postgres::SimpleQueryMessage]| {
                    let texts = rows.iter().filter_map(|row| match row {
                        tokio_postgres::SimpleQueryMessage::Row(row) => {
                            row.get(0).map(str::to_owned)
                        }
                        _ => None,
                    });
                    texts.last().unwrap()
                };
                let sums =
                    db.admin.simple_query(&format!("begin; {report}; rollback")).await.unwrap();
                let rows = format!("begin; delete from private.summed_days; {report}; rollback");
                let rows = db.admin.simple_query(&rows).await.unwrap();
                assert_eq!(of(&sums), of(&rows), "{change} {group} {interval} {zone}");
            }
        }
    }
    let left = format!("select count(*)::text from private.usage_days where name = '{}'", bob.id);
    assert_eq!(db.strings(&left).await, ["0"], "nothing of a deleted account");
}
