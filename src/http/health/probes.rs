//! Probes each service of Supabase: one round at a time, shared by all callers.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use crate::clock::Clock;
use crate::http::auth::{VerificationMode, Verifier};
use crate::http::single_flight::{Next, SingleFlight};
use crate::supabase::Supabase;

/// How long a result is cached.
pub(super) const CACHE_TTL: Duration = Duration::from_secs(1);
/// The timeout of a probe.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Probes Supabase. Clones share the results.
#[derive(Clone)]
pub struct Probes {
    supabase: Supabase,
    verifier: Verifier,
    clock: Clock,
    is_local: bool,
    last: Arc<Mutex<Option<(Timestamp, Found)>>>,
    probing: SingleFlight<(), Found>,
}

/// Status of a service of Supabase.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ServiceCheck {
    /// `ok` or `down`.
    #[schema(example = "ok")]
    pub(super) status: &'static str,
    /// Duration of the check in milliseconds.
    #[schema(example = 1.2)]
    pub(super) latency_ms: f64,
    /// Why it is down, for the log.
    #[serde(skip)]
    pub(super) cause: Option<Arc<str>>,
}

/// The status of each service.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) rest: ServiceCheck,
    pub(super) auth: ServiceCheck,
    pub(super) storage: ServiceCheck,
    pub(super) keys: ServiceCheck,
    is_local: bool,
}

impl Found {
    /// Whether requests can be answered: tokens can be verified, and the database works. The local
    /// Supabase is one process on one disk, so all of its services must work.
    pub(super) fn is_ready(&self) -> bool {
        let is_needed =
            [&self.rest, &self.keys].into_iter().chain(self.is_local.then_some(&self.auth));
        is_needed.into_iter().all(ServiceCheck::is_ok)
    }

    /// Whether no service is down.
    pub(super) fn is_well(&self) -> bool {
        [&self.rest, &self.auth, &self.storage, &self.keys].into_iter().all(ServiceCheck::is_ok)
    }

    fn is_same(&self, other: &Self) -> bool {
        let statuses = |found: &Self| found.checks().map(|(_, check)| check.status);
        statuses(self) == statuses(other)
    }

    fn checks(&self) -> [(&'static str, &ServiceCheck); 4] {
        let Self { rest, auth, storage, keys, .. } = self;
        [("rest", rest), ("auth", auth), ("storage", storage), ("keys", keys)]
    }

    fn described(&self) -> String {
        let checks = self.checks().map(|(name, check)| match &check.cause {
            Some(cause) => format!("{name} {} ({cause})", check.status),
            None => format!("{name} {}", check.status),
        });
        checks.join(", ")
    }
}

impl ServiceCheck {
    fn is_ok(&self) -> bool {
        self.status == "ok"
    }

    /// The result of a probe that ends in time.
    async fn run<E: fmt::Display>(probe: impl Future<Output = Result<(), E>>) -> Self {
        let started = Instant::now();
        let cause = match tokio::time::timeout(TIMEOUT, probe).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string().into()),
            Err(_) => Some(format!("no answer within {TIMEOUT:?}").into()),
        };
        let latency_ms = (started.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
        Self { status: if cause.is_none() { "ok" } else { "down" }, latency_ms, cause }
    }

    fn unknown() -> Self {
        Self { status: "down", latency_ms: 0.0, cause: None }
    }
}

impl Probes {
    /// No results yet. `is_local`: of the local Supabase.
    pub fn new(supabase: Supabase, verifier: Verifier, clock: Clock, is_local: bool) -> Self {
        let (last, probing) = (Arc::default(), SingleFlight::default());
        Self { supabase, verifier, clock, is_local, last, probing }
    }

    /// The status of each service, at most one second old.
    pub(super) async fn found(&self) -> Found {
        let found = self.probing.run((), || match self.recent() {
            Some(found) => Next::Known(found),
            None => Next::Start(self.clone().probe()),
        });
        let unknown = || {
            let check = ServiceCheck::unknown;
            let is_local = self.is_local;
            Found { rest: check(), auth: check(), storage: check(), keys: check(), is_local }
        };
        found.await.unwrap_or_else(unknown)
    }

    fn recent(&self) -> Option<Found> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, found) = last.as_ref()?;
        let age = self.clock.now().duration_since(*at);
        let good_for = SignedDuration::try_from(CACHE_TTL).unwrap_or_default();
        (SignedDuration::ZERO..good_for).contains(&age).then(|| found.clone())
    }

    async fn probe(self) -> Found {
        let (rest, auth, storage, (keys, needs_auth)) = tokio::join!(
            ServiceCheck::run(self.supabase.probe_rest()),
            ServiceCheck::run(self.supabase.probe_auth()),
            ServiceCheck::run(self.supabase.probe_storage()),
            self.keys(),
        );
        // If only Auth can verify tokens, it is required.
        let keys = if needs_auth && !auth.is_ok() { auth.clone() } else { keys };
        let found = Found { rest, auth, storage, keys, is_local: self.is_local };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = match &*last {
            Some((_, before)) => !before.is_same(&found),
            None => !found.is_well(),
        };
        if is_new {
            warn!("health has changed: {}", found.described());
        }
        *last = Some((self.clock.now(), found.clone()));
        found
    }

    /// Whether tokens can be verified, and whether that requires Auth.
    async fn keys(&self) -> (ServiceCheck, bool) {
        let mut needs_auth = false;
        let check = ServiceCheck::run(async {
            let mode = self.verifier.verification_mode().await;
            needs_auth = matches!(mode, Ok(VerificationMode::ThroughAuth));
            mode.map(drop).map_err(|error| error.code())
        });
        let check = check.await;
        (check, needs_auth)
    }
}
