//! Sign-ins of users at MCP servers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::Response;
use chat_backend::config::file::ToolEntry;
use chat_backend::config::{FileConfig, FileHandle, Project};
use chat_backend::memory::Memory;
use chat_backend::observability::metrics::Metrics;
use chat_backend::seal::SealKeys;
use chat_backend::supabase::Supabase;
use chat_backend::tool_sources::egress::{Egress, EgressSettings};
use chat_backend::tool_sources::mcp::oauth::{Services, SignIns};
use chat_backend::tool_sources::mcp::{Connections, McpSource};
use futures_util::future::join_all;
use reqwest::{Method, Url};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::caller::{Caller, failure, output};
use super::server::{Request, Server, message, modern, reply, status, text, tools};
use crate::support::{Reply, TestApp, User, skipped_on_a_real_supabase};

const KEY: &str = "a key of thirty-two characters or more";

/// What an authorization server knows. It takes the second use of a refresh token for a theft.
#[derive(Default)]
struct Tokens {
    issued: u32,
    refreshes: u32,
    is_revoked: bool,
    /// How the next refresh is answered instead.
    trouble: Option<u16>,
    /// How the metadata is wrong.
    lie: Option<(&'static str, Value)>,
}

impl Tokens {
    fn issue(&mut self) -> Response {
        self.issued += 1;
        let n = self.issued;
        message(&json!({ "access_token": format!("access-{n}"), "token_type": "Bearer",
            "refresh_token": format!("refresh-{n}"), "expires_in": 600 }))
    }

    fn token(&mut self, form: &HashMap<String, String>) -> Response {
        if form["grant_type"] == "authorization_code" {
            let is_right = form["code"] == "the-code" && form["code_verifier"].len() == 64;
            return if is_right { self.issue() } else { refused("invalid_grant") };
        }
        self.refreshes += 1;
        if let Some(trouble) = self.trouble.take() {
            return status(trouble);
        }
        if self.is_revoked || form["refresh_token"] != format!("refresh-{}", self.issued) {
            self.is_revoked = true;
            return refused("invalid_grant");
        }
        self.issue()
    }
}

fn refused(error: &str) -> Response {
    reply(400, "application/json", json!({ "error": error }).to_string())
}

fn form(body: &str) -> HashMap<String, String> {
    serde_urlencoded::from_str(body).unwrap()
}

struct Stage {
    server: Server,
    tokens: Arc<Mutex<Tokens>>,
    app: TestApp,
    file: String,
}

async fn stage() -> Stage {
    let tokens = Arc::<Mutex<Tokens>>::default();
    let known = tokens.clone();
    let server = Server::start(move |request| answer(request, &mut known.lock().unwrap())).await;
    let host = server.url.trim_start_matches("http://").trim_end_matches("/mcp");
    let file = format!(
        "allow_hosts = [\"{host}\"]\npublic_url = \"https://chat.example\"\n[[tools]]\nkind = \"mcp\"\n\
         name = \"shop\"\nurl = \"{}\"\nauth = {{ kind = \"oauth\" }}\n",
        server.url
    );
    let path = std::env::temp_dir().join(format!("chat-backend-{}.toml", uuid::Uuid::new_v4()));
    std::fs::write(&path, &file).unwrap();
    let path = path.display().to_string();
    let app = TestApp::with(&[("CONFIG_FILE", &path), ("SEAL_KEY", KEY)]).await;
    std::fs::remove_file(path).unwrap();
    Stage { server, tokens, app, file }
}

fn answer(request: &Request, tokens: &mut Tokens) -> Response {
    let base = format!("http://{}", request.header("host").unwrap());
    let lied = |mut document: Value| {
        if let Some((field, value)) = &tokens.lie {
            document[*field] = value.clone();
        }
        message(&document)
    };
    match request.path.as_str() {
        "/.well-known/oauth-protected-resource/mcp" => lied(json!({
            "resource": format!("{base}/mcp"), "authorization_servers": [format!("{base}/tenant")] })),
        "/.well-known/oauth-authorization-server/tenant" => lied(json!({
            "issuer": format!("{base}/tenant"), "authorization_endpoint": format!("{base}/authorize"),
            "token_endpoint": format!("{base}/token"), "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true })),
        "/token" => tokens.token(&form(&request.body)),
        "/mcp" => {
            let token = request.header("authorization").unwrap_or_default();
            if tokens.is_revoked || token != format!("Bearer access-{}", tokens.issued) {
                let place = format!("{base}/.well-known/oauth-protected-resource/mcp");
                let challenge = format!("Bearer resource_metadata=\"{place}\", scope=\"orders\"");
                let mut response = status(401);
                response.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
                return response;
            }
            modern(request, &tools(&["look"]), |request| message(&text(request, "seen")))
        }
        _ => status(404),
    }
}

impl Stage {
    /// The query with which the authorization server sends the user back.
    async fn begin(&self, user: &User) -> HashMap<String, String> {
        let started = user.get("/api/tools/oauth/shop/start").await.expect(200);
        let url = Url::parse(started["authorization_url"].as_str().unwrap()).unwrap();
        let sent: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(sent["client_id"], "https://chat.example/api/tools/oauth/client.json");
        assert_eq!(sent["redirect_uri"], "https://chat.example/api/tools/oauth/shop/callback");
        assert_eq!(
            (sent["code_challenge_method"].as_str(), sent["scope"].as_str()),
            ("S256", "orders")
        );
        assert_eq!(sent["resource"], self.server.url);
        let issuer = self.server.url.replace("/mcp", "/tenant");
        let query = [("state", &*sent["state"]), ("code", "the-code"), ("iss", &issuer)];
        query.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    async fn come_back(&self, query: &HashMap<String, String>) -> Reply {
        let query = serde_urlencoded::to_string(query).unwrap();
        self.app.get(&format!("/api/tools/oauth/shop/callback?{query}")).await
    }

    async fn sign_in(&self, user: &User) {
        let mut query = self.begin(user).await;
        query.insert("confirm".into(), "true".into());
        let page = self.come_back(&query).await;
        assert_eq!(page.status, 200, "{}", page.text);
    }

    /// The source as a replica has it.
    fn replica(&self) -> McpSource {
        let file = FileConfig::parse(&self.file, Path::new("."), &HashMap::new()).unwrap();
        let settings = EgressSettings { hosts: file.allow_hosts.clone(), ..Default::default() };
        let egress = Egress::new(settings, Memory::new(64 << 20), Metrics::default()).unwrap();
        let project = Project {
            url: self.app.supabase_url.clone(),
            public_url: self.app.supabase_url.clone(),
            anon_key: self.app.anon_key.as_str().into(),
            service_role_key: None,
            jwt_secret: None,
        };
        let clock = self.app.clock.clone();
        let services = Services {
            egress: egress.clone(),
            supabase: Supabase::new(&project, Duration::from_secs(20), clock.clone()).unwrap(),
            seal_keys: SealKeys::new(&[SecretString::from(KEY)]),
            clock,
        };
        let sign_ins = SignIns::new(FileHandle::from(file.clone()), services);
        let [ToolEntry::Mcp(entry)] = &file.tools[..] else { panic!() };
        McpSource::new(entry, &file, &egress, &Connections::new(), &sign_ins).unwrap()
    }

    fn refreshes(&self) -> u32 {
        self.tokens.lock().unwrap().refreshes
    }
}

fn caller(user: &User) -> Caller {
    Caller::with_token(user.id.parse().unwrap(), &user.token)
}

#[tokio::test]
async fn two_hundred_calls_with_an_expired_token_refresh_it_once() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage().await;
    let user = stage.app.user("anna").await;
    let replicas = [stage.replica(), stage.replica()];
    let caller = caller(&user);
    let not_yet = caller.list(&replicas[0]).await.unwrap_err();
    assert_eq!(not_yet.0, "You are not signed in at shop. Connect it, then ask again.");
    stage.sign_in(&user).await;
    let stored =
        user.rest(Method::POST, "/rpc/tool_token", Some(json!({ "p_source": "shop" }))).await;
    assert!(!stored.expect(200).to_string().contains("access-1"));

    stage.app.clock.advance(Duration::from_secs(590));
    let calls = (0..200).map(|n| caller.call(&replicas[n % 2], "look", json!({})));
    for outcome in join_all(calls).await {
        assert_eq!(output(&outcome), "seen");
    }
    assert_eq!(stage.refreshes(), 1);

    // The server ends a token before its time.
    stage.tokens.lock().unwrap().issued += 1;
    let calls = (0..20).map(|n| caller.call(&replicas[n % 2], "look", json!({})));
    for outcome in join_all(calls).await {
        let (sentence, may_have_happened) = failure(outcome);
        assert!(sentence.contains("not signed in") && !may_have_happened, "{sentence}");
    }
    assert_eq!(stage.refreshes(), 2, "its refresh token is known to be worthless");
}

#[tokio::test]
async fn a_refresh_whose_outcome_nobody_knows_is_made_once_more() {
    if skipped_on_a_real_supabase("a clock that can be moved") {
        return;
    }
    let stage = stage().await;
    let user = stage.app.user("anna").await;
    let (source, caller) = (stage.replica(), caller(&user));
    stage.sign_in(&user).await;
    stage.app.clock.advance(Duration::from_secs(590));
    let call = async || caller.call(&source, "look", json!({})).await;
    // A refusal that says that nothing has happened does not count.
    stage.tokens.lock().unwrap().trouble = Some(429);
    assert!(failure(call().await).0.contains("does not renew"));
    for _ in 0..2 {
        stage.tokens.lock().unwrap().trouble = Some(500);
        assert!(failure(call().await).0.contains("does not renew"));
        stage.app.clock.advance(Duration::from_secs(21));
    }
    assert!(failure(call().await).0.contains("not signed in"));
    assert_eq!(stage.refreshes(), 3);
    // Another sign-in heals it.
    stage.sign_in(&user).await;
    assert_eq!(output(&call().await), "seen");
    user.delete("/api/tools/oauth/shop").await.expect(204);
    assert!(failure(call().await).0.contains("not signed in"));
    assert_eq!(user.delete("/api/tools/oauth/shop").await.problem(404), "not_found");
}

#[tokio::test]
async fn a_sign_in_is_the_users_who_began_it() {
    let stage = stage().await;
    let user = stage.app.user("anna").await;
    let query = stage.begin(&user).await;
    let with = |name: &str, value: &str| {
        let mut query = query.clone();
        query.insert("confirm".into(), "true".into());
        query.insert(name.into(), value.into());
        query
    };
    // The page asks first, and says whose account it is.
    let page = stage.come_back(&query).await;
    let html = page.text;
    assert!(
        page.status == 200 && html.contains("account anna") && html.contains("confirm=true"),
        "{html}"
    );
    for wrong in
        [with("iss", "http://other.example"), with("state", "forged"), with("code", "another")]
    {
        assert_eq!(stage.come_back(&wrong).await.status, 400);
    }
    let mut nameless = with("confirm", "true");
    nameless.remove("iss");
    assert_eq!(stage.come_back(&nameless).await.status, 400);
    let codes = stage.server.received();
    let codes = codes.iter().filter(|request| request.path == "/token");
    assert_eq!(codes.count(), 1, "the code goes to the server that was asked, and to no other");
    assert_eq!(stage.app.get("/api/tools/oauth/other/callback?state=x").await.status, 404);

    let client = stage.app.get("/api/tools/oauth/client.json").await.expect(200);
    assert_eq!(client["redirect_uris"][0], "https://chat.example/api/tools/oauth/shop/callback");
}

#[tokio::test]
async fn metadata_that_lies_is_not_followed() {
    let stage = stage().await;
    let user = stage.app.user("anna").await;
    let issuer = stage.server.url.replace("/mcp", "/tenant");
    for (field, value) in [
        ("resource", json!("https://other.example/mcp")),
        ("issuer", json!(format!("{issuer}/"))),
        ("code_challenge_methods_supported", json!(["plain"])),
        ("token_endpoint", json!("http://[::ffff:169.254.169.254]/token")),
        ("authorization_endpoint", json!("http://127.0.0.1:6379/")),
        ("authorization_servers", json!(["http://127.0.0.1:6379/"])),
        ("client_id_metadata_document_supported", json!(false)),
    ] {
        stage.tokens.lock().unwrap().lie = Some((field, value));
        let refused = user.get("/api/tools/oauth/shop/start").await;
        assert_eq!(refused.problem(502), "sign_in_failed", "{field}");
    }
}
