//! The outermost middleware: gives a request its ID, logs it, and turns errors and panics into problem
//! details, or what else a protocol's errors look like. One layer instead of several, because each one boxes the whole service below it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use opentelemetry::trace::SpanKind;
use tracing::{Instrument, Span, debug, debug_span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::http::addresses::Addresses;
use crate::http::error::ApiError;
use crate::http::security_headers;
use crate::http::security_log::{Answered, AuthenticatedAs, SecurityLog};
use crate::observability::logging::{RequestId, X_REQUEST_ID};
use crate::observability::metrics::Metrics;
use crate::observability::traces;

/// What sees every response.
#[derive(Clone, Default)]
#[allow(missing_docs)]
pub struct RequestLog {
    pub metrics: Metrics,
    pub security: SecurityLog,
}

/// The middleware.
pub async fn request_context(
    State(RequestLog { metrics, security }): State<RequestLog>,
    mut request: Request,
    next: Next,
) -> Response {
    let id = RequestId::from_headers(request.headers());
    let span = debug_span!(
        "request",
        request_id = id.as_str(),
        method = %request.method(),
        route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str),
        otel.kind = "server",
        otel.name = field::Empty,
    );
    let route = request.extensions().get::<MatchedPath>().cloned();
    begin_trace(&span, &request, route.as_ref());
    let method = request.method().clone();
    let is_openai = request.uri().path().starts_with("/v1/");
    let is_api = is_openai || request.uri().path().starts_with("/api/");
    let address = Addresses::from_extensions(request.extensions()).client;
    request.extensions_mut().insert(id.clone());
    let started = Instant::now();
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind().instrument(span.clone()).await;
    let mut response = answer.unwrap_or_else(|panic| panicked(&*panic));
    let _entered = span.enter();
    let error = response.extensions_mut().remove::<ApiError>();
    let code = error.as_ref().map(ApiError::code);
    security.record(&Answered {
        method: &method,
        route: route.as_ref().map_or("none", MatchedPath::as_str),
        status: response.status(),
        code,
        user: response.extensions().get().map(|AuthenticatedAs(user)| *user),
        address,
        request_id: id.as_str(),
    });
    if let Some(error) = error {
        error.log(id.as_str());
        match is_openai {
            true => error.render_openai(&mut response),
            false => error.render(&mut response, id.as_str()),
        }
    }
    let (status, elapsed) = (response.status().as_u16(), started.elapsed());
    traces::set_response(&span, &SpanKind::Server, status);
    debug!(status, elapsed_ms = elapsed.as_secs_f64() * 1000.0, "answered");
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    metrics.request(method.as_str(), route, status, elapsed);
    response.headers_mut().insert(X_REQUEST_ID, id.into_header());
    security_headers::complete(response.headers_mut(), is_api);
    response
}

/// Begins the request's span, as a part of the caller's trace where there is one.
fn begin_trace(span: &Span, request: &Request, route: Option<&MatchedPath>) {
    if !traces::is_on() {
        return;
    }
    traces::continue_trace(span, request.headers());
    let (method, route) = (request.method().as_str(), route.map_or("none", MatchedPath::as_str));
    span.record("otel.name", format!("{method} {route}"));
    span.set_attribute("http.request.method", method.to_owned());
    span.set_attribute("http.route", route.to_owned());
}

fn panicked(panic: &(dyn Any + Send)) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    ApiError::internal(format!("panicked: {}", words.unwrap_or("without a word"))).into_response()
}
