//! What breaks half way leaves nothing, or is found and finished later.

use std::time::Duration;

use futures_util::stream;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{content, id};
use crate::support::{Form, Proxy, Reply, TestApp, app, skipped_on_a_real_supabase, until};

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
    let statuses = async || -> Vec<_> {
        alice.file_rows().await.iter().map(|row| row["status"].clone()).collect()
    };
    until("the upload has begun", async || statuses().await == ["uploading"]).await;
    assert_eq!(alice.get("/api/files/").await.expect(200), json!([]), "it is not shown yet");
    upload.abort();
    drop(pieces);
    until("nothing is left", async || statuses().await.is_empty()).await;
    app.wait_for_file_tasks().await;
    assert_eq!(app.stored_bytes(&alice).await, [0; 0]);
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
