use super::support::*;

async fn folder() -> World {
    let world = World::with_object().await;
    for name in ["m.txt", "missing.txt", "sub/a b.txt", "sub/deep/x.txt"] {
        world.upload(&format!("private/{{A}}/{}", name.replace(' ', "%20")), "hello world").await;
    }
    world
}

fn names(listed: &serde_json::Value) -> Vec<String> {
    let name = |entry: &serde_json::Value| {
        let slash = if entry["id"].is_null() { "/" } else { "" };
        format!("{}{slash}", entry["name"].as_str().unwrap())
    };
    listed.as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn lists() {
    let world = folder().await;
    world
        .check(vec![
            post("052-list-root", As::Alice, "/object/list/private")
                .json(r#"{"prefix":"","limit":100,"offset":0,"sortBy":{"column":"name","order":"asc"}}"#)
                .answers(r#"[{"name":"ID","id":null,"updated_at":null,"created_at":null,"last_accessed_at":null,"metadata":null}]"#),
            post("054-list-search", As::Alice, "/object/list/private")
                .json(r#"{"prefix":"{A}","search":"m","limit":1}"#)
                .answers(r#"[{"name":"m.txt","id":"ID","updated_at":"TIME","created_at":"TIME","last_accessed_at":"TIME","metadata":{"eTag":"\"5eb63bbbe01eeed093cb22bb8f5acdc3\"","size":11,"mimetype":"text/plain","cacheControl":"no-cache","lastModified":"TIME","contentLength":11,"httpStatusCode":200}}]"#),
            post("055-list-noprefix", As::Alice, "/object/list/private")
                .json("{}")
                .refuses(r#"{"statusCode":"400","error":"Error","message":"body must have required property 'prefix'","code":"InvalidRequest"}"#),
            post("numbers and texts for one another", As::Alice, "/object/list/private")
                .json(r#"{"prefix":7,"search":1,"limit":"10","offset":true}"#)
                .answers("[]"),
            post("no text", As::Alice, "/object/list/private")
                .json(r#"{"prefix":{}}"#)
                .refuses(r#"{"statusCode":"400","error":"Error","message":"body/prefix must be string","code":"InvalidRequest"}"#),
            post("057-list-other", As::Bob, "/object/list/private")
                .json(r#"{"prefix":"{A}"}"#)
                .answers("[]"),
            post("058-list-missing-bucket", As::Alice, "/object/list/nope")
                .json(r#"{"prefix":""}"#)
                .answers("[]"),
        ])
        .await;
}

#[tokio::test]
async fn folders_are_among_the_files() {
    let world = folder().await;
    for (body, expected) in [
        (r#"{"prefix":"{A}"}"#, vec!["h.txt", "m.txt", "missing.txt", "sub/"]),
        (r#"{"prefix":"{A}/"}"#, vec!["h.txt", "m.txt", "missing.txt", "sub/"]),
        (r#"{"prefix":"{A}/sub"}"#, vec!["a b.txt", "deep/"]),
        (r#"{"prefix":"{A}","search":"M"}"#, vec!["m.txt", "missing.txt"]),
        (r#"{"prefix":"{A}","search":"sub/a"}"#, vec!["sub/"]),
        (r#"{"prefix":"{A}","limit":2,"offset":1}"#, vec!["m.txt", "missing.txt"]),
        (
            r#"{"prefix":"{A}","sortBy":{"column":"name","order":"desc"}}"#,
            vec!["sub/", "missing.txt", "m.txt", "h.txt"],
        ),
        (r#"{"prefix":"{A}/s_b"}"#, vec![]),
        (r#"{"prefix":"{A}/%"}"#, vec![]),
    ] {
        let case = post("list", As::Alice, "/object/list/private").json(body);
        assert_eq!(names(&world.send(&case).await.json()), expected, "{body}");
    }
}

#[tokio::test]
async fn pages_of_the_second_version() {
    let world = folder().await;
    let mut cursor = String::new();
    let mut seen = Vec::new();
    loop {
        let body =
            format!(r#"{{"prefix":"{{A}}/","with_delimiter":true,"limit":2,"cursor":"{cursor}"}}"#);
        let case = post("056-list-v2", As::Alice, "/object/list-v2/private").json(&body);
        let page = world.send(&case).await.json();
        for kind in ["objects", "folders"] {
            let keys = page[kind].as_array().unwrap().iter();
            seen.extend(keys.map(|entry| entry["key"].as_str().unwrap().to_owned()));
        }
        assert_eq!(page["hasNext"], page["nextCursor"].is_string());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["h.txt", "m.txt", "missing.txt", "sub"]);
}
