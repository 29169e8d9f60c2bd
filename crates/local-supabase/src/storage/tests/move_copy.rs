use super::support::*;

const NO_SUCH_KEY: &str =
    r#"{"statusCode":"404","error":"not_found","message":"Object not found","code":"NoSuchKey"}"#;
const EXISTS: &str = r#"{"statusCode":"409","error":"Duplicate","message":"The resource already exists","code":"KeyAlreadyExists"}"#;
const DENIED: &str = r#"{"statusCode":"403","error":"Unauthorized","message":"new row violates row-level security policy","code":"AccessDenied"}"#;

#[tokio::test]
async fn copies_and_moves() {
    let world = World::with_object().await;
    let to_copy =
        r#"{"bucketId":"private","sourceKey":"{A}/h.txt","destinationKey":"{A}/copy.txt"}"#;
    let to_bob = r#"{"bucketId":"private","sourceKey":"{A}/h.txt","destinationKey":"{B}/x.txt"}"#;
    world
        .check(vec![
            post("075-copy", As::Alice, "/object/copy").json(to_copy).answers(
                r#"{"Key":"private/{A}/copy.txt","Id":"ID","name":"{A}/copy.txt","bucket_id":"private","owner":"","owner_id":"ID","version":"ID","id":"ID","updated_at":"TIME","created_at":"TIME","last_accessed_at":"TIME","metadata":{"eTag":"\"5eb63bbbe01eeed093cb22bb8f5acdc3\"","size":11,"mimetype":"text/plain","cacheControl":"no-cache","lastModified":"TIME","contentLength":11,"httpStatusCode":200},"user_metadata":{}}"#,
            ),
            get("copied", As::Alice, "/object/private/{A}/copy.txt").answers("hello world"),
            post("076-copy-dup", As::Alice, "/object/copy").json(to_copy).refuses(EXISTS),
            post("077-copy-missing", As::Alice, "/object/copy")
                .json(r#"{"bucketId":"private","sourceKey":"{A}/none.txt","destinationKey":"{A}/c3.txt"}"#)
                .refuses(NO_SUCH_KEY),
            post("copy-to-another", As::Alice, "/object/copy").json(to_bob).refuses(DENIED),
            post("copy-by-another", As::Bob, "/object/copy").json(to_bob).refuses(NO_SUCH_KEY),
            post("078-move", As::Alice, "/object/move")
                .json(r#"{"bucketId":"private","sourceKey":"{A}/copy.txt","destinationKey":"{A}/moved.txt"}"#)
                .answers(r#"{"message":"Successfully moved"}"#),
            post("079-move-missing", As::Alice, "/object/move")
                .json(r#"{"bucketId":"private","sourceKey":"{A}/copy.txt","destinationKey":"{A}/moved2.txt"}"#)
                .refuses(NO_SUCH_KEY),
            post("move-to-another", As::Alice, "/object/move").json(to_bob).refuses(DENIED),
            get("moved", As::Alice, "/object/private/{A}/moved.txt").answers("hello world"),
        ])
        .await;
    assert_eq!(world.server.stored_files().len(), 2);
}

#[tokio::test]
async fn removals() {
    let world = World::with_object().await;
    for name in ["m.txt", "moved.txt"] {
        world.upload(&format!("private/{{A}}/{name}"), "hello world").await;
    }
    let moved = "/object/private/{A}/moved.txt";
    world
        .check(vec![
            delete("080-delete-one", As::Alice, moved)
                .answers(r#"{"message":"Successfully deleted"}"#),
            delete("081-delete-one-missing", As::Alice, moved).refuses(NO_SUCH_KEY),
            delete("082-delete-other", As::Bob, "/object/private/{A}/h.txt")
                .refuses(r#"{"statusCode":"403","error":"Unauthorized","message":"Access denied","code":"AccessDenied"}"#),
            delete("delete-many-of-another", As::Bob, "/object/private")
                .json(r#"{"prefixes":["{A}/m.txt"]}"#)
                .answers("[]"),
            delete("083-delete-many", As::Alice, "/object/private")
                .json(r#"{"prefixes":["{A}/m.txt","{A}/none.txt"]}"#)
                .answers(r#"[{"name":"{A}/m.txt","bucket_id":"private","owner":"","owner_id":"ID","version":"ID","id":"ID","updated_at":"TIME","created_at":"TIME","last_accessed_at":"TIME","metadata":{"eTag":"\"5eb63bbbe01eeed093cb22bb8f5acdc3\"","size":11,"mimetype":"text/plain","cacheControl":"no-cache","lastModified":"TIME","contentLength":11,"httpStatusCode":200},"user_metadata":{}}]"#),
            delete("084-delete-many-none", As::Alice, "/object/private")
                .json(r#"{"prefixes":["{A}/none.txt"]}"#)
                .answers("[]"),
            delete("085-delete-many-empty", As::Alice, "/object/private")
                .json(r#"{"prefixes":[]}"#)
                .refuses(r#"{"statusCode":"400","error":"Error","message":"body/prefixes must NOT have fewer than 1 items","code":"InvalidRequest"}"#),
            get("091-route-missing", As::Alice, "/object/nope/nope/nope/nope/..")
                .refuses(r#"{"statusCode":"404","error":"Bucket not found","message":"Bucket not found","code":"NoSuchBucket"}"#),
        ])
        .await;
    assert_eq!(world.server.stored_files().len(), 1);
}
