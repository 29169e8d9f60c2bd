//! Traces for OpenTelemetry. Spans that declare `otel.kind` are part of them; log lines are not.
//!
//! Without a collector no span is made, unless log lines show it.

use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret;
use tokio::runtime::Handle;
use tracing::{Metadata, Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, Filtered};
use tracing_subscriber::registry::LookupSpan;

mod export;
mod outgoing;

pub use outgoing::send;

use crate::config::{TraceConfig, TraceSampler};
use export::Client;

/// The field that makes a span part of traces.
const KIND: &str = "otel.kind";

/// Whether there is a collector.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Whether spans are exported.
pub fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// The export of spans.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends what has not been sent.
    pub fn shutdown(&self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!("the last spans could not be sent: {error}");
        }
    }
}

type Spans<S> = Filtered<OpenTelemetryLayer<S, SdkTracer>, FilterFn, S>;

/// What turns spans into traces, and the export of them. `runtime` sends them.
pub fn layer<S>(config: &TraceConfig, runtime: Handle) -> Result<(Spans<S>, Traces), String>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let headers = config.headers.iter();
    let headers = headers.map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new(runtime, config.timeout)?)
        .with_endpoint(&config.endpoint)
        .with_timeout(config.timeout)
        .with_headers(headers.collect())
        .build()
        .map_err(|error| format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}"))?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler(config.sampler))
        .with_resource(resource(config))
        .build();
    let tracer = provider.tracer("chat-backend");
    let spans = OpenTelemetryLayer::new(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false);
    IS_ON.store(true, Ordering::Relaxed);
    Ok((spans.with_filter(FilterFn::new(is_traced)), Traces(provider)))
}

fn is_traced(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.fields().field(KIND).is_some()
}

fn sampler(config: TraceSampler) -> Sampler {
    let own = Sampler::TraceIdRatioBased(config.ratio);
    match config.follows_parent {
        true => Sampler::ParentBased(Box::new(own)),
        false => own,
    }
}

fn resource(config: &TraceConfig) -> Resource {
    let attributes = config.resource.iter();
    let attributes = attributes.map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    Resource::builder_empty()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(attributes)
        .with_service_name(config.service_name.clone())
        .build()
}

/// Makes a span part of the trace of which a request says it is.
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    if is_on() {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // A span that is not exported has no parent to set.
        let _ = span.set_parent(parent);
    }
}

/// Says which span a request is part of: `traceparent`.
pub fn inject(headers: &mut HeaderMap) {
    if is_on() {
        let context = Span::current().context();
        TraceContextPropagator::new().inject_context(&context, &mut HeaderInjector(headers));
    }
}

/// The same, where it does not travel in a header.
pub fn traceparent() -> Option<String> {
    let mut headers = HeaderMap::new();
    inject(&mut headers);
    Some(headers.get("traceparent")?.to_str().ok()?.to_owned())
}

/// Marks a span as failed, with a stable code.
pub fn set_error(span: &Span, code: impl Into<String>) {
    let code = code.into();
    span.set_attribute("error.type", code.clone());
    span.set_status(Status::error(code));
}

/// The attributes of a response.
pub fn set_response(span: &Span, kind: &SpanKind, status: u16) {
    if !is_on() {
        return;
    }
    span.set_attribute("http.response.status_code", i64::from(status));
    // What the client has done wrong is no failure of a server.
    if status >= 500 || (status >= 400 && *kind == SpanKind::Client) {
        set_error(span, status.to_string());
    }
}
