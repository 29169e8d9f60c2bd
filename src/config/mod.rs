//! The settings, read once from the environment. No other module reads it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use env::{Env, checked_host, checked_origin, checked_url};
use secrecy::SecretString;

mod env;
mod error;
pub mod file;
mod local;
mod peers;
mod provider_settings;
mod proxies;
mod scripts;
mod traces;

pub use error::ConfigError;
pub use file::FileConfig;
pub use file::handle::FileHandle;
pub use local::LocalConfig;
pub use peers::{PeerList, PeerTimeouts};
pub use proxies::TrustedProxies;
pub use scripts::ScriptConfig;
pub use traces::{TraceConfig, TraceSampler};

/// The settings. The documentation of each field names its variable.
#[derive(Clone, Debug)]
pub struct Config {
    /// `HOST`, `PORT`: where to listen.
    pub listen: (String, u16),
    /// `SUPABASE_URL` and what belongs to it, or the local Supabase.
    pub supabase: SupabaseConfig,
    /// `MIGRATIONS_DIR`: migrations of the front end's own tables, for the local Supabase.
    pub migrations_dir: Option<PathBuf>,
    /// `ALLOW_ANONYMOUS_USERS`: accept Supabase's anonymous sign-ins.
    pub allow_anonymous_users: bool,
    /// `CONFIG_FILE`: what the operator offers.
    pub file: FileHandle,
    /// `TOOL_PROXY`: a proxy for the requests of tools, which checks their addresses itself.
    pub tool_proxy: Option<SecretString>,
    /// `STATELESS`: whether answers without a chat are offered.
    pub is_stateless_on: bool,
    /// `ASSISTANTS_ONLY`: nothing but the assistants of the file can be asked.
    pub assistants_only: bool,
    /// `TOOL_TIMEOUT_MS`: how long a call of a tool may take whose entry says nothing else.
    pub tool_timeout: Duration,
    /// `TOOL_RESULT_BYTES`: how much of a result a model reads of a tool whose entry says nothing else.
    pub tool_result_bytes: usize,
    /// The model providers: `OPENAI_API_KEY`, `DEFAULT_MODEL` and what belongs to them.
    pub providers: providers::Settings,
    /// How often a running answer is saved; only tests change it.
    pub checkpoint_every: Duration,
    /// How long clients wait for the end of an answer to be saved before they receive an error; only
    /// tests change it.
    pub unsaved_patience: Duration,
    /// `CORS_ORIGINS`: origins of pages that may call the API.
    pub cors_origins: CorsOrigins,
    /// `ALLOWED_HOSTS`: accepted host names besides this machine's own; `*` for all.
    pub allowed_hosts: Vec<String>,
    /// `RATE_LIMIT_PER_MINUTE`: requests per user and replica; 0 turns the limit off.
    pub rate_limit_per_minute: u32,
    /// `GENERATIONS_PER_MINUTE`: generations per user and replica; 0 turns the limit off.
    pub generations_per_minute: u32,
    /// `DAILY_TOKEN_LIMIT`: tokens per user and day, from 00:00 UTC; none is no limit.
    pub daily_token_limit: Option<u64>,
    /// `MAX_CONNECTIONS`: how many connections the API may have at once; the local Supabase has as
    /// many of its own.
    pub max_connections: usize,
    /// `TRUSTED_PROXIES`: networks whose forwarding headers are trusted.
    pub trusted_proxies: TrustedProxies,
    /// The timeouts of idle connections; only tests change them.
    pub connection_timeouts: ConnectionTimeouts,
    /// `MAX_BODY_BYTES`: the largest request body.
    pub max_body_bytes: usize,
    /// `MAX_GENERATE_BODY_BYTES`: the largest body of a request for a generation.
    pub max_generate_body_bytes: usize,
    /// `MEMORY_BUDGET_BYTES`: the total size of request and response bodies in memory.
    pub memory_budget_bytes: usize,
    /// `MAX_FILE_BYTES`: the largest file.
    pub max_file_bytes: u64,
    /// `USER_FILE_QUOTA_BYTES`: the total size of the files of one user.
    pub user_file_quota_bytes: u64,
    /// `REQUEST_TIMEOUT_S`: the timeout of requests other than generations.
    pub request_timeout: Duration,
    /// `GENERATION_TIMEOUT_S`: the timeout of a generation.
    pub generation_timeout: Duration,
    /// `APPROVAL_TTL_S`: how long a person has to decide on a call of a tool.
    pub approval_ttl: Duration,
    /// `SHUTDOWN_GRACE_S`: how long running generations may continue after a shutdown signal.
    pub shutdown_grace: Duration,
    /// `PEERS`: the replicas of this server; none if it is alone.
    pub peers: Option<PeerList>,
    /// How long another replica may take; only tests change it.
    pub peer_timeouts: PeerTimeouts,
    /// `SEAL_KEY`: the keys by which replicas recognise one another; the first one seals.
    pub seal_keys: Vec<SecretString>,
    /// `METRICS_ADDR`: the address of `/metrics`; it is not served without one.
    pub metrics_addr: Option<SocketAddr>,
    /// `SCRIPT_PYTHON` and the other settings of scripts.
    pub scripts: ScriptConfig,
    /// The `.env` that was read, where there was one.
    pub env_file: Option<PathBuf>,
    /// What stands in the environment under a name that is almost a setting's, a sentence each.
    pub misspelt: Vec<String>,
    /// `LOG_FORMAT`: `text` or `json`.
    pub log_format: LogFormat,
    /// `RUST_LOG`: which log lines are written.
    pub log_filter: String,
    /// `OTEL_*`: where traces go; none are made without a collector.
    pub traces: Option<TraceConfig>,
    /// `OTEL_CAPTURE_CONTENT`: whether traces show content.
    pub traces_capture_content: bool,
}

/// The timeouts of idle connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionTimeouts {
    /// For the head of a request: from the start of the connection, or from the first byte of a later
    /// request.
    pub head: Duration,
    /// Between a response and the next request. Longer than the minute after which many proxies close
    /// idle connections, so that the proxy closes first.
    pub idle: Duration,
    /// While the peer accepts none of the data to send.
    pub write: Duration,
}

impl Default for ConnectionTimeouts {
    fn default() -> Self {
        let [head, idle, write] = [15, 75, 60].map(Duration::from_secs);
        Self { head, idle, write }
    }
}

/// Which Supabase to use.
#[derive(Clone, Debug)]
pub enum SupabaseConfig {
    /// A remote project.
    Project(Project),
    /// The local Supabase of this process.
    Local(LocalConfig),
}

impl SupabaseConfig {
    /// Whether the service key is set.
    fn has_service_key(&self) -> bool {
        matches!(self, Self::Project(project) if project.service_role_key.is_some())
    }
}

/// A Supabase project.
#[derive(Clone, Debug)]
pub struct Project {
    /// `SUPABASE_URL`, without a slash at the end.
    pub url: String,
    /// `SUPABASE_PUBLIC_URL`: the project as browsers see it, without a slash at the end.
    pub public_url: String,
    /// `SUPABASE_ANON_KEY`: a publishable key or a legacy anon JWT.
    pub anon_key: SecretString,
    /// `SUPABASE_SERVICE_ROLE_KEY`: for what no user's token may or can do, such as saving the answers of
    /// all users in one request.
    pub service_role_key: Option<SecretString>,
    /// `SUPABASE_JWT_SECRET`: the legacy HS256 secret.
    pub jwt_secret: Option<SecretString>,
}

/// The origins of `CORS_ORIGINS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigins {
    /// `*`.
    Any,
    /// A list.
    List(Vec<String>),
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads `.env`, where there is one, and the environment, which comes first.
    pub fn from_env() -> Result<Self, ConfigError> {
        match dotenvy::dotenv() {
            Err(error) if !error.not_found() => Err(env::unreadable_file(&error)),
            found => {
                let config = Self::from_variables(&variables())?;
                Ok(Self { env_file: found.ok(), ..config })
            }
        }
    }

    /// The files and folders that hold secrets or data: no script may see them.
    pub fn private_paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = std::env::current_dir().into_iter().collect();
        paths.extend(self.env_file.clone());
        paths.extend(self.file.current().path.clone());
        paths.extend(logs());
        if let SupabaseConfig::Local(LocalConfig { data_dir, .. }) = &self.supabase {
            paths.extend(linked(data_dir));
            paths.push(data_dir.clone());
        }
        paths
    }

    /// Reads the settings from these variables.
    pub fn from_variables(variables: &HashMap<String, String>) -> Result<Self, ConfigError> {
        let env = Env::new(variables);
        let seal_keys = peers::seal_keys(&env)?;
        let supabase = supabase(&env)?;
        let config = Self {
            listen: (env.text("HOST", "127.0.0.1"), env.parsed("PORT", 8000)?),
            peers: peers::peers(&env, !seal_keys.is_empty() || supabase.has_service_key())?,
            peer_timeouts: PeerTimeouts::default(),
            seal_keys,
            supabase,
            migrations_dir: env.get("MIGRATIONS_DIR").map(PathBuf::from),
            allow_anonymous_users: env.flag("ALLOW_ANONYMOUS_USERS", true)?,
            tool_proxy: tool_proxy(&env)?,
            file: FileHandle::open(env.get("CONFIG_FILE").map(PathBuf::from), variables)?,
            is_stateless_on: env.flag("STATELESS", true)?,
            assistants_only: env.flag("ASSISTANTS_ONLY", false)?,
            tool_timeout: Duration::from_millis(env.within(
                "TOOL_TIMEOUT_MS",
                15_000,
                1_000..=120_000,
            )?),
            tool_result_bytes: env.within("TOOL_RESULT_BYTES", 64 << 10, (1 << 10)..=(1 << 20))?
                as usize,
            providers: provider_settings::read(&env)?,
            checkpoint_every: Duration::from_secs(2),
            unsaved_patience: Duration::from_secs(5),
            cors_origins: cors_origins(&env)?,
            allowed_hosts: allowed_hosts(&env)?,
            rate_limit_per_minute: env.parsed("RATE_LIMIT_PER_MINUTE", 600)?,
            generations_per_minute: env.parsed("GENERATIONS_PER_MINUTE", 30)?,
            daily_token_limit: daily_token_limit(&env)?,
            max_connections: env.positive("MAX_CONNECTIONS", 8_192)?,
            trusted_proxies: TrustedProxies::read(&env)?,
            connection_timeouts: ConnectionTimeouts::default(),
            max_body_bytes: env.positive("MAX_BODY_BYTES", 1 << 20)?,
            max_generate_body_bytes: env.positive("MAX_GENERATE_BODY_BYTES", 32 << 20)?,
            memory_budget_bytes: env.positive("MEMORY_BUDGET_BYTES", 512 << 20)?,
            max_file_bytes: env.positive("MAX_FILE_BYTES", 50 << 20)? as u64,
            user_file_quota_bytes: env.positive("USER_FILE_QUOTA_BYTES", 1 << 30)? as u64,
            request_timeout: env.seconds("REQUEST_TIMEOUT_S", 30)?,
            generation_timeout: env.seconds("GENERATION_TIMEOUT_S", 600)?,
            approval_ttl: approval_ttl(&env)?,
            shutdown_grace: Duration::from_secs(env.parsed("SHUTDOWN_GRACE_S", 20)?),
            metrics_addr: env.optional("METRICS_ADDR")?,
            scripts: ScriptConfig::read(&env)?,
            env_file: None,
            misspelt: Vec::new(),
            log_format: log_format(&env)?,
            log_filter: env.text("RUST_LOG", "info"),
            traces: traces::read(&env)?,
            traces_capture_content: env.flag("OTEL_CAPTURE_CONTENT", false)?,
        };
        // Now it is known what all settings are called.
        Ok(Self { misspelt: env.misspelt(), ..config })
    }
}

/// It may have a password in it.
fn tool_proxy(env: &Env<'_>) -> Result<Option<SecretString>, ConfigError> {
    let Some(url) = env.get("TOOL_PROXY") else { return Ok(None) };
    let wrong = |_| ConfigError::new("TOOL_PROXY", "is not a URL such as http://proxy:3128");
    checked_url("TOOL_PROXY", &url).map(|url| Some(url.into())).map_err(wrong)
}

/// The folders outside the data folder that symbolic links in it point to.
fn linked(data_dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data_dir).into_iter().flatten().flatten();
    let links = entries.map(|entry| entry.path()).filter(|path| path.is_symlink());
    let targets = links.filter_map(|link| link.canonicalize().ok());
    // SQLite keeps more files beside a database.
    let folder = |target: PathBuf| {
        if target.is_dir() { Some(target) } else { target.parent().map(Path::to_owned) }
    };
    targets.filter_map(folder).collect()
}

/// The files that standard output and standard error are written to.
fn logs() -> impl Iterator<Item = PathBuf> {
    let target = |stream| std::fs::read_link(format!("/proc/self/fd/{stream}")).ok();
    [1, 2].into_iter().filter_map(target).filter(|path| path.is_file())
}

/// The environment, without variables that are not Unicode.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variables() -> HashMap<String, String> {
    let unicode = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(unicode).collect()
}

fn supabase(env: &Env<'_>) -> Result<SupabaseConfig, ConfigError> {
    let Some(url) = env.get("SUPABASE_URL") else {
        if env.get("SUPABASE_ANON_KEY").is_some() {
            return Err(ConfigError::new(
                "SUPABASE_ANON_KEY",
                "is set, but SUPABASE_URL is not; set both for a Supabase project, \
                          or neither for the local Supabase",
            ));
        }
        return LocalConfig::read(env).map(SupabaseConfig::Local);
    };
    let url = project_url(&url)?;
    let Some(anon_key) = env.secret("SUPABASE_ANON_KEY") else {
        return Err(ConfigError::new(
            "SUPABASE_ANON_KEY",
            "is missing; SUPABASE_URL needs the project's publishable (or anon) key",
        ));
    };
    Ok(SupabaseConfig::Project(Project {
        public_url: env.url("SUPABASE_PUBLIC_URL", &url)?,
        url,
        anon_key,
        service_role_key: env.secret("SUPABASE_SERVICE_ROLE_KEY"),
        jwt_secret: env.secret("SUPABASE_JWT_SECRET"),
    }))
}

/// Other addresses of a project are easily copied in its place.
fn project_url(value: &str) -> Result<String, ConfigError> {
    let url = checked_url("SUPABASE_URL", value)?;
    if url.starts_with("https://supabase.com/") {
        let problem =
            "is an address of the dashboard; the project's own is like https://<id>.supabase.co";
        return Err(ConfigError::new("SUPABASE_URL", problem));
    }
    let services = ["/rest/v1", "/auth/v1", "/storage/v1", "/functions/v1"];
    match services.iter().find_map(|service| url.strip_suffix(service)) {
        Some(project) => {
            let problem = format!("`{value}` is one of the project's services; set {project}");
            Err(ConfigError::new("SUPABASE_URL", problem))
        }
        None => Ok(url),
    }
}

fn log_format(env: &Env<'_>) -> Result<LogFormat, ConfigError> {
    env.choice("LOG_FORMAT", &[("text", LogFormat::Text), ("json", LogFormat::Json)])
}

fn approval_ttl(env: &Env<'_>) -> Result<Duration, ConfigError> {
    match env.parsed("APPROVAL_TTL_S", 86_400)? {
        seconds @ 60..=2_592_000 => Ok(Duration::from_secs(seconds)),
        _ => Err(ConfigError::new("APPROVAL_TTL_S", "must be 60 to 2592000 seconds")),
    }
}

/// 0 turns the limit off, as it does the other limits.
fn daily_token_limit(env: &Env<'_>) -> Result<Option<u64>, ConfigError> {
    let limit: u32 = env.parsed("DAILY_TOKEN_LIMIT", 0)?;
    Ok(Some(limit.into()).filter(|limit| *limit > 0))
}

fn allowed_hosts(env: &Env<'_>) -> Result<Vec<String>, ConfigError> {
    let hosts = env.list("ALLOWED_HOSTS", "");
    hosts.iter().map(|host| checked_host("ALLOWED_HOSTS", host)).collect()
}

fn cors_origins(env: &Env<'_>) -> Result<CorsOrigins, ConfigError> {
    let origins = env.list("CORS_ORIGINS", "http://localhost:3000,http://localhost:5173");
    if origins == ["*"] {
        return Ok(CorsOrigins::Any);
    }
    origins
        .iter()
        .map(|origin| checked_origin("CORS_ORIGINS", origin))
        .collect::<Result<_, _>>()
        .map(CorsOrigins::List)
}
