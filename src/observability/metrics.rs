//! What this process counts, for Prometheus. Without `METRICS_ADDR` nothing is counted.

mod catalogue;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use self::catalogue::Catalogue;

/// Seconds: from a row passed on to a request that reaches its time limit.
const REQUEST_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];
/// Seconds: from a local model to a long answer with tools.
const ANSWER_SECONDS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0];

/// A number that is read whenever the metrics are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Watched {
    Generations,
    Streams,
    Connections,
    MemoryUsed,
    MemoryLimit,
}

const GAUGES: [(&str, &str, Watched); 5] = [
    ("generations_running", "Generations under way in chats", Watched::Generations),
    ("streams_open", "Streams of answers under way", Watched::Streams),
    ("connections", "Connections of the API", Watched::Connections),
    ("memory_budget_used_bytes", "Bytes of bodies and answers in memory", Watched::MemoryUsed),
    ("memory_budget_limit_bytes", "The most of them", Watched::MemoryLimit),
];

type Reading = Box<dyn Fn() -> u64 + Send + Sync>;

/// The counters. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    registry: Registry,
    names: Vec<String>,
    gauges: [(Watched, Gauge); GAUGES.len()],
    readings: Mutex<HashMap<Watched, Reading>>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram>,
    answers: Family<AnswerLabels, Counter>,
    answer_seconds: Family<ProviderLabels, Histogram>,
    first_token_seconds: Family<ProviderLabels, Histogram>,
    tokens: Family<TokenLabels, Counter>,
    cost: Family<ProviderLabels, Counter<f64, AtomicU64>>,
    provider_errors: Family<ErrorLabels, Counter>,
    provider_retries: Family<ProviderLabels, Counter>,
    scripts: Family<ScriptLabels, Counter>,
    script_seconds: Histogram,
    local_requests: Family<LocalLabels, Counter>,
    refused_addresses: Counter,
    tool_calls: Family<ToolCallLabels, Counter>,
    tool_call_seconds: Family<ToolKindLabels, Histogram>,
    tool_cost: Family<ToolKindLabels, Counter<f64, AtomicU64>>,
    tool_definition_changes: Family<ToolKindLabels, Counter>,
    decisions: Family<DecisionLabels, Counter>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AnswerLabels {
    provider: String,
    operation: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ProviderLabels {
    provider: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ErrorLabels {
    provider: String,
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ScriptLabels {
    language: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LocalLabels {
    service: &'static str,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ToolCallLabels {
    source: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DecisionLabels {
    decision: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ToolKindLabels {
    source: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TokenLabels {
    provider: String,
    kind: &'static str,
}

/// An answer of a model that has come to its end.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Answered {
    pub provider: String,
    pub operation: &'static str,
    pub status: &'static str,
    pub latency: Duration,
    pub time_to_first_token: Option<Duration>,
    /// Cached ones are among them.
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    /// Those of reasoning are among them.
    pub output_tokens: u64,
    pub reasoning_tokens: u64,
    /// None where the price is not known.
    pub cost_usd: Option<f64>,
}

impl Metrics {
    /// Counters that count.
    pub fn on() -> Self {
        Self { inner: Some(Arc::new(Inner::new())) }
    }

    /// A request was answered; `route` is its pattern, as the route table has it.
    pub fn request(&self, method: &str, route: &str, status: u16, elapsed: Duration) {
        let Some(inner) = &self.inner else { return };
        // Anybody can make up methods.
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let method = if known.contains(&method) { method } else { "other" };
        let (method, route) = (method.to_owned(), route.to_owned());
        let of_route = RouteLabels { method: method.clone(), route: route.clone() };
        inner.request_seconds.get_or_create(&of_route).observe(elapsed.as_secs_f64());
        inner.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    }

    /// An answer has come to its end.
    pub fn answer(&self, answered: Answered) {
        let Some(inner) = &self.inner else { return };
        let Answered { provider, operation, status, .. } = answered;
        let of_provider = ProviderLabels { provider: provider.clone() };
        let of_answer = AnswerLabels { provider: provider.clone(), operation, status };
        inner.answers.get_or_create(&of_answer).inc();
        inner.answer_seconds.get_or_create(&of_provider).observe(answered.latency.as_secs_f64());
        if let Some(wait) = answered.time_to_first_token {
            inner.first_token_seconds.get_or_create(&of_provider).observe(wait.as_secs_f64());
        }
        if let Some(cost) = answered.cost_usd.filter(|cost| *cost > 0.0) {
            inner.cost.get_or_create(&of_provider).inc_by(cost);
        }
        for (kind, tokens) in [
            ("input", answered.input_tokens),
            ("cached_input", answered.cached_input_tokens),
            ("output", answered.output_tokens),
            ("reasoning", answered.reasoning_tokens),
        ] {
            let of_kind = TokenLabels { provider: provider.clone(), kind };
            inner.tokens.get_or_create(&of_kind).inc_by(tokens);
        }
    }

    /// A call of a model has failed.
    pub fn provider_error(&self, provider: &str, kind: &str) {
        let Some(inner) = &self.inner else { return };
        let labels = ErrorLabels { provider: provider.to_owned(), kind: kind.to_owned() };
        inner.provider_errors.get_or_create(&labels).inc();
    }

    /// How many requests to a provider were repeats, since the process began.
    pub fn provider_retries(&self, provider: &str, retries: u64) {
        let Some(inner) = &self.inner else { return };
        let labels = ProviderLabels { provider: provider.to_owned() };
        inner.provider_retries.get_or_create(&labels).inner().store(retries, Ordering::Relaxed);
    }

    /// A script has ended.
    pub fn script(&self, language: &'static str, status: &'static str, elapsed: Duration) {
        let Some(inner) = &self.inner else { return };
        inner.scripts.get_or_create(&ScriptLabels { language, status }).inc();
        inner.script_seconds.observe(elapsed.as_secs_f64());
    }

    /// The local Supabase has answered.
    pub fn local_request(&self, path: &str, status: u16) {
        let Some(inner) = &self.inner else { return };
        let known = ["auth", "rest", "storage"];
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        let service = known.into_iter().find(|service| *service == first).unwrap_or("other");
        inner.local_requests.get_or_create(&LocalLabels { service, status }).inc();
    }

    /// A tool was called. `source` is the kind of its source.
    pub fn tool_call(&self, source: &'static str, outcome: &'static str, took: Duration) {
        let Some(inner) = &self.inner else { return };
        inner.tool_calls.get_or_create(&ToolCallLabels { source, outcome }).inc();
        let of_kind = ToolKindLabels { source };
        inner.tool_call_seconds.get_or_create(&of_kind).observe(took.as_secs_f64());
    }

    /// A tool that has a price was called.
    pub fn tool_cost(&self, source: &'static str, usd: f64) {
        let Some(inner) = &self.inner else { return };
        inner.tool_cost.get_or_create(&ToolKindLabels { source }).inc_by(usd);
    }

    /// Sources of this kind describe so many tools otherwise than before.
    pub fn tool_definitions_changed(&self, source: &'static str, changes: usize) {
        let Some(inner) = &self.inner else { return };
        let changed = inner.tool_definition_changes.get_or_create(&ToolKindLabels { source });
        changed.inc_by(changes as u64);
    }

    /// A person has decided on a call that waited.
    pub fn decision(&self, is_approved: bool) {
        let Some(inner) = &self.inner else { return };
        let decision = if is_approved { "approved" } else { "denied" };
        inner.decisions.get_or_create(&DecisionLabels { decision }).inc();
    }

    /// A tool was not let to an address.
    pub fn refused_address(&self) {
        let Some(inner) = &self.inner else { return };
        inner.refused_addresses.inc();
    }

    /// Has a number read whenever the metrics are.
    pub fn watch(&self, what: Watched, reading: impl Fn() -> u64 + Send + Sync + 'static) {
        let Some(inner) = &self.inner else { return };
        lock(&inner.readings).insert(what, Box::new(reading));
    }

    /// The names of all metrics.
    pub fn names(&self) -> Vec<String> {
        self.inner.as_ref().map(|inner| inner.names.clone()).unwrap_or_default()
    }

    /// Everything in Prometheus's text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some(inner) = &self.inner {
            let readings = lock(&inner.readings);
            for (what, gauge) in &inner.gauges {
                let reading = readings.get(what).map_or(0, |reading| reading());
                gauge.set(i64::try_from(reading).unwrap_or(i64::MAX));
            }
            // Writing to a String cannot fail.
            let _ = encode(&mut text, &inner.registry);
        }
        text
    }
}

impl Inner {
    fn new() -> Self {
        let mut all = Catalogue::default();
        let request_seconds =
            Family::new_with_constructor((|| Histogram::new(REQUEST_SECONDS)) as fn() -> Histogram);
        Self {
            requests: all.add("requests", "Requests answered", Family::default()),
            request_seconds: all.add_seconds(
                "request_duration",
                "Time until a response began",
                request_seconds,
            ),
            answers: all.add("answers", "Answers of models that have ended", Family::default()),
            answer_seconds: all.add_seconds(
                "answer_duration",
                "Time until an answer had ended",
                answer_seconds(),
            ),
            first_token_seconds: all.add_seconds(
                "time_to_first_token",
                "Time until an answer's first token",
                answer_seconds(),
            ),
            tokens: all.add("tokens", "Tokens used, reported or estimated", Family::default()),
            cost: all.add("cost_usd", "Price of the tokens used", Family::default()),
            provider_errors: all.add(
                "provider_errors",
                "Calls of models that failed",
                Family::default(),
            ),
            provider_retries: all.add(
                "provider_retries",
                "Requests to providers that repeat a failed one",
                Family::default(),
            ),
            scripts: all.add("scripts", "Scripts that have ended", Family::default()),
            script_seconds: all.add_seconds(
                "script_duration",
                "Time that scripts took",
                Histogram::new(ANSWER_SECONDS),
            ),
            local_requests: all.add(
                "local_supabase_requests",
                "Requests that the local Supabase has answered",
                Family::default(),
            ),
            tool_calls: all.add("tool_calls", "Calls of tools", Family::default()),
            tool_call_seconds: all.add_seconds(
                "tool_call_duration",
                "Time until a tool had answered",
                answer_seconds(),
            ),
            tool_cost: all.add("tool_cost_usd", "Price of the calls of tools", Family::default()),
            tool_definition_changes: all.add(
                "tool_definition_changes",
                "Tools that are described otherwise than before",
                Family::default(),
            ),
            decisions: all.add(
                "tool_decisions",
                "Decisions of people on calls of tools",
                Family::default(),
            ),
            refused_addresses: all.add(
                "tool_refused_addresses",
                "Requests of tools to addresses that they may not reach",
                Counter::default(),
            ),
            gauges: GAUGES.map(|(name, help, what)| (what, all.add(name, help, Gauge::default()))),
            readings: Mutex::default(),
            names: all.names,
            registry: all.registry,
        }
    }
}

fn answer_seconds<L: Clone + Hash + Eq>() -> Family<L, Histogram> {
    Family::new_with_constructor((|| Histogram::new(ANSWER_SECONDS)) as fn() -> Histogram)
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
