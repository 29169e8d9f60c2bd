use super::support::*;

const DENIED: &str = r#"{"statusCode":"403","error":"Unauthorized","message":"new row violates row-level security policy","code":"AccessDenied"}"#;
const TOO_LARGE: &str = r#"{"statusCode":"413","error":"Payload too large","message":"The object exceeded the maximum allowed size","code":"EntityTooLarge"}"#;

#[tokio::test]
async fn uploads() {
    let world = World::new().await;
    let h = r#"{"Key":"private/{A}/h.txt","Id":"ID"}"#;
    let path = "/object/private/{A}/h.txt";
    let answers = vec![
        post("015-upload-raw", As::Alice, path).text("hello world").answers(h),
        post("016-upload-dup", As::Alice, path)
            .text("hello two")
            .refuses(r#"{"statusCode":"409","error":"Duplicate","message":"The resource already exists","code":"KeyAlreadyExists"}"#),
        post("017-upload-upsert", As::Alice, path)
            .header("x-upsert", "true")
            .header("cache-control", "max-age=60")
            .text("hello two")
            .answers(h),
        put("018-upload-put-update", As::Alice, path).text("hello world").answers(h),
        put("019-upload-put-missing", As::Alice, "/object/private/{A}/missing.txt")
            .text("hello world")
            .answers(r#"{"Key":"private/{A}/missing.txt","Id":"ID"}"#),
        post("020-upload-multipart", As::Alice, "/object/private/{A}/m.txt")
            .header("content-type", "multipart/form-data; boundary=X")
            .body("--X\r\nContent-Disposition: form-data; name=\"cacheControl\"\r\n\r\n3600\r\n\
                   --X\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{\"a\":\"b\"}\r\n\
                   --X\r\nContent-Disposition: form-data; name=\"\"; filename=\"h.txt\"\r\n\
                   Content-Type: text/plain\r\n\r\nhello world\r\n--X--\r\n")
            .answers(r#"{"Key":"private/{A}/m.txt","Id":"ID"}"#),
        get("multipart-info", As::Alice, "/object/info/private/{A}/m.txt")
            .answers(r#"{"id":"ID","name":"{A}/m.txt","version":"ID","bucket_id":"private","size":11,"content_type":"text/plain","cache_control":"max-age=3600","etag":"\"5eb63bbbe01eeed093cb22bb8f5acdc3\"","metadata":{"a":"b"},"last_modified":"TIME","created_at":"TIME"}"#),
        post("022-upload-nested-ascii", As::Alice, "/object/private/{A}/sub/a%20b.txt")
            .text("hello world")
            .answers(r#"{"Key":"private/{A}/sub/a b.txt","Id":"ID"}"#),
        post("032-upload-empty", As::Alice, "/object/private/{A}/empty.txt")
            .text("")
            .answers(r#"{"Key":"private/{A}/empty.txt","Id":"ID"}"#),
        post("035-upload-service", As::Service, "/object/private/{B}/svc.txt")
            .text("hello world")
            .answers(r#"{"Key":"private/{B}/svc.txt","Id":"ID"}"#),
    ];
    world.check(answers).await;
}

#[tokio::test]
async fn refusals() {
    let world = World::new().await;
    let x = "/object/private/{A}/x.txt";
    let cases = vec![
        post("021-upload-nested", As::Alice, "/object/private/{A}/sub/d%C3%A9j%C3%A0%20vu.txt")
            .text("hello world")
            .refuses(r#"{"statusCode":"400","error":"InvalidKey","message":"Invalid key: {A}/sub/déjà vu.txt","code":"InvalidKey"}"#),
        post("023-upload-rls-denied", As::Alice, "/object/private/{B}/h.txt")
            .text("hello world")
            .refuses(DENIED),
        post("024-upload-anon-denied", As::Anon, x).text("hello world").refuses(DENIED),
        post("025-upload-noauth", As::Nobody, x)
            .text("hello world")
            .refuses(r#"{"statusCode":"400","error":"Error","message":"headers must have required property 'authorization'","code":"InvalidRequest"}"#),
        post("026-upload-badjwt", As::WrongSignature, x)
            .text("hello world")
            .refuses(r#"{"statusCode":"403","error":"Unauthorized","message":"signature verification failed","code":"AccessDenied"}"#),
        post("028-upload-missing-bucket", As::Alice, "/object/nope/{A}/x.txt")
            .text("hello world")
            .refuses(r#"{"statusCode":"404","error":"Bucket not found","message":"Bucket not found","code":"NoSuchBucket"}"#),
        post("029-upload-too-large-bucket", As::Alice, "/object/small/{A}/x.txt")
            .text(&"x".repeat(2048))
            .refuses(TOO_LARGE),
        post("030-upload-too-large-global", As::Alice, "/object/private/{A}/big.bin")
            .text(&"x".repeat((4 << 20) + 1))
            .refuses(TOO_LARGE),
        post("too-large-in-a-form", As::Alice, "/object/small/{A}/x.txt")
            .header("content-type", "multipart/form-data; boundary=X")
            .body(&format!(
                "--X\r\nContent-Disposition: form-data; name=\"\"; filename=\"a\"\r\n\
                 Content-Type: text/plain\r\n\r\n{}\r\n--X--\r\n",
                "x".repeat(1025)
            ))
            .refuses(TOO_LARGE),
        post("031-upload-bad-mime", As::Alice, "/object/small/{A}/x.bin")
            .header("content-type", "application/octet-stream")
            .body("hello world")
            .refuses(r#"{"statusCode":"415","error":"invalid_mime_type","message":"mime type application/octet-stream is not supported","code":"InvalidMimeType"}"#),
        post("033-upload-traversal", As::Alice, "/object/private/{A}/%2e%2e/evil.txt")
            .text("hello world")
            .refuses(r#"{"statusCode":"400","error":"InvalidKey","message":"Invalid key: {A}/../evil.txt contains dot path segment","code":"InvalidKey"}"#),
        post("a-form-that-ends-early", As::Alice, x)
            .header("content-type", "multipart/form-data; boundary=X")
            .body("--X\r\nContent-Disposition: form-data; name=\"\"; filename=\"a\"\r\n\r\nhel")
            .refuses(r#"{"statusCode":"400","error":"Error","message":"The request body broke off","code":"InvalidRequest"}"#),
    ];
    world.check(cases).await;
    world.server.wait(7200);
    let expired = post("027-upload-expired", As::Alice, x).text("hello world").refuses(r#"{"statusCode":"403","error":"Unauthorized","message":"\"exp\" claim timestamp check failed","code":"AccessDenied"}"#);
    world.check(vec![expired]).await;
    assert_eq!(world.server.stored_bytes(), 0, "nothing is left behind");
}

/// Supabase has no such limit; a machine has.
#[tokio::test]
async fn what_a_user_stores_has_a_bound() {
    let world = World::new().await;
    let upload = async |by, path: &str| {
        let text = "x".repeat(300 << 10);
        world.send(&put("room", by, path).text(&text)).await
    };
    for name in ["a", "b", "c"] {
        assert_eq!(upload(As::Alice, &format!("/object/private/{{A}}/{name}")).await.status, 200);
    }
    let full = upload(As::Alice, "/object/private/{A}/d").await;
    assert!(full.status == 400 && full.body.contains("EntityTooLarge"), "{}", full.body);
    let copy = r#"{"bucketId":"private","sourceKey":"{A}/a","destinationKey":"{A}/d"}"#;
    let copied = world.send(&post("copy", As::Alice, "/object/copy").json(copy)).await;
    assert!(copied.body.contains("as much room as they may"), "{}", copied.body);
    assert_eq!(upload(As::Alice, "/object/private/{A}/a").await.status, 200, "in place of another");
    assert_eq!(upload(As::Bob, "/object/private/{B}/a").await.status, 200);
    assert_eq!(upload(As::Service, "/object/private/{A}/e").await.status, 200);
    assert_eq!(world.server.stored_files().len(), 5, "nothing is left behind");
}

/// Names that mean something to a file system reach it never.
#[tokio::test]
async fn hostile_names() {
    let world = World::new().await;
    for name in ["%2e%2e%2f%2e%2e%2fevil", "..%5cevil", "a%00b", "%2fetc%2fpasswd", "a%0ab", "./x"]
    {
        let path = format!("/object/private/{{A}}/{name}");
        let answer = world.send(&post("hostile", As::Alice, &path).text("x")).await;
        // A slash alone is part of a key.
        let is_key = name.starts_with("%2fetc");
        assert_eq!(
            answer.status.as_u16(),
            if is_key { 200 } else { 400 },
            "{name}: {}",
            answer.body
        );
    }
    assert_eq!(world.server.stored_files().len(), 1);
}

/// What an upload leaves over goes at the next start; what is named by a row stays.
#[tokio::test]
async fn a_restart_removes_uploads_that_broke_off() {
    let world = World::with_object().await;
    let folder = world.server.storage_folder();
    std::fs::write(folder.join("left-over.part"), "x").unwrap();
    assert_eq!(world.server.stored_files().len(), 2);
    let server = world.server.restart();
    assert_eq!(server.stored_files().len(), 1);
    assert!(!server.storage_folder().join("set-aside").exists());
}

/// An older database does not know the newer files; they are neither gone nor in the way.
#[tokio::test]
async fn files_that_the_database_does_not_name_are_set_aside_for_a_week() {
    let world = World::with_object().await;
    let [object] = &world.server.stored_files()[..] else { panic!("one object") };
    let name = object.file_name().unwrap().to_owned();
    let aside = world.server.storage_folder().join("set-aside");
    let kept = aside.join("2026-11-22").join(&name);
    let forget = "create table kept as select * from storage_objects; delete from storage_objects";
    let server = world.server.restart_after(forget);
    assert!(kept.is_file() && server.stored_files().is_empty());
    server.wait(6 * 86_400);
    let remember = "insert into storage_objects select * from kept";
    let server = server.restart_after(remember);
    assert!(!kept.exists() && server.stored_files().len() == 1, "the right database is back");
    let server = server.restart_after("delete from storage_objects");
    assert!(aside.join("2026-11-28").join(&name).is_file());
    server.wait(8 * 86_400);
    server.restart();
    assert!(!aside.join("2026-11-28").exists());
}
