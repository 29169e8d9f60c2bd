//! `GET /api/account/export`.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use reqwest::Method;
use serde_json::{Value, json};
use zip::ZipArchive;

use super::{fill, with_proxy};
use crate::support::{TestApp, User, app, skipped_on_a_real_supabase};

/// The archive, as it was sent; the end is missing where the connection broke.
async fn download(user: &User) -> (reqwest::header::HeaderMap, Vec<u8>, bool) {
    let mut response = user.request(Method::GET, "/api/account/export").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => return (headers, bytes, true),
            Err(_) => return (headers, bytes, false),
        }
    }
}

/// What is in it, by name.
fn unpack(archive: Vec<u8>) -> BTreeMap<String, Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        assert!(entry.enclosed_name().is_some(), "{name}");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        assert!(!entries.contains_key(&name), "{name}");
        entries.insert(name, content);
    }
    entries
}

async fn export(user: &User) -> BTreeMap<String, Vec<u8>> {
    let (headers, archive, is_whole) = download(user).await;
    assert!(is_whole);
    assert_eq!(headers["content-type"], "application/zip");
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment; "));
    unpack(archive)
}

fn text<'a>(entries: &'a BTreeMap<String, Vec<u8>>, name: &str) -> &'a str {
    std::str::from_utf8(&entries[name]).unwrap()
}

fn lines(entries: &BTreeMap<String, Vec<u8>>, name: &str) -> Vec<Value> {
    text(entries, name).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The only entry whose name ends so.
fn only<'a>(entries: &'a BTreeMap<String, Vec<u8>>, end: &str) -> &'a str {
    let names: Vec<_> = entries.keys().filter(|name| name.ends_with(end)).collect();
    assert_eq!(names.len(), 1, "{end}: {:?}", entries.keys());
    text(entries, names[0])
}

#[tokio::test]
async fn everything_of_the_user_and_nobody_else() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let (chat, file) = fill(&alice).await;
    let (_, bobs) = fill(&bob).await;
    // An answer that was replaced.
    let answer = alice.messages(&chat).await[1]["id"].clone();
    alice.generate(&chat, json!({ "regenerate": answer })).await.expect(200);
    let odd = alice.add_file("../../x:*?.txt", "text/plain", "").await;

    let entries = export(&alice).await;
    let exported: Value = serde_json::from_str(only(&entries, &format!("{chat}.json"))).unwrap();
    assert_eq!(exported["chat"], alice.get(&format!("/api/chats/{chat}")).await.expect(200));
    let all = alice.get(&format!("/api/messages/chat/{chat}?active=any")).await.expect(200);
    assert_eq!(exported["messages"], all);
    let markdown = only(&entries, &format!("{chat}.md"));
    assert!(markdown.starts_with("# Trip to Rome\n"), "{markdown}");
    assert_eq!(markdown.matches("## Assistant").count(), 1, "{markdown}");
    assert!(markdown.contains("Where is the Colosseum?"), "{markdown}");

    assert_eq!(text(&entries, &format!("files/{file} ticket.txt")), "Seat 12");
    let odd = format!("files/{} x___.txt", odd["id"].as_str().unwrap());
    assert_eq!(text(&entries, &odd), "");
    assert_eq!(lines(&entries, "files.ndjson").len(), 2);
    assert_eq!(lines(&entries, "usage.ndjson").len(), 2);
    assert_eq!(lines(&entries, "events.ndjson")[0]["name"], "opened");
    assert_eq!(lines(&entries, "script_runs.ndjson")[0]["code"], "1 + 1");
    assert!(text(&entries, "README.txt").contains("errors.txt"));
    assert!(!entries.contains_key("errors.txt"));
    for (name, content) in &entries {
        let content = String::from_utf8_lossy(content);
        for foreign in [&bob.id, &bobs] {
            assert!(
                !name.contains(foreign.as_str()) && !content.contains(foreign.as_str()),
                "{name}"
            );
        }
    }
    // Nothing at all is an archive, too.
    let nobody = app.user("carol").await;
    assert_eq!(export(&nobody).await.len(), 5);
}

#[tokio::test]
async fn a_long_chat_is_read_page_by_page() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Long").await;
    let messages: Vec<_> = (0..2_500)
        .map(|n| {
            json!({ "user_id": alice.id, "chat_id": chat, "role": "user", "content": format!("No {n}."),
                "parts": [{ "type": "text", "text": format!("No {n}.") }],
                "created_at": format!("2027-01-01T00:{:02}:{:02}Z", n / 60, n % 60) })
        })
        .collect();
    app.store("messages", &json!(messages)).await;
    let entries = export(&alice).await;
    let exported: Value = serde_json::from_str(only(&entries, ".json")).unwrap();
    let exported = exported["messages"].as_array().unwrap();
    assert_eq!(exported.len(), 2_500);
    assert_eq!(exported[2_499]["content"], "No 2499.");
    assert_eq!(only(&entries, ".md").matches("## User").count(), 2_500);
}

/// A replica whose way to Supabase can be blocked, and a user with some files.
async fn with_files(app: &TestApp, count: usize) -> (TestApp, crate::support::Proxy, User) {
    let (replica, proxy) = with_proxy(app).await;
    let alice = app.user("alice").await;
    alice.create_chat("Trip").await;
    for number in 0..count {
        alice.add_file(&format!("{number}.txt"), "text/plain", format!("File {number}")).await;
    }
    let alice = alice.on(&replica);
    (replica, proxy, alice)
}

#[tokio::test]
async fn files_that_storage_does_not_hand_out_are_named() {
    let app = app().await;
    let (_replica, proxy, alice) = with_files(&app, 6).await;
    let first = alice.file_rows().await[0]["id"].as_str().unwrap().to_owned();
    let gone = json!({ "prefixes": [format!("{}/{first}", alice.id)] });
    app.as_service(Method::DELETE, "/storage/v1/object/files", Some(gone)).await.expect(200);
    let entries = export(&alice).await;
    let errors = text(&entries, "errors.txt");
    assert_eq!(errors.matches("its content is gone").count(), 1, "{errors}");
    assert!(errors.contains(&first), "{errors}");
    let is_file = |name: &&String| name.starts_with("files/");
    assert_eq!(entries.keys().filter(is_file).count(), 5);

    proxy.block("GET", "/storage/v1/object");
    let before = proxy.requests();
    let entries = export(&alice).await;
    let errors = text(&entries, "errors.txt");
    assert_eq!(errors.matches("could not be read").count(), 6, "{errors}");
    assert_eq!(entries.keys().filter(is_file).count(), 0);
    assert!(entries.keys().any(|name| name.ends_with(".md")));
    // It is not asked for each of them.
    assert!(proxy.requests() > before);
}

#[tokio::test]
async fn an_export_that_breaks_off_has_no_end() {
    let app = app().await;
    let (_replica, proxy, alice) = with_files(&app, 0).await;
    proxy.block("GET", "/rest/v1/analytics");
    let (_, archive, is_whole) = download(&alice).await;
    assert!(!is_whole);
    assert!(ZipArchive::new(Cursor::new(archive)).is_err());
    // What cannot even begin is a problem.
    proxy.block("GET", "/rest/v1/chats");
    assert!(alice.get("/api/account/export").await.status >= 500);
    // Its turn is over either way.
    proxy.unblock();
    export(&alice).await;
}

#[tokio::test]
async fn a_user_has_one_at_a_time() {
    if skipped_on_a_real_supabase("a way to it that waits") {
        return;
    }
    let app = app().await;
    let (replica, proxy, alice) = with_files(&app, 0).await;
    proxy.hold("GET", "/rest/v1/usage_logs");
    let first = tokio::spawn({
        let alice = alice.clone();
        async move { export(&alice).await }
    });
    proxy.met_one().await;
    assert_eq!(alice.get("/api/account/export").await.problem(503), "overloaded");
    let bob = app.user("bob").await.on(&replica);
    bob.get("/api/chats/").await.expect(200);
    proxy.unblock();
    first.await.unwrap();
    export(&alice).await;
}
