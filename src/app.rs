//! The application: builds and holds all services.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use secrecy::ExposeSecret;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::agent::{
    AnyTool, BuiltIn, CheckpointSlots, Generations, Settings, Sources, TokenRefresher,
};
use crate::api::account::Accounts;
use crate::api::ai::{Ai, SendPostcard, Weather, offered};
use crate::api::files::search::{FileSearch, SearchFilesTool};
use crate::api::files::text::FileTexts;
use crate::api::files::{Files, FilesTool};
use crate::api::messages::ReadMarks;
use crate::api::scripts::{RunScriptTool, Scripts};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, FileHandle, LocalConfig, Project, SupabaseConfig};
use crate::http::allowed_hosts::AllowedHosts;
use crate::http::auth::{self, AuthLayer, Verifier, VerifierSettings};
use crate::http::event_stream::OpenStream;
use crate::http::health::{Health, Probes};
use crate::http::local_supabase_log::local_supabase_log;
use crate::http::middleware::RequestLog;
use crate::http::rate_limit::Limits;
use crate::http::security_log::SecurityLog;
use crate::local::{
    self, LocalSupabase, MigrationsError, OpenError, Options as LocalOptions, PUBLISHABLE_KEY,
};
use crate::memory::Memory;
use crate::observability::metrics::{Metrics, Watched};
use crate::peers::{PeerError, PeerGate, Peers};
use crate::providers::{Providers, SettingsError};
use crate::sandbox::{self, Sandbox};
use crate::seal::SealKeys;
use crate::supabase::{Supabase, SupabaseError};
use crate::tool_sources::SourceBuilder;
use crate::tool_sources::egress::{Egress, EgressSettings};
use crate::tool_sources::mcp::Connections;
use crate::tool_sources::mcp::oauth::{Services as SignInServices, SignIns};

pub use crate::local::{
    BackupContents, BackupError, FunctionDescription, MIGRATIONS, TableDescription, expected_schema,
};

/// How often the rate limits of idle users are removed.
const FORGET_IDLE_EVERY: Duration = Duration::from_secs(300);
/// How often the providers are asked for their models.
const REFRESH_MODELS_EVERY: Duration = Duration::from_secs(3600);

/// The services, and the local Supabase if it is in use.
pub struct App {
    /// What handlers extract.
    pub state: AppState,
    /// The settings it was built from.
    pub config: Config,
    /// The local Supabase, which is served beside the API.
    pub local_supabase: Option<LocalListener>,
    /// The project in use.
    pub project: Project,
    /// The metrics and the security log.
    pub log: RequestLog,
    /// The listener for `/metrics`, if it is enabled.
    pub monitoring: Option<TcpListener>,
}

/// The local Supabase and its listener.
pub struct LocalListener {
    /// The local Supabase.
    pub supabase: LocalSupabase,
    /// Answers `/auth/v1`, `/rest/v1` and `/storage/v1`.
    pub router: Router,
    /// The listener.
    pub listener: TcpListener,
}

impl LocalListener {
    fn logged(self, log: &RequestLog) -> Self {
        let router = self.router.layer(from_fn_with_state(log.clone(), local_supabase_log));
        Self { router, ..self }
    }
}

/// The router's state; cloned for every request.
#[derive(Clone)]
pub struct AppState(Arc<Services>);

impl Deref for AppState {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.0
    }
}

/// The services.
#[allow(missing_docs)]
pub struct Services {
    pub supabase: Supabase,
    pub generations: Generations,
    pub files: Files,
    pub file_search: FileSearch,
    pub read_marks: ReadMarks,
    pub limits: Limits,
    pub ai: Ai,
    pub scripts: Scripts,
    pub accounts: Accounts,
    pub health: Health,
    pub auth: AuthLayer,
    pub clock: Clock,
    pub file: FileHandle,
    /// Makes the sources of tools when the configuration file is read again.
    pub source_builder: SourceBuilder,
    /// Lets the other replicas in, where there are any.
    pub peer_gate: Option<PeerGate>,
    /// The keys of `SEAL_KEY`, where there are any.
    pub seal_keys: Option<SealKeys>,
    pub sign_ins: SignIns,
}

/// Why the application cannot start. The message is one line.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The local Supabase's address is not available.
    #[error(
        "LOCAL_SUPABASE_ADDR: cannot listen on {0}: {1}. Stop what uses it, or set another address"
    )]
    LocalAddress(SocketAddr, std::io::Error),
    /// The metrics' address is not available.
    #[error("METRICS_ADDR: cannot listen on {0}: {1}. Stop what uses it, or set another address")]
    MetricsAddress(SocketAddr, std::io::Error),
    /// The local Supabase cannot be opened.
    #[error("DATA_DIR: {0}")]
    Local(#[from] OpenError),
    /// The migrations of the front end's own tables cannot be read.
    #[error("MIGRATIONS_DIR: {0}")]
    Migrations(#[from] MigrationsError),
    /// The key that is given to browsers is the secret one.
    #[error(
        "SUPABASE_ANON_KEY is the service key, which row-level security does not bind and browsers must \
         not have. Put the publishable (or anon) key there"
    )]
    SecretKey,
    /// A key is unusable.
    #[error("SUPABASE_ANON_KEY or SUPABASE_SERVICE_ROLE_KEY: {0}")]
    Supabase(#[from] SupabaseError),
    /// The key of seals cannot be kept.
    #[error("DATA_DIR: the key of seals cannot be kept: {0}")]
    SealKey(std::io::Error),
    /// The other replicas cannot be asked.
    #[error("PEERS: {0}")]
    Peers(#[from] PeerError),
    /// The configuration file offers what there is not.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// A provider's settings are invalid.
    #[error("{}: {}", .0.setting.to_uppercase(), .0.problem)]
    Providers(#[from] SettingsError),
}

impl BuildError {
    /// Whether another running server uses the data folder.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::Local(OpenError::Locked { .. }))
    }
}

/// The local Supabase of a running server, as front ends see it.
pub fn running_local_supabase(local: &LocalConfig) -> Project {
    let url = url_of(local.addr);
    Project {
        public_url: local.public_url.clone().unwrap_or_else(|| url.clone()),
        url,
        anon_key: PUBLISHABLE_KEY.into(),
        service_role_key: None,
        jwt_secret: None,
    }
}

/// The URL of a listener on this machine; one that listens on all addresses is reached by loopback.
pub fn url_of(addr: SocketAddr) -> String {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, addr.port()))
}

impl AppState {
    /// Whether there is a configuration file.
    pub fn has_file(&self) -> bool {
        self.file.current().path.is_some()
    }

    /// Reads the configuration file again. A wrong one leaves everything as it is.
    pub fn reload_file(&self) -> Result<(), ConfigError> {
        let providers = self.ai.providers();
        let mut sources = Vec::new();
        self.file.reload(|file| {
            offered::check(file, providers)?;
            sources = self.source_builder.build(file)?;
            Ok(())
        })?;
        self.ai.sources().replace(sources);
        providers.set_prices(self.file.current().prices.clone());
        Ok(())
    }
}

impl App {
    /// Builds all services. Opens the local Supabase if no project is configured.
    pub async fn build(config: Config, clock: Clock) -> Result<Self, BuildError> {
        let memory = Memory::new(config.memory_budget_bytes);
        let (project, local_supabase) = project(&config, &clock, &memory).await?;
        if auth::is_service_key(project.anon_key.expose_secret()) {
            return Err(BuildError::SecretKey);
        }
        let monitoring = monitoring(config.metrics_addr).await?;
        let metrics = if monitoring.is_some() { Metrics::on() } else { Metrics::default() };
        let supabase = Supabase::new(&project, config.request_timeout, clock.clone())?
            .charged_to(memory.clone());
        let providers = Providers::new(&config.providers, clock.clone())?;
        offered::check(&config.file.current(), &providers)?;
        providers.set_prices(config.file.current().prices.clone());
        let limits = Limits::new(&config, &clock);
        let files = Files::new(supabase.clone(), &config, clock.clone());
        let sandbox = sandbox(&config);
        let texts = FileTexts::new(files.clone(), sandbox.clone());
        let search = FileSearch::new(supabase.clone(), &files, texts.clone(), limits.clone());
        let scripts = Scripts::new(
            supabase.clone(),
            files.clone(),
            sandbox.clone(),
            config.scripts.timeout,
            clock.clone(),
            config.scripts.retention,
            limits.clone(),
        )
        .counted_by(metrics.clone());
        scripts.cleanup();
        let seal_keys = seal_keys(&config, &project)?;
        let egress = Egress::new(EgressSettings::new(&config), memory.clone(), metrics.clone())
            .map_err(|error| {
                config.file.current().error(&format!("the client of tools: {error}"))
            })?;
        let services = SignInServices {
            egress: egress.clone(),
            supabase: supabase.clone(),
            seal_keys: seal_keys.clone(),
            clock: clock.clone(),
        };
        let sign_ins = SignIns::new(config.file.clone(), services);
        let source_builder = SourceBuilder {
            config: config.clone(),
            supabase: supabase.clone(),
            seal_keys: seal_keys.clone(),
            clock: clock.clone(),
            egress,
            mcp: Connections::new(),
            sign_ins: sign_ins.clone(),
        };
        let built_in = BuiltIn::new("built_in", tools(&files, &texts, &search, &scripts));
        let demo = BuiltIn::new("demo", vec![Arc::new(Weather), Arc::new(SendPostcard)]);
        let sources = Sources::new(built_in, demo, clock.clone(), metrics.clone());
        sources.replace(source_builder.build(&config.file.current())?);
        let token_refresher = TokenRefresher::default();
        let settings = Settings {
            providers: providers.clone(),
            sources: sources.clone(),
            checkpoint_every: config.checkpoint_every,
            checkpoint_slots: supabase
                .has_service_key()
                .then(|| CheckpointSlots::new(config.checkpoint_every)),
            unsaved_patience: config.unsaved_patience,
            generation_timeout: config.generation_timeout,
            approval_ttl: config.approval_ttl,
            outlives_tokens: supabase.has_service_key(),
            clock: clock.clone(),
            metrics: metrics.clone(),
            traces_content: config.traces_capture_content,
        };
        let generations = Generations::new(settings, token_refresher.clone());
        let verifier = verifier(&config, &project, &supabase, &clock);
        let peers = peers(&config, seal_keys.as_ref(), &clock)?;
        let gate = |peers: &Peers| PeerGate::new(peers.clone(), generations.clone());
        let peer_gate = peers.as_ref().map(gate);
        let is_local = local_supabase.is_some();
        let probes = Probes::new(supabase.clone(), verifier.clone(), clock.clone(), is_local);
        forget_idle_users(limits.clone());
        refresh_models(providers.clone());
        let ai = Ai::new(
            supabase.clone(),
            generations.clone(),
            files.clone(),
            texts,
            providers.clone(),
            limits.clone(),
            sources,
            clock.clone(),
        )
        .offering(&config)
        .named(is_local.then_some("local"))
        .with_peers(peers)
        .sealed_with(seal_keys.clone());
        let accounts = Accounts::new(
            supabase.clone(),
            files.clone(),
            clock.clone(),
            &limits,
            token_refresher.clone(),
        );
        let state = Services {
            health: Health::new(probes, providers, generations.clone(), ai.sources().clone()),
            auth: AuthLayer { verifier, limits: limits.clone(), memory, token_refresher },
            accounts,
            supabase,
            generations,
            scripts,
            files,
            file_search: search,
            read_marks: ai.read_marks(),
            ai,
            limits,
            clock,
            file: config.file.clone(),
            source_builder,
            peer_gate,
            seal_keys,
            sign_ins,
        };
        let state = AppState(Arc::new(state));
        watch(&metrics, &state);
        let log = RequestLog { metrics, security: SecurityLog::default() };
        let local_supabase = local_supabase.map(|local| local.logged(&log));
        Ok(Self { state, config, local_supabase, project, log, monitoring })
    }

    /// Whether the local Supabase is in use.
    pub fn is_local(&self) -> bool {
        matches!(self.config.supabase, SupabaseConfig::Local(_))
    }

    /// The local Supabase and the path below which the API's listener serves it, where there is one.
    pub fn local_supabase_path(&self) -> Option<(&str, Router)> {
        let SupabaseConfig::Local(local) = &self.config.supabase else { return None };
        Some((local.path.as_deref()?, self.local_supabase.as_ref()?.router.clone()))
    }
}

/// The keys of `SEAL_KEY`; without that setting one that all who have the same service key make, or one of
/// this folder's own.
fn seal_keys(config: &Config, project: &Project) -> Result<Option<SealKeys>, BuildError> {
    if let Some(keys) = SealKeys::new(&config.seal_keys) {
        return Ok(Some(keys));
    }
    match &config.supabase {
        SupabaseConfig::Local(local) => {
            SealKeys::kept_in(&local.data_dir).map(Some).map_err(BuildError::SealKey)
        }
        SupabaseConfig::Project(_) => {
            Ok(project.service_role_key.as_ref().map(SealKeys::derived_from))
        }
    }
}

/// The other replicas, where there are any.
fn peers(
    config: &Config,
    keys: Option<&SealKeys>,
    clock: &Clock,
) -> Result<Option<Peers>, BuildError> {
    let (Some(list), Some(keys)) = (&config.peers, keys) else { return Ok(None) };
    let peers = Peers::new(list.clone(), keys.clone(), config.peer_timeouts, clock.clone())?;
    Ok(Some(peers))
}

/// The numbers that are read whenever the metrics are.
fn watch(metrics: &Metrics, services: &Services) {
    let generations = services.generations.clone();
    metrics.watch(Watched::Generations, move || generations.running() as u64);
    metrics.watch(Watched::Streams, OpenStream::count);
    let memory = services.auth.memory.clone();
    let limit = memory.limit() as u64;
    metrics.watch(Watched::MemoryUsed, move || memory.held() as u64);
    metrics.watch(Watched::MemoryLimit, move || limit);
}

/// The tools that requests may name.
fn tools(
    files: &Files,
    texts: &FileTexts,
    search: &FileSearch,
    scripts: &Scripts,
) -> Vec<Arc<dyn AnyTool>> {
    vec![
        Arc::new(FilesTool::new(files.clone(), texts.clone())),
        Arc::new(SearchFilesTool::new(search.clone())),
        Arc::new(RunScriptTool::new(scripts.clone())),
    ]
}

fn sandbox(config: &Config) -> Sandbox {
    let scripts = &config.scripts;
    Sandbox::new(sandbox::Settings {
        program: scripts.program.clone(),
        python: scripts.python.clone(),
        private: config.private_paths(),
        limits: sandbox::Limits {
            timeout: scripts.max_timeout,
            memory_bytes: scripts.memory_bytes,
            output_bytes: scripts.output_bytes,
        },
        workers: scripts.workers,
    })
}

fn verifier(config: &Config, project: &Project, supabase: &Supabase, clock: &Clock) -> Verifier {
    let settings = VerifierSettings {
        issuer: format!("{}/auth/v1", project.public_url),
        jwt_secret: project.jwt_secret.clone(),
        has_legacy_keys: auth::is_legacy_key(project.anon_key.expose_secret()),
        allow_anonymous_users: config.allow_anonymous_users,
        file: config.file.clone(),
    };
    Verifier::new(supabase.clone(), settings, clock.clone())
}

/// The configured project, or the local Supabase.
async fn project(
    config: &Config,
    clock: &Clock,
    memory: &Memory,
) -> Result<(Project, Option<LocalListener>), BuildError> {
    let LocalConfig { addr, data_dir, public_url, .. } = match &config.supabase {
        SupabaseConfig::Project(project) => {
            if config.migrations_dir.is_some() {
                tracing::warn!(
                    "MIGRATIONS_DIR is ignored, because SUPABASE_URL is set: apply them with supabase db push"
                );
            }
            return Ok((project.clone(), None));
        }
        SupabaseConfig::Local(local) => local,
    };
    let own_tables = config.migrations_dir.as_deref().map(local::read_own_tables).transpose()?;
    let exposes = own_tables.as_ref().and_then(|tables| tables.auto_expose_new_tables);
    log_exposure(exposes);
    let listener =
        TcpListener::bind(addr).await.map_err(|error| BuildError::LocalAddress(*addr, error))?;
    let url = url_of(listener.local_addr().unwrap_or(*addr));
    let public_url = public_url.clone().unwrap_or_else(|| url.clone());
    let options = LocalOptions {
        public_url: public_url.clone(),
        allow_anonymous_users: config.allow_anonymous_users,
        migrations: own_tables.map(|tables| tables.migrations),
        auto_expose_new_tables: exposes == Some(true),
        clock: clock.clone(),
        memory: memory.clone(),
    };
    let local = LocalSupabase::open(data_dir, local::PROJECT, options)?;
    for notice in local.notices() {
        tracing::warn!("{notice}");
    }
    let project = Project {
        public_url,
        url,
        anon_key: local.publishable_key().into(),
        service_role_key: Some(local.service_key().clone()),
        jwt_secret: None,
    };
    let hosts = AllowedHosts::new(config);
    let router = local::router(&local, config.cors_origins.clone(), hosts);
    Ok((project, Some(LocalListener { supabase: local, router, listener })))
}

/// Logs what `config.toml` beside `MIGRATIONS_DIR` says of new tables.
fn log_exposure(exposes: Option<bool>) {
    match exposes {
        Some(true) => tracing::warn!(
            "config.toml beside MIGRATIONS_DIR was read: auto_expose_new_tables opens new tables to all roles without a grant, which Supabase has deprecated"
        ),
        Some(false) => tracing::info!(
            "config.toml beside MIGRATIONS_DIR was read: new tables are open to the roles that a grant names"
        ),
        None => {}
    }
}

/// Takes the front end's own tables out of a local Supabase.
pub fn reset_own_tables(data_dir: &Path) -> Result<(), OpenError> {
    LocalSupabase::reset(data_dir, local::PROJECT)
}

/// Writes a backup of a local Supabase, on which a server may be running.
pub fn back_up_local(data_dir: &Path, output: impl Write) -> Result<BackupContents, BackupError> {
    LocalSupabase::backup(data_dir, output)
}

/// Restores a backup into an empty folder.
pub fn restore_local(input: impl Read, data_dir: &Path) -> Result<BackupContents, BackupError> {
    LocalSupabase::restore(input, data_dir)
}

async fn monitoring(addr: Option<SocketAddr>) -> Result<Option<TcpListener>, BuildError> {
    let Some(addr) = addr else { return Ok(None) };
    let listener = TcpListener::bind(addr).await;
    listener.map(Some).map_err(|error| BuildError::MetricsAddress(addr, error))
}

/// Removes the rate limits of idle users periodically.
fn forget_idle_users(limits: Limits) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FORGET_IDLE_EVERY).await;
            limits.forget_idle_users();
        }
    });
}

/// Refreshes the providers' model lists periodically.
fn refresh_models(providers: Providers) {
    tokio::spawn(async move {
        loop {
            providers.refresh_models().await;
            tokio::time::sleep(REFRESH_MODELS_EVERY).await;
        }
    });
}

macro_rules! extractable {
    ($($field:ident: $type:ty),* $(,)?) => {
        $(impl FromRef<AppState> for $type {
            fn from_ref(state: &AppState) -> Self {
                state.$field.clone()
            }
        })*
    };
}

extractable! {
    supabase: Supabase,
    generations: Generations,
    files: Files,
    file_search: FileSearch,
    read_marks: ReadMarks,
    limits: Limits,
    ai: Ai,
    scripts: Scripts,
    accounts: Accounts,
    health: Health,
    clock: Clock,
    sign_ins: SignIns,
}
