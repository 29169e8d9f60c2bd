//! What this process counts, for Prometheus. Without `METRICS_ADDR` nothing is counted.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Seconds: from a row passed on to a request that reaches its time limit.
const REQUEST_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];
/// Seconds: from a local model to a long answer with tools.
const ANSWER_SECONDS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0, 600.0];

/// The counters. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Family<RouteLabels, Histogram>,
    answers: Family<AnswerLabels, Counter>,
    answer_seconds: Family<ProviderLabels, Histogram>,
    first_token_seconds: Family<ProviderLabels, Histogram>,
    tokens: Family<TokenLabels, Counter>,
    tool_calls: Family<ToolCallLabels, Counter>,
    tool_call_seconds: Family<ToolKindLabels, Histogram>,
    tool_definition_changes: Family<ToolKindLabels, Counter>,
    running: Gauge,
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
struct TokenLabels {
    provider: String,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ToolCallLabels {
    source: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ToolKindLabels {
    source: &'static str,
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

    /// A tool was called. `source` is the kind of its source.
    pub fn tool_call(&self, source: &'static str, outcome: &'static str, took: Duration) {
        let Some(inner) = &self.inner else { return };
        inner.tool_calls.get_or_create(&ToolCallLabels { source, outcome }).inc();
        let of_kind = ToolKindLabels { source };
        inner.tool_call_seconds.get_or_create(&of_kind).observe(took.as_secs_f64());
    }

    /// Sources of this kind describe so many tools otherwise than before.
    pub fn tool_definitions_changed(&self, source: &'static str, changes: usize) {
        let Some(inner) = &self.inner else { return };
        let changed = inner.tool_definition_changes.get_or_create(&ToolKindLabels { source });
        changed.inc_by(changes as u64);
    }

    /// Everything in Prometheus's text format; `running` generations at this moment.
    pub fn text(&self, running: usize) -> String {
        let mut text = String::new();
        if let Some(inner) = &self.inner {
            inner.running.set(i64::try_from(running).unwrap_or(i64::MAX));
            // Writing to a String cannot fail.
            let _ = encode(&mut text, &inner.registry);
        }
        text
    }
}

impl Inner {
    fn new() -> Self {
        let mut registry = Registry::with_prefix("chat_backend");
        let (requests, answers, tokens) = (Family::default(), Family::default(), Family::default());
        let (answer_seconds, first_token_seconds) = (answer_seconds(), answer_seconds());
        let request_seconds =
            Family::new_with_constructor((|| Histogram::new(REQUEST_SECONDS)) as fn() -> Histogram);
        let running = Gauge::default();
        registry.register("requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time until a response began",
            Unit::Seconds,
            request_seconds.clone(),
        );
        registry.register("answers", "Answers of models that have ended", answers.clone());
        registry.register_with_unit(
            "answer_duration",
            "Time until an answer had ended",
            Unit::Seconds,
            answer_seconds.clone(),
        );
        registry.register_with_unit(
            "time_to_first_token",
            "Time until an answer's first token",
            Unit::Seconds,
            first_token_seconds.clone(),
        );
        registry.register("tokens", "Tokens used, reported or estimated", tokens.clone());
        let (tool_calls, tool_definition_changes) = (Family::default(), Family::default());
        let tool_call_seconds =
            Family::new_with_constructor((|| Histogram::new(ANSWER_SECONDS)) as fn() -> Histogram);
        registry.register("tool_calls", "Calls of tools", tool_calls.clone());
        registry.register_with_unit(
            "tool_call_duration",
            "Time until a tool had answered",
            Unit::Seconds,
            tool_call_seconds.clone(),
        );
        registry.register(
            "tool_definition_changes",
            "Tools that are described otherwise than before",
            tool_definition_changes.clone(),
        );
        registry.register("generations_running", "Generations under way in chats", running.clone());
        Self {
            registry,
            requests,
            request_seconds,
            answers,
            answer_seconds,
            first_token_seconds,
            tokens,
            tool_calls,
            tool_call_seconds,
            tool_definition_changes,
            running,
        }
    }
}

fn answer_seconds() -> Family<ProviderLabels, Histogram> {
    Family::new_with_constructor((|| Histogram::new(ANSWER_SECONDS)) as fn() -> Histogram)
}
