//! What is uploaded: forms, names, types, sizes and quotas.

use chat_backend::api::files::model::File;
use futures_util::future::join_all;
use futures_util::stream;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{content, id, load, unsigned};
use crate::support::{BOUNDARY, Form, TestApp, app, skipped_on_a_real_supabase};

const CSV: &str = "city,people\nRome,2800000\n";

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
