//! Whether this server can serve: `/health`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::agent::Generations;
use crate::error::{ApiError, Problem, shutting_down};
use crate::providers::{ProviderStatus, Providers};
use crate::supabase::Supabase;

/// A probe's result is good for this long, however many ask.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// A Supabase that has not answered by then counts as down.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks after the server's health. Clones share what was found.
#[derive(Clone)]
pub struct Health {
    supabase: Supabase,
    providers: Providers,
    generations: Generations,
    started_at: Instant,
    last: Arc<tokio::sync::Mutex<Option<(Instant, SupabaseCheck)>>>,
}

/// The server's health.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    /// `ok`; `degraded` while the server is being stopped; `down` without a database.
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
    supabase: SupabaseCheck,
    openai: ProviderCheck,
    anthropic: ProviderCheck,
    #[serde(flatten)]
    #[schema(ignore)]
    others: BTreeMap<String, ProviderCheck>,
}

/// Whether Supabase answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SupabaseCheck {
    /// `ok` or `down`.
    #[schema(example = "ok")]
    status: &'static str,
    /// How long it took.
    #[schema(example = 1.2)]
    latency_ms: f64,
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
    pub fn new(supabase: Supabase, providers: Providers, generations: Generations) -> Self {
        let started_at = Instant::now();
        Self { supabase, providers, generations, started_at, last: Arc::default() }
    }

    async fn supabase(&self) -> SupabaseCheck {
        let mut last = self.last.lock().await;
        if let Some((_, check)) = last.as_ref().filter(|(at, _)| at.elapsed() < GOOD_FOR) {
            return check.clone();
        }
        let started = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, self.supabase.ping()).await;
        let is_up = matches!(answer, Ok(Ok(())));
        let latency_ms = (started.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        let check = SupabaseCheck { status: if is_up { "ok" } else { "down" }, latency_ms };
        *last = Some((Instant::now(), check.clone()));
        check
    }

    fn checks(&self, supabase: SupabaseCheck) -> Checks {
        let providers = self.providers.statuses().filter(|provider| !provider.is_simulated);
        let mut checks: BTreeMap<_, _> =
            providers.map(|provider| (provider.name.to_string(), provider.into())).collect();
        let mut stable = |name: &str| checks.remove(name).unwrap_or_default();
        let (openai, anthropic) = (stable("openai"), stable("anthropic"));
        // A server may have any name, also that of a field.
        checks.retain(|name, check| name != "supabase" && *check != ProviderCheck::default());
        Checks { supabase, openai, anthropic, others: checks }
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
    let supabase = health.supabase().await;
    let status = match (supabase.status, health.generations.is_draining()) {
        ("ok", false) => "ok",
        ("ok", true) => "degraded",
        _ => "down",
    };
    let checks = health.checks(supabase);
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
    if health.supabase().await.status != "ok" {
        let detail = "The database cannot be reached at the moment.";
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
