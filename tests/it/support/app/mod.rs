//! An application of its own for each test, on ports of the system's choice, in a folder of its own.

mod settings;
mod supabase;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use chat_backend::app::App;
use chat_backend::clock::Clock;
use chat_backend::config::Config;
use chat_backend::http::metrics_endpoint;
use chat_backend::server::connections::Connections;
use chat_backend::{router, server};
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::settings::{
    CHECKPOINT_EVERY_MS, HEAD_TIMEOUT_MS, IDLE_TIMEOUT_MS, PEER_ANSWER_MS, REQUEST_TIMEOUT_MS,
    UNSAVED_PATIENCE_MS, WRITE_TIMEOUT_MS, config,
};
use super::Reply;
use super::remote::remote;
use super::until::TIMEOUT;

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

    /// Finishes deletions of accounts, as the server does from time to time.
    pub async fn finish_deletions(&self) {
        self.accounts.finish_claimed().await;
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
