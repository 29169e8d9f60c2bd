//! The health of this server: `/health`.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::agent::tools::source::SourceKind;
use crate::agent::{Generations, SourceHealth, Sources};
use crate::http::error::{ApiError, Problem, shutting_down};
use crate::providers::{ProviderStatus, Providers};

mod probes;

use probes::{CACHE_TTL, Found};
pub use probes::{Probes, ServiceCheck};

/// Monitors the server's health. Clones share the results.
#[derive(Clone)]
pub struct Health {
    probes: Probes,
    providers: Providers,
    generations: Generations,
    sources: Sources,
    started_at: Instant,
}

/// Health of the server.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthReport {
    /// `ok`; `degraded` while the server is shutting down, or if a service is down that most requests
    /// do not need; `down` if the server cannot serve requests.
    #[schema(example = "ok")]
    status: &'static str,
    /// Version of the server.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Seconds since the server started.
    uptime_s: u64,
    /// Status of each service.
    checks: HealthChecks,
}

/// Status of the services that the server depends on. Other providers appear once they are configured.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthChecks {
    /// Supabase as a whole: `ok`, `degraded` or `down`, and how long the database took.
    supabase: ServiceCheck,
    /// PostgREST and PostgreSQL: chats, messages, usage.
    rest: ServiceCheck,
    /// Supabase Auth: sign-ins.
    auth: ServiceCheck,
    /// Supabase Storage: files.
    storage: ServiceCheck,
    /// Whether access tokens can be verified.
    keys: ServiceCheck,
    openai: ProviderCheck,
    anthropic: ProviderCheck,
    /// How the last listing of each source of tools went. None is asked for this.
    tools: BTreeMap<String, ToolsCheck>,
    #[serde(flatten)]
    #[schema(ignore)]
    others: BTreeMap<String, ProviderCheck>,
}

/// Whether a provider is configured. The provider itself is not called.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct ProviderCheck {
    /// `configured` or `not_configured`.
    #[schema(example = "configured")]
    status: &'static str,
}

/// How the last listing of a source of tools went.
#[derive(Debug, Serialize, ToSchema)]
pub struct ToolsCheck {
    /// What the source is, as the configuration file has it.
    #[schema(example = "mcp")]
    kind: &'static str,
    /// `ok`, `down`, or `unknown` before a request has asked for its tools.
    #[schema(example = "ok")]
    status: &'static str,
    /// Number of tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<usize>,
}

impl ToolsCheck {
    fn new(kind: SourceKind, health: Option<SourceHealth>) -> Self {
        let status = match &health {
            None => "unknown",
            Some(health) if health.error.is_some() => "down",
            Some(_) => "ok",
        };
        Self { kind: kind.as_str(), status, tools: health.map(|health| health.tools) }
    }
}

impl Health {
    /// No results yet.
    pub fn new(
        probes: Probes,
        providers: Providers,
        generations: Generations,
        sources: Sources,
    ) -> Self {
        Self { probes, providers, generations, sources, started_at: Instant::now() }
    }

    fn checks(&self, supabase: &'static str, found: Found) -> HealthChecks {
        let providers = self.providers.statuses().filter(|provider| !provider.is_simulated);
        let mut checks: BTreeMap<_, _> =
            providers.map(|provider| (provider.name.to_string(), provider.into())).collect();
        let mut stable = |name: &str| checks.remove(name).unwrap_or_default();
        let (openai, anthropic) = (stable("openai"), stable("anthropic"));
        // A compatible server may have any name, including that of a field.
        const FIELDS: [&str; 6] = ["supabase", "rest", "auth", "storage", "keys", "tools"];
        let is_field = |name: &str| FIELDS.contains(&name);
        checks.retain(|name, check| !is_field(name) && *check != ProviderCheck::default());
        let tools = self.sources.health().into_iter();
        let tools = tools.map(|(label, kind, health)| (label, ToolsCheck::new(kind, health)));
        HealthChecks {
            tools: tools.collect(),
            supabase: ServiceCheck { status: supabase, ..found.rest.clone() },
            rest: found.rest,
            auth: found.auth,
            storage: found.storage,
            keys: found.keys,
            openai,
            anthropic,
            others: checks,
        }
    }
}

impl Default for ProviderCheck {
    fn default() -> Self {
        Self { status: "not_configured" }
    }
}

impl From<ProviderStatus> for ProviderCheck {
    fn from(provider: ProviderStatus) -> Self {
        if provider.is_configured { Self { status: "configured" } } else { Self::default() }
    }
}

/// Get the health of the server
///
/// Reports each service that the server depends on.
#[utoipa::path(get, path = "/health", tag = "health", operation_id = "health", security(()),
    responses((status = 200, description = "The server is healthy or degraded", body = HealthReport),
        (status = 503, description = "The server is down", body = HealthReport)))]
pub async fn health(State(health): State<Health>) -> Response {
    let found = health.probes.found().await;
    let supabase = match (found.is_ready(), found.is_well()) {
        (false, _) => "down",
        (true, false) => "degraded",
        (true, true) => "ok",
    };
    let status = match supabase {
        "ok" if health.generations.is_draining() => "degraded",
        supabase => supabase,
    };
    let checks = health.checks(supabase, found);
    let report = HealthReport {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: health.started_at.elapsed().as_secs(),
        checks,
    };
    let code = if status == "down" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(report)).into_response()
}

/// Liveness probe
///
/// Succeeds while the process is running.
#[utoipa::path(get, path = "/health/live", tag = "health", operation_id = "health_live",
    security(()),
    responses((status = 200, description = "The process is running", body = ProbeStatus)))]
pub async fn live() -> Json<ProbeStatus> {
    Json(ProbeStatus { status: "ok" })
}

/// Readiness probe
///
/// Succeeds while the server accepts requests.
#[utoipa::path(get, path = "/health/ready", tag = "health", operation_id = "health_ready",
    security(()),
    responses((status = 200, description = "The server accepts requests", body = ProbeStatus),
        (status = 503, description = "Supabase cannot be reached, or the server is shutting down",
            body = Problem, content_type = "application/problem+json")))]
pub async fn ready(State(health): State<Health>) -> Result<Json<ProbeStatus>, ApiError> {
    if health.generations.is_draining() {
        return Err(shutting_down());
    }
    if !health.probes.found().await.is_ready() {
        let detail = "The database or what verifies sign-ins cannot be reached at the moment.";
        return Err(ApiError::unavailable("supabase_unreachable", detail, CACHE_TTL));
    }
    Ok(Json(ProbeStatus { status: "ok" }))
}

/// Result of a probe.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeStatus {
    #[schema(example = "ok")]
    status: &'static str,
}
