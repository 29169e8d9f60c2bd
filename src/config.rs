//! Settings, read once from the environment. Nothing else in this crate reads it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// Everything that can be set. Each field's variable is named in its doc.
#[derive(Clone, Debug)]
pub struct Config {
    /// `HOST`, `PORT`: where to listen.
    pub listen: (String, u16),
    /// `SUPABASE_URL` and what belongs to it, or the local Supabase.
    pub supabase: SupabaseConfig,
    /// `ALLOW_ANONYMOUS_USERS`: accept Supabase's anonymous sign-ins.
    pub allow_anonymous_users: bool,
    /// `OPENAI_API_KEY`, `OPENAI_BASE_URL`.
    pub openai: OpenAiConfig,
    /// `ANTHROPIC_API_KEY` and what belongs to it.
    pub anthropic: AnthropicConfig,
    /// `DEFAULT_MODEL`: the model when none is asked for.
    pub default_model: Option<String>,
    /// `FALLBACK_MODELS`: models to ask, in this order, when a provider is overloaded or down.
    pub fallback_models: Vec<String>,
    /// `TITLE_MODEL`: the model that finds titles for new chats.
    pub title_model: Option<String>,
    /// The pause before each word of the scripted model; only tests change it.
    pub scripted_pace: Duration,
    /// How often a running answer is saved; only tests change it.
    pub checkpoint_every: Duration,
    /// `CORS_ORIGINS`: origins of pages that may call.
    pub cors_origins: CorsOrigins,
    /// `RATE_LIMIT_PER_MINUTE`: requests per user and replica; 0 turns the limit off.
    pub rate_limit_per_minute: u32,
    /// `GENERATIONS_PER_MINUTE`: generations per user and replica; 0 turns the limit off.
    pub generations_per_minute: u32,
    /// `MAX_BODY_BYTES`: the largest request body.
    pub max_body_bytes: usize,
    /// `MAX_GENERATE_BODY_BYTES`: the largest body of a request for a generation.
    pub max_generate_body_bytes: usize,
    /// `MAX_FILE_BYTES`: the largest file.
    pub max_file_bytes: u64,
    /// `USER_FILE_QUOTA_BYTES`: what the files of one user may take together.
    pub user_file_quota_bytes: u64,
    /// `REQUEST_TIMEOUT_S`: the longest a plain request may take.
    pub request_timeout: Duration,
    /// `GENERATION_TIMEOUT_S`: the longest a generation may take.
    pub generation_timeout: Duration,
    /// `SHUTDOWN_GRACE_S`: how long running generations may go on after a signal to stop.
    pub shutdown_grace: Duration,
    /// `METRICS_ADDR`: where Prometheus finds `/metrics`; not served without it.
    pub metrics_addr: Option<SocketAddr>,
    /// `LOG_FORMAT`: `text` or `json`.
    pub log_format: LogFormat,
    /// `RUST_LOG`: which log lines are written.
    pub log_filter: String,
}

/// Which Supabase to use.
#[derive(Clone, Debug)]
pub enum SupabaseConfig {
    /// A project elsewhere.
    Project(Project),
    /// The local Supabase of this process.
    Local {
        /// `LOCAL_SUPABASE_ADDR`: its listener.
        addr: SocketAddr,
        /// `DATA_DIR`: its folder.
        data_dir: PathBuf,
    },
}

/// A Supabase project as this server sees it.
#[derive(Clone, Debug)]
pub struct Project {
    /// `SUPABASE_URL`, without a slash at the end.
    pub url: String,
    /// `SUPABASE_PUBLIC_URL`: the project as browsers see it, without a slash at the end.
    pub public_url: String,
    /// `SUPABASE_ANON_KEY`: a publishable key or a legacy anon JWT.
    pub anon_key: Secret,
    /// `SUPABASE_SERVICE_ROLE_KEY`: only to save the end of a generation that outlives its token.
    pub service_role_key: Option<Secret>,
    /// `SUPABASE_JWT_SECRET`: the legacy HS256 secret.
    pub jwt_secret: Option<Secret>,
}

/// OpenAI, or a server that speaks its protocol.
#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// `OPENAI_API_KEY`.
    pub api_key: Option<Secret>,
    /// `OPENAI_BASE_URL`.
    pub base_url: String,
}

/// Anthropic, or a server that speaks its protocol.
#[derive(Clone, Debug)]
pub struct AnthropicConfig {
    /// `ANTHROPIC_API_KEY`.
    pub api_key: Option<Secret>,
    /// `ANTHROPIC_BASE_URL`.
    pub base_url: String,
    /// `ANTHROPIC_VERSION`.
    pub version: String,
    /// `ANTHROPIC_AUTH_HEADER`: `authorization` or `x-api-key`.
    pub auth_header: AnthropicAuthHeader,
}

/// Which header carries Anthropic's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum AnthropicAuthHeader {
    Authorization,
    XApiKey,
}

/// The origins of `CORS_ORIGINS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigins {
    /// `*`.
    Any,
    /// A list.
    List(Vec<String>),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogFormat {
    Text,
    Json,
}

/// A value that must not appear in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A setting that cannot be used. One line, which names the variable.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{variable}: {problem}")]
pub struct ConfigError {
    variable: &'static str,
    problem: String,
}

impl Config {
    /// Reads `.env`, where there is one, and the environment, which comes first.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        match dotenvy::dotenv() {
            Err(error) if !error.not_found() => {
                Err(ConfigError { variable: ".env", problem: error.to_string() })
            }
            _ => Self::from_lookup(|name| std::env::var(name).ok()),
        }
    }

    /// Reads the settings that `lookup` knows; tests pass a map.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env { lookup: &lookup };
        Ok(Self {
            listen: (env.text("HOST", "127.0.0.1"), env.parsed("PORT", 8000)?),
            supabase: supabase(&env)?,
            allow_anonymous_users: env.flag("ALLOW_ANONYMOUS_USERS", true)?,
            openai: OpenAiConfig {
                api_key: env.secret("OPENAI_API_KEY"),
                base_url: env.url("OPENAI_BASE_URL", "https://api.openai.com/v1")?,
            },
            anthropic: AnthropicConfig {
                api_key: env.secret("ANTHROPIC_API_KEY"),
                base_url: env.url("ANTHROPIC_BASE_URL", "https://api.anthropic.com")?,
                version: env.text("ANTHROPIC_VERSION", "2026-10-21"),
                auth_header: anthropic_auth_header(&env)?,
            },
            default_model: env.get("DEFAULT_MODEL"),
            fallback_models: env.list("FALLBACK_MODELS", ""),
            title_model: env.get("TITLE_MODEL"),
            scripted_pace: Duration::from_millis(40),
            checkpoint_every: Duration::from_secs(2),
            cors_origins: cors_origins(&env)?,
            rate_limit_per_minute: env.parsed("RATE_LIMIT_PER_MINUTE", 600)?,
            generations_per_minute: env.parsed("GENERATIONS_PER_MINUTE", 30)?,
            max_body_bytes: env.positive("MAX_BODY_BYTES", 1 << 20)?,
            max_generate_body_bytes: env.positive("MAX_GENERATE_BODY_BYTES", 32 << 20)?,
            max_file_bytes: env.positive("MAX_FILE_BYTES", 50 << 20)? as u64,
            user_file_quota_bytes: env.positive("USER_FILE_QUOTA_BYTES", 1 << 30)? as u64,
            request_timeout: env.seconds("REQUEST_TIMEOUT_S", 30)?,
            generation_timeout: env.seconds("GENERATION_TIMEOUT_S", 600)?,
            shutdown_grace: Duration::from_secs(env.parsed("SHUTDOWN_GRACE_S", 30)?),
            metrics_addr: env.optional("METRICS_ADDR")?,
            log_format: log_format(&env)?,
            log_filter: env.text("RUST_LOG", "info"),
        })
    }
}

fn supabase(env: &Env<'_>) -> Result<SupabaseConfig, ConfigError> {
    let Some(url) = env.get("SUPABASE_URL") else {
        if env.get("SUPABASE_ANON_KEY").is_some() {
            return Err(ConfigError {
                variable: "SUPABASE_ANON_KEY",
                problem: "is set, but SUPABASE_URL is not; set both for a Supabase project, \
                          or neither for the local Supabase"
                    .into(),
            });
        }
        return Ok(SupabaseConfig::Local {
            addr: env.parsed("LOCAL_SUPABASE_ADDR", SocketAddr::from(([127, 0, 0, 1], 54321)))?,
            data_dir: env.text("DATA_DIR", "./data").into(),
        });
    };
    let url = checked_url("SUPABASE_URL", &url)?;
    let Some(anon_key) = env.secret("SUPABASE_ANON_KEY") else {
        return Err(ConfigError {
            variable: "SUPABASE_ANON_KEY",
            problem: "is missing; SUPABASE_URL needs the project's publishable (or anon) key"
                .into(),
        });
    };
    Ok(SupabaseConfig::Project(Project {
        public_url: env.url("SUPABASE_PUBLIC_URL", &url)?,
        url,
        anon_key,
        service_role_key: env.secret("SUPABASE_SERVICE_ROLE_KEY"),
        jwt_secret: env.secret("SUPABASE_JWT_SECRET"),
    }))
}

fn anthropic_auth_header(env: &Env<'_>) -> Result<AnthropicAuthHeader, ConfigError> {
    env.choice(
        "ANTHROPIC_AUTH_HEADER",
        &[
            ("authorization", AnthropicAuthHeader::Authorization),
            ("x-api-key", AnthropicAuthHeader::XApiKey),
        ],
    )
}

fn log_format(env: &Env<'_>) -> Result<LogFormat, ConfigError> {
    env.choice("LOG_FORMAT", &[("text", LogFormat::Text), ("json", LogFormat::Json)])
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

/// The environment; an empty variable counts as one that is not set.
struct Env<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Env<'_> {
    fn get(&self, variable: &'static str) -> Option<String> {
        (self.lookup)(variable).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty())
    }

    fn text(&self, variable: &'static str, default: &str) -> String {
        self.get(variable).unwrap_or_else(|| default.to_owned())
    }

    /// What stands between commas.
    fn list(&self, variable: &'static str, default: &str) -> Vec<String> {
        let text = self.text(variable, default);
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    fn secret(&self, variable: &'static str) -> Option<Secret> {
        self.get(variable).map(Secret)
    }

    fn url(&self, variable: &'static str, default: &str) -> Result<String, ConfigError> {
        checked_url(variable, &self.text(variable, default))
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(
        &self,
        variable: &'static str,
        default: T,
    ) -> Result<T, ConfigError> {
        Ok(self.optional(variable)?.unwrap_or(default))
    }

    fn optional<T: FromStr<Err: fmt::Display>>(
        &self,
        variable: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(variable) else { return Ok(None) };
        let problem = |error| format!("`{value}` is not usable: {error}");
        let parsed =
            value.parse().map_err(|error| ConfigError { variable, problem: problem(error) });
        parsed.map(Some)
    }

    fn positive(&self, variable: &'static str, default: usize) -> Result<usize, ConfigError> {
        match self.parsed(variable, default)? {
            0 => Err(ConfigError { variable, problem: "must be more than 0".into() }),
            value => Ok(value),
        }
    }

    fn seconds(&self, variable: &'static str, default: u32) -> Result<Duration, ConfigError> {
        match self.parsed(variable, default)? {
            0 => Err(ConfigError { variable, problem: "must be at least 1 second".into() }),
            value => Ok(Duration::from_secs(value.into())),
        }
    }

    fn flag(&self, variable: &'static str, default: bool) -> Result<bool, ConfigError> {
        let Some(value) = self.get(variable) else { return Ok(default) };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(true),
            "false" | "0" | "no" | "off" => Ok(false),
            _ => Err(ConfigError { variable, problem: format!("`{value}` is not true or false") }),
        }
    }

    /// One of a few words; the first is the default.
    fn choice<T: Copy>(
        &self,
        variable: &'static str,
        choices: &[(&str, T)],
    ) -> Result<T, ConfigError> {
        let value = self.text(variable, choices[0].0).to_ascii_lowercase();
        choices.iter().find(|(word, _)| *word == value).map(|(_, choice)| *choice).ok_or_else(
            || {
                let words: Vec<_> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
                ConfigError {
                    variable,
                    problem: format!("`{value}` is not {}", words.join(" or ")),
                }
            },
        )
    }
}

fn checked_url(variable: &'static str, value: &str) -> Result<String, ConfigError> {
    let url = reqwest::Url::parse(value)
        .map_err(|error| ConfigError { variable, problem: format!("`{value}`: {error}") })?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        let problem = format!("`{value}` must begin with http:// or https://");
        return Err(ConfigError { variable, problem });
    }
    Ok(value.trim_end_matches('/').to_owned())
}

fn checked_origin(variable: &'static str, value: &str) -> Result<String, ConfigError> {
    let url = checked_url(variable, value)?;
    match reqwest::Url::parse(&url) {
        Ok(parsed) if parsed.path() == "/" && parsed.query().is_none() => {
            Ok(parsed.origin().ascii_serialization())
        }
        _ => Err(ConfigError {
            variable,
            problem: format!("`{value}` is not an origin such as https://app.example.com"),
        }),
    }
}
