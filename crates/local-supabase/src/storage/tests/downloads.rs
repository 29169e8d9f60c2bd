use axum::http::Method;

use super::support::*;

const ETAG: &str = "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"";
const NO_SUCH_KEY: &str =
    r#"{"statusCode":"404","error":"not_found","message":"Object not found","code":"NoSuchKey"}"#;
const NO_SUCH_BUCKET: &str = r#"{"statusCode":"404","error":"Bucket not found","message":"Bucket not found","code":"NoSuchBucket"}"#;

#[tokio::test]
async fn downloads() {
    let world = World::with_object().await;
    world.upload("pub/{A}/p.txt", "hello world").await;
    let path = "/object/authenticated/private/{A}/h.txt";
    let modified = "Sun, 22 Nov 2026 19:53:31 GMT";
    let whole = |case: Case| {
        case.answers("hello world")
            .with("accept-ranges", "bytes")
            .with("content-type", "text/plain")
            .with("content-length", "11")
            .with("etag", ETAG)
            .with("x-robots-tag", "none")
            .with("last-modified", modified)
            .with("cache-control", "no-cache")
    };
    let cases = vec![
        whole(get("036-download-auth", As::Alice, path)),
        whole(get("037-download-auth-short", As::Alice, "/object/private/{A}/h.txt")),
        get("038-download-range", As::Alice, path)
            .header("range", "bytes=0-4")
            .status(206)
            .answers("hello")
            .with("content-length", "5")
            .with("content-range", "bytes 0-4/11"),
        get("range-of-the-end", As::Alice, path)
            .header("range", "bytes=-3")
            .status(206)
            .answers("rld")
            .with("content-range", "bytes 8-10/11"),
        get("range-beyond-the-end", As::Alice, path)
            .header("range", "bytes=11-")
            .refuses(r#"{"statusCode":"416","error":"InvalidRange","message":"The requested range is not satisfiable","code":"InvalidRange"}"#),
        get("039-download-other-user", As::Bob, path).refuses(NO_SUCH_KEY),
        get("040-download-missing", As::Alice, "/object/authenticated/private/{A}/nope.txt")
            .refuses(NO_SUCH_KEY),
        get("041-download-missing-bucket", As::Alice, "/object/authenticated/nope/x.txt")
            .refuses(NO_SUCH_BUCKET),
        get("042-download-noauth", As::Nobody, path)
            .refuses(r#"{"statusCode":"400","error":"Error","message":"headers must have required property 'authorization'","code":"InvalidRequest"}"#),
        whole(get("043-download-public", As::Nobody, "/object/public/pub/{A}/p.txt")),
        get("044-download-public-dl", As::Nobody, "/object/public/pub/{A}/p.txt?download=name.txt")
            .answers("hello world")
            .with("content-disposition", "attachment; filename=name.txt; filename*=UTF-8''name.txt"),
        get("045-download-public-missing", As::Nobody, "/object/public/pub/none.txt")
            .refuses(NO_SUCH_KEY),
        get("046-download-public-of-private", As::Nobody, "/object/public/private/{A}/h.txt")
            .refuses(NO_SUCH_BUCKET),
        get("047-download-304", As::Nobody, "/object/public/pub/{A}/p.txt")
            .header("if-none-match", ETAG)
            .status(304)
            .with("etag", ETAG),
        case("048-head-object", As::Alice, Method::HEAD, path).with("content-length", "11"),
        get("049-info", As::Alice, "/object/info/authenticated/private/{A}/h.txt")
            .answers(r#"{"id":"ID","name":"{A}/h.txt","version":"ID","bucket_id":"private","size":11,"content_type":"text/plain","cache_control":"no-cache","etag":"\"5eb63bbbe01eeed093cb22bb8f5acdc3\"","metadata":{},"last_modified":"TIME","created_at":"TIME"}"#)
            .with("etag", ETAG),
        get("050-info-missing", As::Alice, "/object/info/authenticated/private/{A}/nope.txt")
            .refuses(NO_SUCH_KEY),
        get("051-info-public", As::Nobody, "/object/info/public/pub/{A}/p.txt")
            .answers(r#"{"id":"ID","name":"{A}/p.txt","version":"ID","bucket_id":"pub","size":11,"content_type":"text/plain","cache_control":"no-cache","etag":"\"5eb63bbbe01eeed093cb22bb8f5acdc3\"","metadata":{},"last_modified":"TIME","created_at":"TIME"}"#),
    ];
    world.check(cases).await;
}
