use super::support::*;

const NO_SUCH_KEY: &str =
    r#"{"statusCode":"404","error":"not_found","message":"Object not found","code":"NoSuchKey"}"#;
const BAD_TOKEN: &str = r#"{"statusCode":"400","error":"InvalidJWT","message":"Invalid Compact JWS","code":"InvalidJWT"}"#;

#[tokio::test]
async fn signed_downloads() {
    let world = World::with_object().await;
    world.upload("private/{A}/m.txt", "other").await;
    let path = "/object/sign/private/{A}/h.txt";
    let answer =
        world.send(&post("059-sign", As::Alice, path).json(r#"{"expiresIn":60}"#)).await.json();
    let url = answer["signedURL"].as_str().unwrap().to_owned();
    let text = post("a time as a text", As::Alice, path).json(r#"{"expiresIn":"60"}"#);
    assert_eq!(world.send(&text).await.json(), answer);
    assert!(url.starts_with(&world.fill("/object/sign/private/{A}/h.txt?token=eyJ")), "{url}");
    let other = url.replace("h.txt", "m.txt");
    world
        .check(vec![
            get("060-sign-download", As::Nobody, &url)
                .answers("hello world")
                .with("expires", "Sun, 22 Nov 2026 19:54:31 GMT"),
            get("061-sign-download-named", As::Nobody, &format!("{url}&download=x.txt"))
                .answers("hello world")
                .with("content-disposition", "attachment; filename=x.txt; filename*=UTF-8''x.txt"),
            get("062-sign-download-badtoken", As::Nobody, &format!("{path}?token=abc"))
                .refuses(BAD_TOKEN),
            get("063-sign-download-notoken", As::Nobody, path)
                .refuses(r#"{"statusCode":"400","error":"Error","message":"querystring must have required property 'token'","code":"InvalidRequest"}"#),
            get("064-sign-download-otherpath", As::Nobody, &other)
                .refuses(r#"{"statusCode":"400","error":"InvalidSignature","message":"Invalid signature","code":"InvalidSignature"}"#),
            get("another-signature", As::Nobody, &format!("{url}x"))
                .refuses(r#"{"statusCode":"400","error":"InvalidJWT","message":"signature verification failed","code":"InvalidJWT"}"#),
            post("066-sign-missing", As::Alice, "/object/sign/private/{A}/none.txt")
                .json(r#"{"expiresIn":60}"#)
                .refuses(NO_SUCH_KEY),
            post("067-sign-denied", As::Bob, path).json(r#"{"expiresIn":60}"#).refuses(NO_SUCH_KEY),
            post("no time", As::Alice, path)
                .json(r#"{"expiresIn":"soon"}"#)
                .refuses(r#"{"statusCode":"400","error":"Error","message":"body/expiresIn must be integer","code":"InvalidRequest"}"#),
            post("068-sign-noexp", As::Alice, path)
                .json("{}")
                .refuses(r#"{"statusCode":"400","error":"Error","message":"body must have required property 'expiresIn'","code":"InvalidRequest"}"#),
        ])
        .await;
    world.server.wait(60);
    let expired = get("065-sign-download-expired", As::Nobody, &url)
        .refuses(r#"{"statusCode":"400","error":"InvalidJWT","message":"\"exp\" claim timestamp check failed","code":"InvalidJWT"}"#);
    world.check(vec![expired]).await;
}

#[tokio::test]
async fn many_are_signed_at_once() {
    let world = World::with_object().await;
    let case = post("069-sign-many", As::Alice, "/object/sign/private")
        .json(r#"{"expiresIn":60,"paths":["{A}/h.txt","{A}/none.txt"]}"#);
    let signed = world.send(&case).await.json();
    assert_eq!(signed[0]["path"], world.fill("{A}/h.txt"));
    assert!(signed[0]["error"].is_null() && signed[1]["signedURL"].is_null());
    assert_eq!(
        signed[1]["error"],
        "Either the object does not exist or you do not have access to it"
    );
    let url = signed[0]["signedURL"].as_str().unwrap();
    world.check(vec![get("signed", As::Nobody, url).answers("hello world")]).await;
}

#[tokio::test]
async fn signed_uploads() {
    let world = World::new().await;
    let path = "/object/upload/sign/private/{A}/up.txt";
    let answer = world.send(&post("070-upload-sign", As::Alice, path).json("{}")).await.json();
    let url = answer["url"].as_str().unwrap();
    assert!(url.ends_with(answer["token"].as_str().unwrap()));
    let download = url.replacen("/object/upload/sign", "/object/sign", 1);
    world
        .check(vec![
            put("071-upload-sign-put", As::Nobody, url)
                .text("hello world")
                .answers(r#"{"Key":"private/{A}/up.txt"}"#),
            get("uploaded", As::Alice, "/object/private/{A}/up.txt").answers("hello world"),
            put("072-upload-sign-put-again", As::Nobody, url)
                .text("hello world")
                .refuses(r#"{"statusCode":"409","error":"Duplicate","message":"The resource already exists","code":"KeyAlreadyExists"}"#),
            put("073-upload-sign-bad", As::Nobody, &format!("{path}?token=abc"))
                .text("hello world")
                .refuses(BAD_TOKEN),
            post("074-upload-sign-denied", As::Bob, path)
                .refuses(r#"{"statusCode":"403","error":"Unauthorized","message":"new row violates row-level security policy","code":"AccessDenied"}"#),
            get("a-token-for-uploads-reads-nothing", As::Nobody, &download)
                .refuses(r#"{"statusCode":"400","error":"InvalidSignature","message":"Invalid signature","code":"InvalidSignature"}"#),
        ])
        .await;
}
