use super::support::*;

#[tokio::test]
async fn buckets() {
    let world = World::new().await;
    let no_such_bucket = r#"{"statusCode":"404","error":"Bucket not found","message":"Bucket not found","code":"NoSuchBucket"}"#;
    let all = r#"[{"id":"files","name":"files","owner":"","public":false,"file_size_limit":null,"allowed_mime_types":null,"created_at":"TIME","updated_at":"TIME","type":"STANDARD"},{"id":"private","name":"private","owner":"","public":false,"file_size_limit":null,"allowed_mime_types":null,"created_at":"TIME","updated_at":"TIME","type":"STANDARD"},{"id":"pub","name":"pub","owner":"","public":true,"file_size_limit":null,"allowed_mime_types":null,"created_at":"TIME","updated_at":"TIME","type":"STANDARD"},{"id":"small","name":"small","owner":"","public":false,"file_size_limit":1024,"allowed_mime_types":["text/plain","image/*"],"created_at":"TIME","updated_at":"TIME","type":"STANDARD"}]"#;
    world
        .check(vec![
            get("001-status", As::Nobody, "/status"),
            post("002-bucket-create-service", As::Service, "/bucket")
                .json(r#"{"id":"b","name":"b","public":false}"#)
                .answers(r#"{"name":"b"}"#),
            post("005-bucket-create-dup", As::Service, "/bucket")
                .json(r#"{"name":"pub","public":true}"#)
                .refuses(r#"{"statusCode":"409","error":"Duplicate","message":"The resource already exists","code":"BucketAlreadyExists"}"#),
            post("006-bucket-create-user-denied", As::Alice, "/bucket")
                .json(r#"{"name":"mine"}"#)
                .refuses(r#"{"statusCode":"403","error":"Unauthorized","message":"new row violates row-level security policy","code":"AccessDenied"}"#),
            post("007-bucket-create-badname", As::Service, "/bucket")
                .json(r#"{"name":"a/b#?"}"#)
                .refuses(r#"{"statusCode":"400","error":"Invalid Input","message":"Bucket name invalid","code":"InvalidBucketName"}"#),
            post("008-bucket-create-noname", As::Service, "/bucket")
                .json("{}")
                .refuses(r#"{"statusCode":"400","error":"Error","message":"body must have required property 'name'","code":"InvalidRequest"}"#),
            delete("delete-own", As::Service, "/bucket/b")
                .answers(r#"{"message":"Successfully deleted"}"#),
            get("009-bucket-list-service", As::Service, "/bucket").answers(all),
            // The recorded project had a policy that shows buckets; the migrations have none.
            get("010-bucket-list-user", As::Alice, "/bucket").answers("[]"),
            get("a bucket, by a user", As::Alice, "/bucket/files").refuses(no_such_bucket),
            get("011-bucket-list-anon", As::Anon, "/bucket").answers("[]"),
            get("012-bucket-get", As::Service, "/bucket/pub")
                .answers(r#"{"id":"pub","name":"pub","owner":"","public":true,"file_size_limit":null,"allowed_mime_types":null,"created_at":"TIME","updated_at":"TIME"}"#),
            get("013-bucket-get-missing", As::Service, "/bucket/nope").refuses(no_such_bucket),
            put("014-bucket-update", As::Service, "/bucket/pub")
                .json(r#"{"public":true,"file_size_limit":null}"#)
                .answers(r#"{"message":"Successfully updated"}"#),
            put("update-by-user", As::Alice, "/bucket/pub")
                .json(r#"{"public":false}"#)
                .refuses(no_such_bucket),
        ])
        .await;
    world.upload("pub/{A}/p.txt", "hello world").await;
    world
        .check(vec![
            delete("086-bucket-delete-nonempty", As::Service, "/bucket/pub")
                .refuses(r#"{"statusCode":"409","error":"ResourceNotEmpty","message":"The bucket you tried to delete is not empty","code":"ResourceNotEmpty"}"#),
            delete("087-bucket-delete-user", As::Alice, "/bucket/small").refuses(no_such_bucket),
            post("empty-by-user", As::Alice, "/bucket/pub/empty").refuses(no_such_bucket),
            post("088-bucket-empty", As::Service, "/bucket/pub/empty")
                .answers(r#"{"message":"Empty bucket has been queued. Completion may take up to an hour."}"#),
            delete("089-bucket-delete", As::Service, "/bucket/pub")
                .answers(r#"{"message":"Successfully deleted"}"#),
            delete("090-bucket-delete-missing", As::Service, "/bucket/pub").refuses(no_such_bucket),
        ])
        .await;
    assert_eq!(world.server.stored_bytes(), 0);
}
