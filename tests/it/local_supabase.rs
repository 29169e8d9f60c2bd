//! Where the local Supabase is served, and what it says of itself.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{BOUNDARY, Form, Reply, TestApp, skipped_on_a_real_supabase};

const PUBLIC: &str = "https://chat.example.com/supabase";

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    use base64::Engine;
    let payload = token.split('.').nth(1).unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test]
async fn behind_a_proxy_one_port_and_one_name_are_enough() {
    if skipped_on_a_real_supabase("the local Supabase") {
        return;
    }
    let settings = [("LOCAL_SUPABASE_PATH", "/supabase/"), ("SUPABASE_PUBLIC_URL", PUBLIC)];
    let app = TestApp::with(&settings).await;
    let ask = |method: Method, path: &str| {
        let request = app.http.request(method, format!("{}{path}", app.url));
        request.header("host", "chat.example.com").header("apikey", "sb_publishable_local")
    };
    // Auth, REST and the API, all of the API's listener.
    let sign_up = ask(Method::POST, "/supabase/auth/v1/signup");
    let user = json!({ "email": "ada@example.com", "password": "correct horse" });
    let session = Reply::send(sign_up.json(&user)).await.expect(200);
    let token = session["access_token"].as_str().unwrap();
    assert_eq!(claims(token)["iss"], format!("{PUBLIC}/auth/v1"));
    let chat = ask(Method::POST, "/api/chats/").bearer_auth(token);
    Reply::send(chat.json(&json!({ "title": "Trip" }))).await.expect(201);
    let rows = ask(Method::GET, "/supabase/rest/v1/chats?select=title").bearer_auth(token);
    assert_eq!(Reply::send(rows).await.expect(200), json!([{ "title": "Trip" }]));

    // A signed address leads there too.
    let form = Form::file("notes.txt", "text/plain", "hello").finished();
    let upload = ask(Method::POST, "/api/files/").bearer_auth(token);
    let upload = upload.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let upload = upload.body(form);
    let file = Reply::send(upload).await.expect(201);
    let url = file["url"].as_str().unwrap();
    let path = url.strip_prefix("https://chat.example.com").expect(url);
    let bytes = Reply::send(ask(Method::GET, path)).await;
    assert_eq!((bytes.status, bytes.text.as_str()), (200, "hello"));

    // Everything else is as without it.
    let unknown = Reply::send(ask(Method::GET, "/supabase/nothing")).await;
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &json!("not_found")));
    let refused = Reply::send(ask(Method::GET, "/supabase/").header("host", "evil.example")).await;
    assert_eq!(refused.status, 421);
    let preflight = ask(Method::OPTIONS, "/supabase/rest/v1/chats");
    let preflight = preflight.header("origin", "http://localhost:3000");
    let preflight = preflight.header("access-control-request-method", "GET");
    let allowed = Reply::send(preflight).await;
    let origins: Vec<_> = allowed.headers.get_all("access-control-allow-origin").iter().collect();
    assert_eq!(origins, ["http://localhost:3000"]);
    assert_eq!(Reply::send(ask(Method::GET, "/nothing")).await.problem(404), "route_not_found");
}

#[tokio::test]
async fn without_a_path_it_has_its_own_port_alone() {
    if skipped_on_a_real_supabase("the local Supabase") {
        return;
    }
    let app = TestApp::with(&[]).await;
    let reply = app.http.get(format!("{}/supabase/auth/v1/health", app.url));
    assert_eq!(Reply::send(reply).await.problem(404), "route_not_found");
    let alice = app.user("alice").await;
    let issuer = claims(&alice.token)["iss"].clone();
    assert_eq!(issuer, format!("{}/auth/v1", app.supabase_url));
}
