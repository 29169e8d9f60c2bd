//! An application of its own for each test, on ports of the system's choice, in a folder of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use chat_backend::app::App;
use chat_backend::clock::Clock;
use chat_backend::config::{Config, SupabaseConfig};
use chat_backend::http::metrics_endpoint;
use chat_backend::local_supabase::PASSWORD_KIB_LEAST;
use chat_backend::server::connections::Connections;
use chat_backend::{router, server};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::remote::remote;
use super::{Reply, User};

/// A setting that only tests have: how often a running answer is saved.
pub const CHECKPOINT_EVERY_MS: &str = "CHECKPOINT_EVERY_MS";
/// A setting that only tests have: the longest a plain request may take.
pub const REQUEST_TIMEOUT_MS: &str = "TEST_REQUEST_TIMEOUT_MS";
/// How long clients wait for the end of an answer to be saved; only tests change it.
pub const UNSAVED_PATIENCE_MS: &str = "UNSAVED_PATIENCE_MS";
/// Settings that only tests have: how long a connection may do nothing before and in a head, between
/// requests, and with an answer unread.
pub const HEAD_TIMEOUT_MS: &str = "HEAD_TIMEOUT_MS";
pub const IDLE_TIMEOUT_MS: &str = "IDLE_TIMEOUT_MS";
pub const WRITE_TIMEOUT_MS: &str = "WRITE_TIMEOUT_MS";

/// A setting that only tests have: how long another replica may take to answer.
pub const PEER_ANSWER_MS: &str = "PEER_ANSWER_MS";

/// What has not happened by then never will.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A running application.
pub struct TestApp {
    pub url: String,
    /// The local Supabase, or the one that the tests run on.
    pub supabase_url: String,
    pub anon_key: String,
    service_key: Option<String>,
    /// The time of day; it stands still until a test moves it, but on a real Supabase it goes.
    pub clock: Clock,
    pub http: reqwest::Client,
    pub data_dir: PathBuf,
    settings: HashMap<String, String>,
    stop: CancellationToken,
    pub metrics_url: Option<String>,
    generations: chat_backend::agent::Generations,
    files: chat_backend::api::files::Files,
    providers: chat_backend::providers::Providers,
    ai: chat_backend::api::ai::Ai,
    accounts: chat_backend::api::account::Accounts,
    memory: chat_backend::memory::Memory,
    state: chat_backend::app::AppState,
}

/// An application with nothing set.
pub async fn app() -> TestApp {
    TestApp::with(&[]).await
}

impl TestApp {
    /// An application with these settings.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let data_dir = std::env::temp_dir().join(format!("chat-backend-test-{}", Uuid::new_v4()));
        let mut all = HashMap::new();
        for (name, value) in settings {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        let remote = remote().filter(|_| !all.contains_key("SUPABASE_URL"));
        let clock = match remote {
            Some(_) => Clock::System,
            None => Clock::fixed(jiff::Timestamp::from_second(1_800_000_000).unwrap()),
        };
        if let Some(remote) = remote {
            all.insert("SUPABASE_URL".into(), remote.url.clone());
            all.insert("SUPABASE_ANON_KEY".into(), remote.anon_key.clone());
            all.insert("SUPABASE_SERVICE_ROLE_KEY".into(), remote.service_key.clone());
        }
        Self::start(data_dir, all, clock, Self::listener().await).await
    }

    /// A listener for an application whose address has to be known before it starts.
    pub async fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").await.unwrap()
    }

    async fn start(
        data_dir: PathBuf,
        settings: HashMap<String, String>,
        clock: Clock,
        listener: TcpListener,
    ) -> Self {
        let config = config(&data_dir, &settings);
        let app = App::build(config, clock.clone()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let supabase_url = app.project.public_url.clone();
        let anon_key = app.project.anon_key.expose_secret().to_owned();
        let service_key = app.project.service_role_key.as_ref();
        let service_key = service_key.map(|key| key.expose_secret().to_owned());
        let generations = app.state.generations.clone();
        let files = app.state.files.clone();
        let ai = app.state.ai.clone();
        let accounts = app.state.accounts.clone();
        let providers = ai.providers().clone();
        let memory = app.state.auth.memory.clone();
        let state = app.state.clone();
        let stop = CancellationToken::new();
        let connections = || Connections::new(app.config.max_connections, &app.config);
        let api = router::router(&app);
        tokio::spawn(server::listen(listener, api, connections(), stop.clone()));
        if let Some(local) = app.local_supabase {
            let (listener, router) = (local.listener, telling_time(local.router, clock.clone()));
            tokio::spawn(server::listen(listener, router, connections(), stop.clone()));
        }
        let metrics_url = app.monitoring.map(|listener| {
            let url = format!("http://{}/metrics", listener.local_addr().unwrap());
            let metrics =
                metrics_endpoint::router(app.log.metrics.clone(), app.state.ai.providers().clone());
            tokio::spawn(server::listen(listener, metrics, connections(), stop.clone()));
            url
        });
        Self {
            url,
            supabase_url,
            anon_key,
            service_key,
            clock,
            http: plain_client(),
            data_dir,
            settings,
            stop,
            generations,
            files,
            providers,
            ai,
            accounts,
            memory,
            state,
            metrics_url,
        }
    }

    /// The key that row-level security does not bind, or nothing where there is none.
    pub fn service_key(&self) -> &str {
        self.service_key.as_deref().unwrap_or_default()
    }

    /// Stores rows as the service role can, which may set every column.
    pub async fn store(&self, table: &str, rows: &serde_json::Value) {
        let url = format!("{}/rest/v1/{table}", self.supabase_url);
        let key = self.service_key.as_deref().unwrap();
        let request = self.http.post(url).header("apikey", key).json(rows);
        // Gateways put a new key's token in its place; a legacy key is the token.
        Reply::send(request.bearer_auth(key)).await.expect(201);
    }

    /// Calls a function of the database with the service key.
    pub async fn call_as_service(
        &self,
        function: &str,
        arguments: &serde_json::Value,
    ) -> serde_json::Value {
        let url = format!("{}/rest/v1/rpc/{function}", self.supabase_url);
        let key = self.service_key.as_deref().unwrap();
        let request = self.http.post(url).header("apikey", key).bearer_auth(key).json(arguments);
        Reply::send(request).await.expect(200)
    }

    /// A request to Supabase with the service key.
    pub async fn as_service(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> Reply {
        let url = format!("{}{path}", self.supabase_url);
        let key = self.service_key.as_deref().unwrap();
        let request = self.http.request(method, url).header("apikey", key).bearer_auth(key);
        Reply::send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// Finishes deletions of accounts, as the server does from time to time.
    pub async fn finish_deletions(&self) {
        self.accounts.finish_claimed().await;
    }

    /// Gives the bucket of all files a limit of its own.
    pub async fn limit_bucket(&self, bytes: u64) {
        let url = format!("{}/storage/v1/bucket/files", self.supabase_url);
        let key = self.service_key.as_deref().unwrap();
        let request = self.http.put(url).header("apikey", key).bearer_auth(key);
        let limit = json!({ "id": "files", "name": "files", "public": false,
            "file_size_limit": bytes });
        Reply::send(request.json(&limit)).await.expect(200);
    }

    /// Another replica on the same Supabase.
    pub async fn replica(&self, settings: &[(&str, &str)]) -> Self {
        self.replica_at(Self::listener().await, settings).await
    }

    /// Another replica on the same Supabase, which listens there.
    pub async fn replica_at(&self, listener: TcpListener, settings: &[(&str, &str)]) -> Self {
        let mut all = self.settings.clone();
        all.insert("SUPABASE_URL".into(), self.supabase_url.clone());
        all.insert("SUPABASE_ANON_KEY".into(), self.anon_key.clone());
        all.extend(settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let folder = std::env::temp_dir().join(format!("chat-backend-test-{}", Uuid::new_v4()));
        Self::start(folder, all, self.clock.clone(), listener).await
    }

    /// Why an application with these settings does not start.
    pub async fn refused(settings: &[(&str, &str)]) -> String {
        let data_dir = std::env::temp_dir().join(format!("chat-backend-test-{}", Uuid::new_v4()));
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let built = App::build(config(&data_dir, &settings), Clock::System).await;
        let _ = std::fs::remove_dir_all(&data_dir);
        built.err().expect("it starts").to_string()
    }

    /// Offers the tools of these sources, besides the built-in ones.
    pub fn offer(&self, sources: &[std::sync::Arc<super::FakeSource>]) {
        let sources = sources.iter().map(|source| {
            source.clone() as std::sync::Arc<dyn chat_backend::agent::tools::source::ToolSource>
        });
        self.ai.sources().replace(sources.collect());
    }

    /// Asks the providers for their models now.
    pub async fn refresh_models(&self) {
        self.providers.refresh_models().await;
    }

    /// Reads the configuration file again.
    pub fn reload_file(&self) -> Result<(), chat_backend::config::ConfigError> {
        self.state.reload_file()
    }

    /// Sets what a user's next tokens say of the application's own.
    pub async fn set_app_metadata(&self, user: &User, metadata: serde_json::Value) {
        let path = format!("/users/{}", user.id);
        let body = json!({ "app_metadata": metadata });
        self.administer(Method::PUT, &path, &body).await.expect(200);
    }

    /// Frees what this server had claimed, as it does at its start.
    pub async fn release_own_leases(&self) {
        self.ai.release_own_leases().await;
    }

    /// Ends generations as a shutdown without patience does.
    pub async fn shut_down(&self) {
        self.generations.finish(Duration::ZERO).await;
    }

    /// How many answers are written here.
    pub fn running(&self) -> usize {
        self.generations.running()
    }

    /// Begins to stop, as on a signal; running answers have time.
    pub fn begin_to_stop(&self) -> tokio::task::JoinHandle<()> {
        let generations = self.generations.clone();
        generations.drain();
        tokio::spawn(async move { generations.finish(TIMEOUT).await })
    }

    /// Waits until bodies and answers hold as many bytes as that.
    pub async fn holds(&self, is_it: impl Fn(usize) -> bool) {
        let waiting = async {
            while !is_it(self.memory.held()) {
                tokio::task::yield_now().await;
            }
        };
        let held = || format!("{} bytes are held", self.memory.held());
        tokio::time::timeout(TIMEOUT, waiting).await.unwrap_or_else(|_| panic!("{}", held()));
    }

    /// Waits until no file is being uploaded, deleted or swept.
    pub async fn wait_for_file_tasks(&self) {
        self.files.finish().await;
    }

    /// Rows and bytes that do not belong together.
    pub async fn orphans(&self) -> chat_backend::api::files::Orphans {
        self.files.orphans().await.unwrap()
    }

    /// What `chat-backend check` says of the Supabase in use.
    pub async fn check(&self) -> chat_backend::cli::check::Report {
        let key = self.service_key.clone().unwrap_or_default();
        let config = Config::from_variables(&HashMap::from([
            ("SUPABASE_URL".into(), self.supabase_url.clone()),
            ("SUPABASE_ANON_KEY".into(), self.anon_key.clone()),
            ("SUPABASE_SERVICE_ROLE_KEY".into(), key),
        ]));
        chat_backend::cli::check::run(config.unwrap(), self.clock.clone()).await
    }

    /// How many bytes Storage keeps for the only user with files, object by object.
    pub async fn stored_bytes(&self, user: &User) -> Vec<u64> {
        let mut stored = user.stored_bytes().await;
        stored.sort_unstable();
        if remote().is_none() {
            // The local Supabase's folder has nothing else either.
            let entries = std::fs::read_dir(self.data_dir.join("storage")).unwrap();
            let mut kept: Vec<_> =
                entries.map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
            kept.sort_unstable();
            assert_eq!(kept, stored);
        }
        stored
    }

    /// A new user, signed in.
    pub async fn user(&self, name: &str) -> User {
        let email = format!("{name}-{}@example.com", Uuid::new_v4().simple());
        let mut body = json!({ "email": email, "password": "correct horse" });
        if remote().is_none() {
            let session = self.auth("/signup", &body).await.expect(200);
            return User::new(self, &session);
        }
        // A real project may want an address to be confirmed.
        body["email_confirm"] = json!(true);
        self.administer(Method::POST, "/users", &body).await.expect(200);
        let session = self.auth("/token?grant_type=password", &body).await.expect(200);
        User::new(self, &session)
    }

    /// A new anonymous user.
    pub async fn anonymous_user(&self) -> User {
        let session = self.auth("/signup", &json!({})).await.expect(200);
        User::new(self, &session)
    }

    /// Deletes a user, whose token goes on being good.
    pub async fn delete_user(&self, user: &User) {
        let path = format!("/users/{}", user.id);
        self.administer(Method::DELETE, &path, &json!({})).await.expect(200);
    }

    /// A request to Auth, as supabase-js sends it.
    pub async fn auth(&self, path: &str, body: &serde_json::Value) -> Reply {
        let url = format!("{}/auth/v1{path}", self.supabase_url);
        let request = self.http.post(url).header("apikey", &self.anon_key).json(body);
        Reply::send(request).await
    }

    /// A request to Auth with the service key.
    async fn administer(&self, method: Method, path: &str, body: &serde_json::Value) -> Reply {
        let key = self.service_key.as_deref().unwrap();
        let url = format!("{}/auth/v1/admin{path}", self.supabase_url);
        let request = self.http.request(method, url).header("apikey", key).json(body);
        // Gateways put a new key's token in its place; a legacy key is the token.
        Reply::send(request.bearer_auth(key)).await
    }

    /// The metrics, as Prometheus reads them.
    pub async fn metrics(&self) -> String {
        let url = self.metrics_url.as_deref().unwrap();
        let reply = Reply::send(self.http.get(url)).await;
        assert!(reply.header("content-type").starts_with("application/openmetrics-text"));
        reply.text
    }

    /// A request without a token.
    pub async fn get(&self, path: &str) -> Reply {
        Reply::send(self.http.get(format!("{}{path}", self.url))).await
    }

    /// A request with any token.
    pub async fn get_as(&self, path: &str, token: &str) -> Reply {
        Reply::send(self.http.get(format!("{}{path}", self.url)).bearer_auth(token)).await
    }
}

/// A client without TLS, whose certificates would take longer to read than many a test.
fn plain_client() -> reqwest::Client {
    let is_plain = remote().is_none_or(|remote| remote.url.starts_with("http:"));
    let client = reqwest::Client::builder().no_proxy();
    let client = if is_plain { client.tls_certs_only([]) } else { client };
    client.build().unwrap()
}

/// A server whose answers are dated by this clock, not by the machine's.
fn telling_time(router: Router, clock: Clock) -> Router {
    router.layer(map_response(move |mut response: Response| {
        let date = httpdate::fmt_http_date(clock.now().into()).parse().unwrap();
        response.headers_mut().insert("date", date);
        std::future::ready(response)
    }))
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
        // A folder that is left behind is no reason to fail.
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}

/// The settings of a test, which keeps the data it has in `data_dir`.
pub fn config(data_dir: &Path, settings: &HashMap<String, String>) -> Config {
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0)).to_string();
    let data_dir = data_dir.display().to_string();
    // Looking for Python takes time, which only tests of scripts have.
    let ours = [
        ("DATA_DIR", data_dir.as_str()),
        ("LOCAL_SUPABASE_ADDR", any_port.as_str()),
        ("RATE_LIMIT_PER_MINUTE", "0"),
        ("GENERATIONS_PER_MINUTE", "0"),
        ("SCRIPT_PYTHON", "off"),
    ];
    let ours = ours.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut variables = HashMap::from(ours);
    variables.extend(settings.clone());
    let mut config = Config::from_variables(&variables).unwrap();
    config.providers.scripted.pace = Duration::ZERO;
    let millis = |name| Some(Duration::from_millis(settings.get(name)?.parse().unwrap()));
    config.checkpoint_every = millis(CHECKPOINT_EVERY_MS).unwrap_or(config.checkpoint_every);
    if let SupabaseConfig::Local(local) = &mut config.supabase {
        local.password_kib = Some(PASSWORD_KIB_LEAST);
    }
    config.scripts.program = env!("CARGO_BIN_EXE_chat-backend").into();
    config.request_timeout = millis(REQUEST_TIMEOUT_MS).unwrap_or(config.request_timeout);
    config.unsaved_patience = millis(UNSAVED_PATIENCE_MS).unwrap_or(config.unsaved_patience);
    let peers = &mut config.peer_timeouts;
    peers.answer = millis(PEER_ANSWER_MS).unwrap_or(peers.answer);
    let times = &mut config.connection_timeouts;
    times.head = millis(HEAD_TIMEOUT_MS).unwrap_or(times.head);
    times.idle = millis(IDLE_TIMEOUT_MS).unwrap_or(times.idle);
    times.write = millis(WRITE_TIMEOUT_MS).unwrap_or(times.write);
    config
}
