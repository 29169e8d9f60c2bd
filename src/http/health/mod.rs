//! Whether this server can serve: `/health`.

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::agent::Generations;
use crate::http::error::{ApiError, Problem, shutting_down};
use crate::providers::{ProviderStatus, Providers};

mod probes;

pub use probes::{Check, Probes};
use probes::{Found, GOOD_FOR};

/// Looks after the server's health. Clones share what was found.
#[derive(Clone)]
pub struct Health {
    probes: Probes,
    providers: Providers,
    generations: Generations,
    started_at: Instant,
}

/// The server's health.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    /// `ok`; `degraded` while the server is being stopped, or when a part is down that most requests
    /// do without; `down` when it cannot serve.
    #[schema(example = "ok")]
    status: &'static str,
    /// The server's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Seconds since the start.
    uptime_s: u64,
    /// The parts.
    checks: Checks,
}

/// The parts of a server's health. Further providers are named as soon as they are configured.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checks {
    /// Supabase as a whole: `ok`, `degraded` or `down`, and how long the database took.
    supabase: Check,
    /// PostgREST and PostgreSQL: chats, messages, usage.
    rest: Check,
    /// Supabase Auth: sign-ins.
    auth: Check,
    /// Supabase Storage: files.
    storage: Check,
    /// Whether access tokens can be verified.
    keys: Check,
    openai: ProviderCheck,
    anthropic: ProviderCheck,
    #[serde(flatten)]
    #[schema(ignore)]
    others: BTreeMap<String, ProviderCheck>,
}

/// Whether a provider is set up; no call is made.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub struct ProviderCheck {
    /// `configured` or `not_configured`.
    #[schema(example = "configured")]
    status: &'static str,
}

impl Health {
    /// Nothing is known yet.
    pub fn new(probes: Probes, providers: Providers, generations: Generations) -> Self {
        Self { probes, providers, generations, started_at: Instant::now() }
    }

    fn checks(&self, supabase: &'static str, found: Found) -> Checks {
        let providers = self.providers.statuses().filter(|provider| !provider.is_simulated);
        let mut checks: BTreeMap<_, _> =
            providers.map(|provider| (provider.name.to_string(), provider.into())).collect();
        let mut stable = |name: &str| checks.remove(name).unwrap_or_default();
        let (openai, anthropic) = (stable("openai"), stable("anthropic"));
        // A server may have any name, also that of a field.
        const FIELDS: [&str; 5] = ["supabase", "rest", "auth", "storage", "keys"];
        let is_field = |name: &str| FIELDS.contains(&name);
        checks.retain(|name, check| !is_field(name) && *check != ProviderCheck::default());
        Checks {
            supabase: Check { status: supabase, latency_ms: found.rest.latency_ms },
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

/// Report the server's health
#[utoipa::path(get, path = "/health", tag = "health", operation_id = "health", security(()),
    responses((status = 200, description = "The server can serve", body = Report),
        (status = 503, description = "It cannot", body = Report)))]
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
    let report = Report {
        status,
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: health.started_at.elapsed().as_secs(),
        checks,
    };
    let code = if status == "down" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(report)).into_response()
}

/// Tell whether the process is up
#[utoipa::path(get, path = "/health/live", tag = "health", operation_id = "health_live",
    security(()),
    responses((status = 200, description = "It is", body = Probe)))]
pub async fn live() -> Json<Probe> {
    Json(Probe { status: "ok" })
}

/// Tell whether the server can take requests
#[utoipa::path(get, path = "/health/ready", tag = "health", operation_id = "health_ready",
    security(()),
    responses((status = 200, description = "It can", body = Probe),
        (status = 503, description = "Supabase cannot be reached, or the server is being stopped",
            body = Problem, content_type = "application/problem+json")))]
pub async fn ready(State(health): State<Health>) -> Result<Json<Probe>, ApiError> {
    if health.generations.is_draining() {
        return Err(shutting_down());
    }
    if !health.probes.found().await.is_ready() {
        let detail = "The database or what verifies sign-ins cannot be reached at the moment.";
        return Err(ApiError::unavailable("supabase_unreachable", detail, GOOD_FOR));
    }
    Ok(Json(Probe { status: "ok" }))
}

/// A probe's answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Probe {
    #[schema(example = "ok")]
    status: &'static str,
}
