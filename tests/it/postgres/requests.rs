//! The API over PostgreSQL, through the SQL that PostgREST makes of each request of this server.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use super::database;
use super::postgrest::{Postgrest, QUIETLY};
use crate::architecture::{files, source};
use crate::support::{Reply, User, app, skipped_on_a_real_supabase};

#[tokio::test]
async fn every_request_is_one_that_postgresql_takes() {
    if skipped_on_a_real_supabase("the local one") {
        return;
    }
    let Some(db) = database().await else { return };
    let app = app().await;
    let postgrest = Postgrest::start(db, &app.supabase_url, app.service_key()).await;
    let replica = app
        .replica(&[
            ("SUPABASE_URL", &postgrest.url),
            ("SUPABASE_PUBLIC_URL", &app.supabase_url),
            ("DAILY_TOKEN_LIMIT", "1000000"),
        ])
        .await;
    let alice = app.user("alice").await.on(&replica);
    let bob = app.user("bob").await.on(&replica);
    for (user, name) in [(&alice, "alice"), (&bob, "bob")] {
        postgrest.db().add_user(&user.id, name).await;
    }
    chats(&alice, &bob).await;
    messages(&alice).await;
    generations(&alice).await;
    // Who follows an answer on another replica or goes on with it asks this, who has had messages wait or
    // tools wait for the page, and whose plan limits money.
    let chat = json!({ "p_chat_id": alice.id });
    let message = json!({ "p_chat_id": alice.id, "p_message_id": alice.id, "p_run": alice.id });
    let taken_over = json!({ "p_chat_id": alice.id, "p_message_id": alice.id, "p_run": alice.id,
        "p_next_run": alice.id });
    let call = json!({ "p_message_id": alice.id, "p_run": alice.id, "p_call_id": "none" });
    let mut ended = call.clone();
    ended["p_state"] = json!("done");
    ended["p_outcome"] = json!({ "output": 1 });
    for (function, arguments) in [
        ("follow_answer", json!({ "p_message_id": alice.id, "p_after": 0 })),
        ("queued_messages", chat),
        ("continue_generation", message),
        ("take_over_generation", taken_over),
        ("budgets", json!({ "p_budgets": [{ "period": "day", "limit_usd": 1 }] })),
        ("answer_tool_calls", json!({ "p_chat_id": alice.id, "p_outcomes": {} })),
        ("list_tool_functions", json!({})),
        ("find_tool_call", json!({ "p_chat_id": alice.id, "p_call": "none" })),
        ("pending_tool_calls", json!({})),
        (
            "decide_tool_call",
            json!({ "p_chat_id": alice.id, "p_call": "none", "p_approved": true }),
        ),
        ("tool_grants", json!({ "p_chat_id": alice.id })),
        ("claim_tool_call", call),
        ("finish_tool_call", ended),
        ("tool_token", json!({ "p_source": "none" })),
        ("save_tool_token", json!({ "p_source": "none" })),
        ("claim_tool_refresh", json!({ "p_source": "none", "p_version": 1, "p_run": alice.id })),
    ] {
        let url = format!("{}/rest/v1/rpc/{function}", postgrest.url);
        let asked = app.http.post(url).bearer_auth(&alice.token).header("apikey", &app.anon_key);
        Reply::send(asked.json(&arguments)).await.expect(200);
    }
    // What the server asks with the service key about accounts.
    let account = json!({ "p_user_id": bob.id });
    for (function, arguments) in [
        ("usage_of_all_users", json!({ "p_operator": alice.id })),
        ("begin_account_deletion", account.clone()),
        ("delete_account_rows", account.clone()),
        ("end_account_deletion", account),
        ("claim_account_deletions", json!({})),
    ] {
        let url = format!("{}/rest/v1/rpc/{function}", postgrest.url);
        let asked = app.http.post(url).header("apikey", app.service_key());
        Reply::send(asked.bearer_auth(app.service_key()).json(&arguments)).await.expect(200);
    }
    stored_files(&alice).await;
    replica.wait_for_file_tasks().await;
    events_and_usage(&alice).await;
    scripts(&alice).await;
    let unseen: Vec<_> = named_in_the_code().difference(&postgrest.seen()).cloned().collect();
    assert_eq!(unseen, Vec::<String>::new(), "not asked for by this test");
}

/// What the local Supabase takes and refuses of queries about the rows of functions and writes.
#[tokio::test]
async fn rows_of_functions_and_writes_have_the_same_columns() {
    if skipped_on_a_real_supabase("the local one") {
        return;
    }
    let Some(db) = database().await else { return };
    let app = app().await;
    let postgrest = Postgrest::start(db, &app.supabase_url, app.service_key()).await;
    let alice = app.user("alice").await;
    postgrest.db().add_user(&alice.id, "alice").await;
    let both = async |method: &Method, path: &str, body: Option<Value>| {
        let mut answers = Vec::new();
        for url in [&app.supabase_url, &postgrest.url] {
            let request = app.http.request(method.clone(), format!("{url}/rest/v1{path}"));
            let request = request.bearer_auth(&alice.token).header("apikey", &app.anon_key);
            let request = request.header("prefer", "return=representation").header(QUIETLY, "yes");
            let reply = Reply::send(match &body {
                Some(body) => request.json(body),
                None => request,
            });
            let reply = reply.await;
            let answer = match reply.json() {
                Value::Array(rows) => rows.iter().map(|row| row["title"].clone()).collect(),
                error => json!([error["code"], error["message"]]),
            };
            answers.push((reply.status, answer));
        }
        let (real, local) = (answers.pop().unwrap(), answers.pop().unwrap());
        assert_eq!(local, real, "{method} {path}");
        real
    };
    for (title, at) in [("one", "2026-01-01"), ("two", "2026-01-03"), ("three", "2026-01-02")] {
        let chat = json!({ "title": title, "created_at": format!("{at}T00:00:00Z"),
            "last_message_at": null });
        assert_eq!(both(&Method::POST, "/chats", Some(chat)).await.0, 201);
    }
    let columns = "id,user_id,title,model,system_prompt,is_archived,is_bookmarked,metadata,\
                   last_message_at,created_at,updated_at";
    let newest = (200, json!(["two", "three", "one"]));
    let no_cast = (400, json!(["42846", "cannot cast type record to chats"]));
    let by_activity = "order=last_activity_at.desc";
    for (query, expected) in [
        (format!("select=title&{by_activity}"), &no_cast),
        (format!("select={columns}&{by_activity}"), &no_cast),
        (format!("select=title,last_activity_at&{by_activity}"), &newest),
        (format!("select=*&{by_activity}"), &newest),
        (format!("select=title&last_activity_at=not.is.null&{by_activity}"), &newest),
        (format!("select=*&last_activity_at=gt.2025-12-31&{by_activity}"), &newest),
    ] {
        let found = both(&Method::GET, &format!("/rpc/search_chats?q=&{query}"), None).await;
        assert_eq!((found.0, &found.1), (expected.0, &expected.1), "{query}");
        let path = format!("/rpc/search_chats?{query}");
        let found = both(&Method::POST, &path, Some(json!({ "q": "" }))).await;
        assert_eq!((found.0, &found.1), (expected.0, &expected.1), "{query}");
    }
    for query in [
        "select=id&order=title",
        "select=id,messages(id)&messages.role=eq.user",
        "select=title,messages(id)&messages.created_at=gt.2026-01-01&order=title",
        "select=title&created_at=gt.2026-01-02&order=created_at",
        "select=title&is_archived=is.false&or=(title.eq.one,and(title.eq.two,is_bookmarked.is.false))&order=title",
        "select=title,nope",
        "select=title&nope=eq.1",
    ] {
        both(&Method::GET, &format!("/rpc/search_chats?q=&{query}"), None).await;
    }
    let changes = || Some(json!({ "is_archived": true }));
    for query in [
        "select=title",
        "title=eq.one&select=title&order=last_activity_at",
        "title=neq.one&select=*&order=last_activity_at",
        "title=neq.one&select=title,last_activity_at&order=last_activity_at.desc",
        "title=neq.one&select=title,created_at&order=created_at.desc",
        "title=neq.one&select=title&order=created_at",
        "last_activity_at=gt.2026-01-02T12:00:00Z&select=title,messages(id)",
    ] {
        both(&Method::PATCH, &format!("/chats?{query}"), changes()).await;
    }
    assert_eq!(both(&Method::DELETE, "/chats?select=title", None).await.0, 400);
    assert_eq!(both(&Method::DELETE, "/chats?title=eq.one&select=title", None).await.0, 200);
}

/// The tables and functions that the code asks PostgREST for.
fn named_in_the_code() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files(&source()) {
        // Where the checkout lies says nothing.
        let path = file.strip_prefix(source()).unwrap().to_str().unwrap();
        // `check` asks for the service key's sake; its functions are called in `access` and `schema`.
        if ["local/", "supabase/tests.rs", "cli/check/"].iter().any(|skip| path.starts_with(skip)) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let words = [".from(\"", "rest.read(\"", ").read(\""];
        let is_function = path.starts_with("database/");
        for word in words.into_iter().chain(is_function.then_some("NAME: &'static str = \"")) {
            let names_after = text.split(word).skip(1).filter_map(|after| after.split_once("\")"));
            names.extend(names_after.map(|(name, _)| name.to_owned()));
            let names_after = text.split(word).skip(1).filter_map(|after| after.split_once("\","));
            names.extend(names_after.map(|(name, _)| name.to_owned()));
            let names_after = text.split(word).skip(1).filter_map(|after| after.split_once("\";"));
            names.extend(names_after.map(|(name, _)| name.to_owned()));
        }
    }
    names.retain(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
    // Only a server with a name asks for it, with the service key; `parity` calls it.
    assert!(names.remove("release_leases"));
    assert!(names.contains("search_chats") && names.contains("messages"), "{names:?}");
    names
}

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}

/// One member of all rows on all pages from here on.
async fn all(user: &User, path: &str, member: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let reply = user.get(&path).await;
        next = reply.next_page();
        let rows = reply.expect(200);
        let member = |row: &Value| row[member].as_str().unwrap().to_owned();
        found.extend(rows.as_array().unwrap().iter().map(member));
    }
    found
}

async fn chats(alice: &User, bob: &User) {
    for number in 1..=5 {
        alice.create_chat(&format!("Trip {number}")).await;
    }
    let chat = alice.create_chat("Home").await;
    let body = json!({ "id": chat, "title": "Home" });
    assert_eq!(id(&alice.post("/api/chats/", body.clone()).await.expect(200)), chat);
    bob.post("/api/chats/", body).await.expect(409);
    let trips = ["Trip 5", "Trip 4", "Trip 3", "Trip 2", "Trip 1"];
    assert_eq!(all(alice, "/api/chats/?q=TRIP&limit=2", "title").await, trips);
    assert_eq!(all(alice, "/api/chats/?q=trip&limit=2&archived=false", "title").await, trips);
    assert_eq!(all(alice, "/api/chats/?limit=4", "title").await.len(), 6);
    assert_eq!(all(alice, "/api/chats/?bookmarked=true&archived=true", "title").await, [""; 0]);
    for word in ["eq.1", "is.null", "%25", "none"] {
        assert_eq!(all(alice, &format!("/api/chats/?q={word}"), "title").await, [""; 0]);
    }
    assert_eq!(all(bob, "/api/chats/?q=trip", "title").await, [""; 0]);
    let path = format!("/api/chats/{chat}");
    alice.patch(&path, json!({ "title": "House", "metadata": { "a": [1] } })).await.expect(200);
    bob.patch(&path, json!({ "title": "Mine" })).await.expect(404);
    let toggled = alice.poke(&format!("{path}/archive")).await.expect(200);
    assert_eq!((&toggled["title"], &toggled["is_archived"]), (&json!("House"), &json!(true)));
    alice.poke(&format!("{path}/bookmark")).await.expect(200);
    assert_eq!(all(alice, "/api/chats/?q=house&bookmarked=true", "title").await, ["House"]);
    bob.delete(&path).await.expect(404);
    alice.delete(&path).await.expect(204);
    alice.get(&path).await.expect(404);
}

async fn messages(alice: &User) {
    let chat = alice.create_chat("Messages").await;
    let path = format!("/api/messages/chat/{chat}");
    assert_eq!(all(alice, &path, "content").await, [""; 0]);
    for text in ["one", "two", "three"] {
        alice.add_message(&chat, text).await;
    }
    assert_eq!(all(alice, &format!("{path}?limit=2"), "content").await, ["one", "two", "three"]);
    let newest = all(alice, &format!("{path}?limit=2&order=desc&active=any"), "content").await;
    assert_eq!(newest, ["three", "two", "one"]);
    let message = alice.add_message(&chat, "four").await;
    let path = format!("/api/messages/{}", id(&message));
    let changed = json!({ "content": "4", "metadata": { "n": 4 } });
    assert_eq!(alice.patch(&path, changed).await.expect(200)["content"], "4");
    assert_eq!(alice.get(&path).await.expect(200)["status"], "complete");
    let whole = alice.get(&format!("/api/chats/{chat}?include=messages")).await.expect(200);
    assert_eq!(whole["messages"].as_array().unwrap().len(), 4);
    assert_eq!(all(alice, "/api/chats/?q=three", "title").await, ["Messages"]);
    alice.delete(&path).await.expect(204);
    alice.delete(&path).await.expect(404);
}

async fn generations(alice: &User) {
    let chat = alice.create_chat("Answers").await;
    let answer = alice.ask(&chat, "Hello").await;
    assert_eq!(answer["message"]["status"], "complete");
    let again = json!({ "regenerate": id(&answer["message"]) });
    alice.generate(&chat, again).await.expect(200);
    let select = format!("/api/messages/{}/select", id(&answer["message"]));
    alice.poke(&select).await.expect(200);
    alice.poke(&format!("/api/ai/chat/{chat}/stop")).await.expect(200);
    let stateless = json!({ "messages": [{ "role": "user", "content": "Hello" }] });
    alice.post("/api/ai/generate", stateless).await.expect(200);
    let streamed = alice.get(&format!("/api/ai/chat/{chat}/stream")).await;
    assert!(streamed.status < 500, "{}", streamed.text);
}

async fn stored_files(alice: &User) {
    let file = alice.add_file("eq.1 cities.csv", "text/csv", "a,b\n1,2\n").await;
    for name in ["b.txt", "c.txt"] {
        alice.add_file(name, "text/plain", "text").await;
    }
    let all_names = all(alice, "/api/files/?limit=2", "name").await;
    assert_eq!(all_names, ["c.txt", "b.txt", "eq.1 cities.csv"]);
    assert_eq!(all(alice, "/api/files/?q=TXT&limit=1", "name").await, ["c.txt", "b.txt"]);
    assert_eq!(all(alice, "/api/files/?q=eq.1", "name").await, ["eq.1 cities.csv"]);
    let found = alice.get("/api/files/search?q=city").await.expect(200);
    assert_eq!(found["passages"][0]["title"], "eq.1 cities.csv, lines 1–2", "{found}");
    let path = format!("/api/files/{}", id(&file));
    assert_eq!(alice.get(&format!("{path}/content")).await.text, "a,b\n1,2\n");
    alice.patch(&path, json!({ "name": "towns.csv" })).await.expect(200);
    let chat = alice.create_chat("Attached").await;
    let part = json!({ "type": "file", "mediaType": "text/csv", "file_id": id(&file) });
    let parts = json!([{ "type": "text", "text": "What is this?" }, part]);
    alice.generate(&chat, json!({ "message": { "parts": parts } })).await.expect(200);
    alice.delete(&path).await.expect(204);
    alice.get(&path).await.expect(404);
}

async fn events_and_usage(alice: &User) {
    let event = json!({ "name": "opened", "properties": { "a": 1 }, "session_id": "s" });
    alice.post("/api/analytics/events", event.clone()).await.expect(201);
    let several = json!({ "events": [event, { "name": "closed" }] });
    alice.post("/api/analytics/events", several).await.expect(200);
    let from = "from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z";
    let events = format!("/api/analytics/events?{from}&limit=1&name=opened&session_id=s");
    assert_eq!(all(alice, &events, "name").await, ["opened", "opened"]);
    let exported = alice.get(&format!("/api/analytics/events?{from}&format=csv")).await;
    assert_eq!(exported.text.lines().count(), 4, "{}", exported.text);
    let from = "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z";
    for query in ["", "&interval=month&group_by=model&time_zone=Europe/Berlin"] {
        alice.get(&format!("/api/analytics/usage?{from}{query}")).await.expect(200);
    }
    alice.get(&format!("/api/analytics/usage?{from}&format=csv")).await;
    alice.get("/api/analytics/chats/stats?time_zone=Asia/Tokyo").await.expect(200);
}

async fn scripts(alice: &User) {
    let chat = alice.create_chat("Numbers").await;
    let body = json!({ "code": "1 + 1", "chat_id": chat });
    let run = alice.post("/api/scripts/run", body).await.expect(200);
    alice.get(&format!("/api/scripts/runs/{}", id(&run))).await.expect(200);
    alice.post("/api/scripts/run", json!({ "code": "2" })).await.expect(200);
    let runs = format!("/api/scripts/runs?limit=1&chat_id={chat}");
    assert_eq!(all(alice, &runs, "id").await, [id(&run)]);
    assert_eq!(all(alice, "/api/scripts/runs?limit=1", "id").await.len(), 2);
}
