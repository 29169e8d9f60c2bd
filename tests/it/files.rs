//! Files: uploads, lists, bytes, and that rows and bytes go together.

use std::time::Duration;

use chat_backend::api::files::model::File;
use futures_util::future::join_all;
use futures_util::stream;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    BOUNDARY, Form, Proxy, Reply, TestApp, User, app, skipped_on_a_real_supabase,
};

const CSV: &str = "city,people\nRome,2800000\n";

fn id(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}

fn content(row: &Value) -> String {
    format!("/api/files/{}/content", id(row))
}

/// A row without its address, which is signed anew at every look.
fn unsigned(mut row: Value) -> Value {
    assert!(row["url"].take().is_string(), "{row}");
    row
}

/// What is at an address that needs no token.
async fn load(app: &TestApp, row: &Value) -> Reply {
    Reply::send(app.http.get(row["url"].as_str().unwrap())).await
}

#[tokio::test]
async fn a_file_comes_back_as_it_was() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let form = Form::file("cities.csv", "text/csv", CSV);
    let form = form.field("chat_id", &chat).field("metadata", r#"{"a":[1]}"#);
    let reply = alice.upload(form).await;
    let location = reply.header("location").to_owned();
    let file = reply.expect(201);
    assert_eq!(location, format!("/api/files/{}", id(&file)));
    assert_eq!((&file["name"], &file["media_type"]), (&json!("cities.csv"), &json!("text/csv")));
    assert_eq!((&file["size"], &file["chat_id"]), (&json!(CSV.len()), &json!(chat)));
    assert_eq!(file["metadata"], json!({ "a": [1] }));
    assert_eq!(file["sha256"], "ea732139a49f1626f6ed7668114c7e966bd3f59b2c731c16a7c52fccb2c0cdb9");
    let typed: File = serde_json::from_value(file.clone()).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), file);
    assert_eq!(unsigned(alice.get(&location).await.expect(200)), unsigned(file.clone()));
    assert_eq!(alice.get(&content(&file)).await.text, CSV);
    let loaded = load(&app, &file).await;
    assert_eq!((loaded.status, loaded.text.as_str()), (200, CSV));
}

#[tokio::test]
async fn uploads_can_be_repeated_wherever_the_id_stands() {
    let app = app().await;
    let alice = app.user("alice").await;
    let file = || Form::file("a.csv", "text/csv", CSV);
    for id_comes_first in [true, false] {
        let id = Uuid::new_v4().to_string();
        let form = |name: &str, bytes: &str| {
            if id_comes_first {
                Form::default().field("id", &id).with_file(name, "text/csv", bytes)
            } else {
                Form::file(name, "text/csv", bytes).field("id", &id)
            }
        };
        let stored = alice.upload(form("a.csv", CSV)).await.expect(201);
        assert_eq!(stored["id"], id.as_str());
        let again = alice.upload(form("a.csv", CSV)).await.expect(200);
        assert_eq!(unsigned(again), unsigned(stored));
        assert_eq!(alice.upload(form("a.csv", "other")).await.problem(409), "id_conflict");
        assert_eq!(alice.upload(form("b.csv", CSV)).await.problem(409), "id_conflict");
        let bob = app.user("bob").await;
        assert_eq!(bob.upload(form("a.csv", CSV)).await.problem(409), "id_conflict");
        assert_eq!(bob.file_rows().await, Vec::<Value>::new());
    }
    let (one, two) =
        (alice.upload(file()).await.expect(201), alice.upload(file()).await.expect(201));
    assert_ne!(id(&one), id(&two), "a name may be used twice");
    app.wait_for_file_tasks().await;
    assert_eq!((alice.file_rows().await.len(), app.stored_bytes(&alice).await.len()), (4, 4));
}

#[tokio::test]
async fn names_and_types_are_not_taken_on_trust() {
    let app = app().await;
    let alice = app.user("alice").await;
    for (name, stored) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\x\\\\report.txt", "report.txt"),
        ("..", "file"),
        ("", "file"),
        ("r\u{202e}txt.exe", "rtxt.exe"),
        ("a\u{61c}\u{2068}\u{200d}\u{2063}\u{ad}.txt", "a.txt"),
    ] {
        let file = alice.add_file(name, "application/octet-stream", "hello").await;
        assert_eq!(file["name"], stored, "{name}");
    }
    let file = alice.add_file("a.txt", "text/plain", "hello").await;
    let path = format!("/api/files/{}", id(&file));
    for name in ["a\u{61c}.txt", "a\u{2066}.txt", "a\u{200b}.txt"] {
        assert_eq!(alice.patch(&path, json!({ "name": name })).await.pointers(), ["/name"]);
    }
    let png: &[u8] = &[
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01".as_slice(),
        &[0; 9],
        b"\0\0\0\x0aIDAT",
        &[0; 40],
    ]
    .concat();
    let file = alice.add_file("a", "application/octet-stream", png).await;
    assert_eq!(file["media_type"], "image/png");
    for (media_type, bytes) in [("image/png", &b"<html><script>"[..]), ("text/plain", png)] {
        let reply = alice.upload(Form::file("a", media_type, bytes)).await;
        assert_eq!(reply.pointers(), ["/file"], "{media_type}");
    }
}

#[tokio::test]
async fn forms_are_checked() {
    let app = app().await;
    let alice = app.user("alice").await;
    let file = || Form::file("a.txt", "text/plain", "hello");
    let nobodys = Uuid::new_v4().to_string();
    for (form, pointer) in [
        (Form::default().field("id", &nobodys), "/file"),
        (file().field("id", "7"), "/id"),
        (file().field("chat_id", "x"), "/chat_id"),
        (file().field("metadata", "[]"), "/metadata"),
        (file().field("metadata", r#"{"a":"\u0000"}"#), "/metadata"),
        (file().field("metadata", &format!(r#"{{"a":"{}"}}"#, "x".repeat(70_000))), "/metadata"),
        (file().with_file("b.txt", "text/plain", "hello"), "/file"),
    ] {
        assert_eq!(alice.upload(form).await.pointers(), [pointer]);
    }
    assert_eq!(
        alice.upload(file().field("chat_id", &nobodys)).await.problem(404),
        "chat_not_found"
    );
    let reply = alice.post("/api/files", json!({})).await;
    assert_eq!(reply.problem(415), "unsupported_media_type");
    assert_eq!(alice.upload_body(file().unfinished()).await.problem(400), "malformed_body");
    assert_eq!(alice.upload_body("nonsense").await.problem(400), "malformed_body");
    let endless = format!("--{BOUNDARY}\r\nX: {}", "x".repeat(6 << 20));
    assert_eq!(alice.upload_body(endless).await.problem(400), "malformed_body");
    assert_eq!(alice.file_rows().await, Vec::<Value>::new());
    assert_eq!(app.stored_bytes(&alice).await, [0; 0]);
}

#[tokio::test]
async fn large_files_are_refused_and_leave_nothing() {
    let app = TestApp::with(&[("MAX_FILE_BYTES", "100000")]).await;
    let alice = app.user("alice").await;
    alice.add_file("fits.bin", "application/octet-stream", vec![7; 100_000]).await;
    for size in [100_001, 5_000_000] {
        let form = Form::file("a.bin", "application/octet-stream", vec![7; size]);
        assert_eq!(alice.upload(form.clone()).await.problem(413), "file_too_large");
        let chunks = stream::iter([Ok::<_, std::io::Error>(form.finished())]);
        let reply = alice.upload_body(reqwest::Body::wrap_stream(chunks)).await;
        assert_eq!(reply.problem(413), "file_too_large");
    }
    assert_eq!((alice.file_rows().await.len(), app.stored_bytes(&alice).await), (1, vec![100_000]));
}

#[tokio::test]
async fn a_quota_cannot_be_raced() {
    let app = TestApp::with(&[("USER_FILE_QUOTA_BYTES", "1000")]).await;
    let alice = app.user("alice").await;
    let upload = || alice.upload(Form::file("a.txt", "text/plain", "x".repeat(400)));
    let replies = join_all((0..8).map(|_| upload())).await;
    let stored: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!(stored.len(), 2);
    for refused in replies.iter().filter(|reply| reply.status != 201) {
        assert_eq!(refused.json()["code"], "file_quota_exceeded", "{}", refused.text);
    }
    app.wait_for_file_tasks().await;
    assert_eq!((alice.file_rows().await.len(), app.stored_bytes(&alice).await.len()), (2, 2));
    let path = format!("/api/files/{}", id(&stored[0].json()));
    assert_eq!(alice.delete(&path).await.status, 204);
    upload().await.expect(201);
    let bob = app.user("bob").await;
    bob.add_file("b.txt", "text/plain", "x".repeat(1000)).await;
}

/// Waits for the database to say so; each look is a request, which takes its time.
async fn until(alice: &User, holds: impl Fn(&Vec<Value>) -> bool) {
    let look = async { while !holds(&alice.file_rows().await) {} };
    tokio::time::timeout(Duration::from_secs(30), look).await.expect("it never happened");
}

#[tokio::test]
async fn a_client_that_leaves_leaves_nothing() {
    let app = app().await;
    let alice = app.user("alice").await;
    let (pieces, body) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = stream::unfold(body, |mut body| async move { Some((body.recv().await?, body)) });
    let sender = alice.clone();
    let upload = tokio::spawn(async move {
        sender.upload_body(reqwest::Body::wrap_stream(Box::pin(body))).await
    });
    let half = Form::file("a.bin", "application/octet-stream", vec![1; 100_000]).unfinished();
    pieces.send(Ok(half)).await.unwrap();
    until(&alice, |rows| rows.len() == 1 && rows[0]["status"] == "uploading").await;
    assert_eq!(alice.get("/api/files/").await.expect(200), json!([]), "it is not shown yet");
    upload.abort();
    drop(pieces);
    until(&alice, Vec::is_empty).await;
    app.wait_for_file_tasks().await;
    assert_eq!(app.stored_bytes(&alice).await, [0; 0]);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    for number in 0..5 {
        let form = Form::file(&format!("Größe {number}%.txt"), "text/plain", "hello");
        let form = if number < 2 { form.field("chat_id", &chat) } else { form };
        alice.upload(form).await.expect(201);
        app.clock.advance(Duration::from_secs(1));
    }
    let names = |rows: &Value| {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().chars().nth(6).unwrap()).collect::<String>()
    };
    let list =
        async |query: &str| names(&alice.get(&format!("/api/files/{query}")).await.expect(200));
    assert_eq!(list("").await, "43210");
    assert_eq!(list(&format!("?chat_id={chat}")).await, "10");
    assert_eq!(list("?q=GR%C3%96SSE%203").await, "");
    assert_eq!(list("?q=gr%C3%B6%C3%9Fe%203").await, "3");
    assert_eq!(list("?q=2%25.").await, "2");
    assert_eq!(list("?q=%25%25").await, "");
    let mut seen = String::new();
    let mut next = Some("/api/files?limit=2".to_owned());
    while let Some(path) = next {
        let reply = alice.get(&path).await;
        next = reply.next_page();
        let page = reply.expect(200);
        for row in page.as_array().unwrap() {
            assert_eq!(load(&app, row).await.text, "hello");
        }
        seen.push_str(&names(&page));
    }
    assert_eq!(seen, "43210");
    alice.delete(&format!("/api/chats/{chat}")).await;
    assert_eq!(list("").await, "43210", "files outlive their chat");
}

#[tokio::test]
async fn only_the_fields_that_are_present_change() {
    let app = app().await;
    let alice = app.user("alice").await;
    let chat = alice.create_chat("Trip").await;
    let form = Form::file("a.txt", "text/plain", "hello").field("chat_id", &chat);
    let file = alice.upload(form).await.expect(201);
    let path = format!("/api/files/{}", id(&file));
    let changed = alice.patch(&path, json!({ "name": " b.txt " })).await.expect(200);
    assert_eq!((&changed["name"], &changed["chat_id"]), (&json!("b.txt"), &json!(chat)));
    let changed = alice.put(&path, json!({ "chat_id": null, "metadata": { "a": 1 } })).await;
    let changed = changed.expect(200);
    assert!(changed["chat_id"].is_null() && changed["name"] == "b.txt");
    assert_eq!(alice.patch(&path, json!({})).await.expect(200)["metadata"], json!({ "a": 1 }));
    for (body, pointer) in [
        (json!({ "name": "" }), "/name"),
        (json!({ "name": "a/b" }), "/name"),
        (json!({ "name": null }), "/name"),
        (json!({ "name": "x".repeat(256) }), "/name"),
        (json!({ "metadata": 7 }), "/metadata"),
    ] {
        assert_eq!(alice.patch(&path, body).await.pointers(), [pointer]);
    }
    let bobs = app.user("bob").await.create_chat("Bob's").await;
    let reply = alice.patch(&path, json!({ "chat_id": bobs })).await;
    assert_eq!(reply.problem(404), "chat_not_found");
}

#[tokio::test]
async fn bytes_come_in_parts_and_only_when_they_changed() {
    let app = app().await;
    let alice = app.user("alice").await;
    let file = alice.add_file("a.txt", "text/plain", "hello world").await;
    let ask = async |name: &'static str, value: &str| {
        let request = alice.request(Method::GET, &content(&file));
        Reply::send(request.header(name, value)).await
    };
    let whole = alice.get(&content(&file)).await;
    let etag = whole.header("etag").to_owned();
    assert_eq!(etag, format!("\"{}\"", file["sha256"].as_str().unwrap()));
    assert_eq!(whole.header("content-length"), "11");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    let part = ask("range", "bytes=6-").await;
    assert_eq!((part.status, part.text.as_str()), (206, "world"));
    assert_eq!(part.header("content-range"), "bytes 6-10/11");
    let beyond = ask("range", "bytes=11-").await;
    assert_eq!(beyond.header("content-range"), "bytes */11");
    assert_eq!(beyond.problem(416), "range_not_satisfiable");
    let modified = whole.header("last-modified").to_owned();
    for (name, value, status) in [
        ("if-match", "\"other\"", 412),
        ("if-match", &*etag, 200),
        ("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT", 412),
        ("if-unmodified-since", &*modified, 200),
        ("if-modified-since", &*modified, 304),
        ("range", "bytes=0-1,3-4", 200),
    ] {
        assert_eq!(ask(name, value).await.status, status, "{name}: {value}");
    }
    assert_eq!(ask("if-match", "\"other\"").await.problem(412), "precondition_failed");
    let unchanged = ask("if-none-match", &etag).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));
    let head = Reply::send(alice.request(Method::HEAD, &content(&file))).await;
    assert_eq!((head.status, head.header("content-length")), (200, "11"));
    let empty = alice.add_file("empty.txt", "text/plain", "").await;
    assert_eq!(alice.get(&content(&empty)).await.text, "");
    assert_eq!(load(&app, &empty).await.status, 200);
}

#[tokio::test]
async fn a_file_that_goes_while_it_is_read_is_not_there() {
    if skipped_on_a_real_supabase("bytes that go while a file is read") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    let file = alice.add_file("a.txt", "text/plain", "hello world").await;
    // As if the deletion came after the object was looked up.
    for stored in std::fs::read_dir(app.data_dir.join("storage")).unwrap() {
        std::fs::remove_file(stored.unwrap().path()).unwrap();
    }
    assert_eq!(alice.get(&content(&file)).await.problem(404), "file_not_found");
    let script = json!({ "code": "1", "files": [file["id"]] });
    assert_eq!(alice.post("/api/scripts/run", script).await.problem(404), "file_not_found");
}

#[tokio::test]
async fn browsers_run_nothing_of_it() {
    let app = app().await;
    let alice = app.user("alice").await;
    for (name, media_type, bytes, how) in [
        ("a\u{e9}.txt", "text/plain", "hello", "inline"),
        ("a.html", "text/html", "<script>alert(1)</script>", "attachment"),
        ("a.svg", "image/svg+xml", "<svg onload=alert(1)>", "attachment"),
        ("a.xml", "application/xml", "<x/>", "attachment"),
    ] {
        let file = alice.add_file(name, media_type, bytes).await;
        let reply = alice.get(&content(&file)).await;
        assert!(reply.header("content-disposition").starts_with(how), "{name}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert!(reply.header("content-security-policy").contains("sandbox"));
        let loaded = load(&app, &file).await;
        let saved = loaded.header("content-disposition").starts_with("attachment");
        assert_eq!(saved, how == "attachment", "{name}");
        let saved = alice.get(&format!("{}?download=true", content(&file))).await;
        assert!(saved.header("content-disposition").starts_with("attachment"));
    }
}

#[tokio::test]
async fn addresses_without_a_token_end() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    let file = alice.add_file("a.txt", "text/plain", "hello").await;
    let path = format!("/api/files/{}/url", id(&file));
    let signed = alice.post(&path, json!({ "expires_in": 60 })).await.expect(200);
    assert_eq!(load(&app, &signed).await.text, "hello");
    let default = alice.poke(&path).await.expect(200);
    app.clock.advance(Duration::from_secs(61));
    assert_eq!(load(&app, &signed).await.status, 400);
    assert_eq!(load(&app, &default).await.status, 200);
    app.clock.advance(Duration::from_secs(3500));
    assert_eq!(load(&app, &default).await.status, 200, "a little less than an hour");
    assert_eq!(load(&app, &file).await.status, 200, "a file's own is good for longer");
    for seconds in [59, 604_801] {
        let reply = alice.post(&path, json!({ "expires_in": seconds })).await;
        assert_eq!(reply.pointers(), ["/expires_in"]);
    }
}

#[tokio::test]
async fn another_users_file_is_not_there() {
    let app = app().await;
    let (alice, bob) = (app.user("alice").await, app.user("bob").await);
    let file = alice.add_file("secret.txt", "text/plain", "secret").await;
    let path = format!("/api/files/{}", id(&file));
    for reply in [
        bob.get(&path).await,
        bob.get(&content(&file)).await,
        bob.patch(&path, json!({ "name": "mine" })).await,
        bob.patch(&path, json!({})).await,
        bob.poke(&format!("{path}/url")).await,
        bob.delete(&path).await,
    ] {
        assert_eq!(reply.problem(404), "file_not_found");
    }
    assert_eq!(bob.get("/api/files/").await.expect(200), json!([]));
    assert_eq!(alice.get(&content(&file)).await.text, "secret");
    assert_eq!(alice.delete(&path).await.status, 204);
    assert_eq!(alice.delete(&path).await.problem(404), "file_not_found");
    assert_eq!(alice.get(&content(&file)).await.problem(404), "file_not_found");
    assert_eq!(load(&app, &file).await.status, 400, "its address has ended with it");
}

/// An application whose way to Supabase can be blocked, beside one whose way is free.
async fn with_proxy() -> (TestApp, TestApp, Proxy) {
    let app = app().await;
    let proxy = Proxy::to(&app).await;
    let settings =
        [("SUPABASE_URL", proxy.url.as_str()), ("SUPABASE_PUBLIC_URL", app.supabase_url.as_str())];
    let replica = app.replica(&settings).await;
    (app, replica, proxy)
}

#[tokio::test]
async fn a_deletion_that_breaks_is_finished_later() {
    let (app, replica, proxy) = with_proxy().await;
    let alice = app.user("alice").await.on(&replica);
    let file = alice.add_file("a.txt", "text/plain", "hello").await;
    let path = format!("/api/files/{}", id(&file));
    proxy.block("DELETE", "/storage/");
    assert_eq!(alice.delete(&path).await.status, 204);
    replica.wait_for_file_tasks().await;
    assert_eq!(alice.get(&path).await.problem(404), "file_not_found");
    assert_eq!(alice.file_rows().await[0]["status"], "deleting");
    assert_eq!(app.stored_bytes(&alice).await, [5]);
    proxy.unblock();
    alice.add_file("b.txt", "text/plain", "other!").await;
    replica.wait_for_file_tasks().await;
    assert_eq!((alice.file_rows().await.len(), app.stored_bytes(&alice).await), (1, vec![6]));
}

#[tokio::test]
async fn an_upload_that_storage_refuses_leaves_nothing() {
    let (app, replica, proxy) = with_proxy().await;
    let alice = app.user("alice").await.on(&replica);
    proxy.block("POST", "/storage/v1/object/files/");
    // The larger one is refused while it is still being sent.
    for size in [5, 20_000_000] {
        let form = Form::file("a.bin", "application/octet-stream", vec![1; size]);
        let reply = alice.upload(form).await;
        let code = reply.json()["code"].as_str().unwrap().to_owned();
        assert!(["supabase_refused", "supabase_unreachable"].contains(&code.as_str()), "{code}");
        assert_eq!(alice.file_rows().await, Vec::<Value>::new());
    }
    proxy.block("POST", "/rest/v1/rpc/finish_file");
    let reply = alice.upload(Form::file("a.txt", "text/plain", "hello")).await;
    assert_eq!(reply.problem(502), "supabase_refused");
    assert_eq!(alice.file_rows().await, Vec::<Value>::new());
    assert_eq!(app.stored_bytes(&alice).await, [0; 0]);
}

/// What a server that crashed has left over goes with the owner's next upload, once its claim has
/// lapsed; the same id can be uploaded again then.
#[tokio::test]
async fn what_a_crash_has_left_is_swept() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    let (old, new) = (Uuid::new_v4(), Uuid::new_v4());
    for id in [old, new] {
        let claim = json!({ "p_id": id, "p_upload_id": Uuid::new_v4(), "p_name": "a.txt",
                            "p_quota": 1000, "p_max_files": 10 });
        let path = "/rpc/begin_file";
        let started = alice.rest(Method::POST, path, Some(claim)).await.expect(200);
        assert_eq!(started, json!({ "answer": "started", "room": 1000 }));
    }
    let again = || Form::default().field("id", &new.to_string());
    let again = || again().with_file("a.txt", "text/plain", "hello");
    let busy = alice.upload(again()).await;
    assert_eq!(busy.header("retry-after"), "5");
    assert_eq!(busy.problem(409), "upload_running");
    app.clock.advance(Duration::from_secs(61));
    alice.upload(again()).await.expect(201);
    app.wait_for_file_tasks().await;
    let rows = alice.file_rows().await;
    assert_eq!((rows.len(), &rows[0]["id"]), (1, &json!(new)));
}

#[tokio::test]
async fn an_operator_is_told_what_does_not_belong_together() {
    if skipped_on_a_real_supabase("a bucket of its own") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    let kept = alice.add_file("a.txt", "text/plain", "hello").await;
    let lost = alice.add_file("b.txt", "text/plain", "hello").await;
    assert!(app.check().await.to_string().contains("belong together: 2"));
    let name = |id: &str| format!("{}/{id}", alice.id);
    for (method, path) in [
        (Method::DELETE, format!("files/{}", name(&id(&lost)))),
        (Method::POST, format!("files/{}", name("stray"))),
    ] {
        let url = format!("{}/storage/v1/object/{path}", app.supabase_url);
        let request = app.http.request(method, url).bearer_auth(&alice.token).body("hello");
        Reply::send(request).await.expect(200);
    }
    let orphans = app.orphans().await;
    let rows: Vec<_> = orphans.rows.iter().map(ToString::to_string).collect();
    assert_eq!(rows, [name(&id(&lost))]);
    assert_eq!((orphans.objects, orphans.looked_at, orphans.is_partial), (1, 2, false));
    // Users can bring that about themselves, so it fails nothing, and no name of theirs is shown.
    let report = app.check().await;
    assert_eq!((report.problems(), report.skipped_count()), (0, 0), "{report}");
    let report = report.to_string();
    assert!(report.contains(&format!("– files whose bytes are gone: 1 ({})", rows[0])), "{report}");
    assert!(report.contains("– objects in the bucket that no file names: 1"), "{report}");
    assert!(!report.contains("stray"), "{report}");
    let path = format!("/api/files/{}", id(&lost));
    assert!(alice.get(&path).await.expect(200)["url"].is_null());
    assert_eq!(alice.get(&content(&lost)).await.problem(404), "file_not_found");
    assert_eq!(alice.get(&content(&kept)).await.text, "hello");
}

#[tokio::test]
async fn how_many_bytes_come_is_what_storage_says() {
    let app = app().await;
    let alice = app.user("alice").await;
    let file = alice.add_file("a.txt", "text/plain", "0123456789").await;
    let id = file["id"].as_str().unwrap();
    for size in [4, 1_000] {
        let row = format!("/files?id=eq.{id}");
        alice.rest(Method::PATCH, &row, Some(json!({ "size": size }))).await.expect(200);
        let reply = alice.get(&format!("/api/files/{id}/content")).await;
        assert_eq!((reply.status, &*reply.text), (200, "0123456789"));
        assert_eq!(reply.header("content-length"), "10");
        let request = alice.request(Method::GET, &format!("/api/files/{id}/content"));
        let part = Reply::send(request.header("range", "bytes=2-3")).await;
        assert_eq!((&*part.text, part.header("content-range")), ("23", "bytes 2-3/10"));
    }
}

#[tokio::test]
async fn a_time_that_no_client_can_read_is_refused() {
    let app = app().await;
    let alice = app.user("alice").await;
    for at in ["9999-06-01T00:00:00Z", "infinity", "-infinity"] {
        let row = json!({ "name": "a.txt", "created_at": at });
        assert_eq!(alice.rest(Method::POST, "/files", Some(row)).await.status, 400, "{at}");
        let file = alice.add_file("a.txt", "text/plain", "a").await;
        let row = format!("/files?id=eq.{}", file["id"].as_str().unwrap());
        let changed = alice.rest(Method::PATCH, &row, Some(json!({ "created_at": at }))).await;
        assert_eq!(changed.status, 400, "{at}");
    }
    assert_eq!(alice.get("/api/files/").await.expect(200).as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_buckets_own_limit_holds_for_streamed_uploads() {
    if skipped_on_a_real_supabase("a bucket that others use") {
        return;
    }
    let app = app().await;
    let alice = app.user("alice").await;
    app.limit_bucket(2_048).await;
    let reply = alice.upload(Form::file("a.txt", "text/plain", "x".repeat(2_049))).await;
    assert!(reply.text.contains("at most 2 KiB"), "{}", reply.text);
    assert_eq!(reply.problem(413), "file_too_large");
    alice.add_file("a.txt", "text/plain", "x".repeat(2_048)).await;
}
