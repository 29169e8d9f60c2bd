//! The bytes of a file: parts, headers and addresses that need no token.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{content, id, load};
use crate::support::{Reply, app, skipped_on_a_real_supabase};

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
