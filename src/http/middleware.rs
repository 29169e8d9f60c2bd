//! The outermost middleware: gives a request its ID, logs it, and turns errors and panics into problem
//! details, or what else a protocol's errors look like. One layer instead of several, because each one boxes the whole service below it.

use std::any::Any;
use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use opentelemetry::trace::SpanKind;
use tower::{Layer, Service};
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

/// The layer.
#[derive(Clone)]
pub struct RequestContextLayer(pub RequestLog);

impl<S> Layer<S> for RequestContextLayer {
    type Service = RequestContext<S>;

    fn layer(&self, inner: S) -> RequestContext<S> {
        RequestContext { log: self.0.clone(), inner }
    }
}

/// The middleware. A service of its own, since `axum::middleware::from_fn` copies all that is below it for each request.
#[derive(Clone)]
pub struct RequestContext<S> {
    log: RequestLog,
    inner: S,
}

impl<S> Service<Request> for RequestContext<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let received = Received::new(&mut request);
        let inner = AssertUnwindSafe(|| self.inner.call(request));
        let answer = received.span.in_scope(|| catch_unwind(inner));
        let log = self.log.clone();
        Box::pin(async move {
            let answer = match answer {
                Ok(answer) => {
                    let answer = AssertUnwindSafe(answer).catch_unwind();
                    answer.instrument(received.span.clone()).await
                }
                Err(panic) => Err(panic),
            };
            let mut response = match answer {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(panic) => panicked(&*panic),
            };
            received.complete(&mut response, &log);
            Ok(response)
        })
    }
}

/// What is known of a request before it is answered.
struct Received {
    id: RequestId,
    span: Span,
    route: Option<MatchedPath>,
    method: Method,
    is_openai: bool,
    is_api: bool,
    address: IpAddr,
    at: Instant,
}

impl Received {
    fn new(request: &mut Request) -> Self {
        let id = RequestId::from_headers(request.headers());
        let route = request.extensions().get::<MatchedPath>().cloned();
        let span = debug_span!(
            "request",
            request_id = id.as_str(),
            method = %request.method(),
            route = route.as_ref().map_or("none", MatchedPath::as_str),
            otel.kind = "server",
            otel.name = field::Empty,
        );
        begin_trace(&span, request, route.as_ref());
        let is_v1 = request.uri().path().starts_with("/v1/");
        // A client with another base URL shows errors of this shape alone.
        let is_openai = is_v1 || request.uri().path().ends_with("/chat/completions");
        let is_api = is_v1 || request.uri().path().starts_with("/api/");
        let address = Addresses::from_extensions(request.extensions()).client;
        request.extensions_mut().insert(id.clone());
        let method = request.method().clone();
        Self { id, span, route, method, is_openai, is_api, address, at: Instant::now() }
    }

    /// Logs and counts the response, and completes it.
    fn complete(self, response: &mut Response, log: &RequestLog) {
        let _entered = self.span.enter();
        let route = self.route.as_ref().map_or("none", MatchedPath::as_str);
        let error = response.extensions_mut().remove::<ApiError>();
        log.security.record(&Answered {
            method: &self.method,
            route,
            status: response.status(),
            code: error.as_ref().map(ApiError::code),
            user: response.extensions().get().map(|AuthenticatedAs(user)| *user),
            address: self.address,
            request_id: self.id.as_str(),
        });
        if let Some(error) = error {
            error.log(self.id.as_str());
            match self.is_openai {
                true => error.render_openai(response),
                false => error.render(response, self.id.as_str()),
            }
        }
        let (status, elapsed) = (response.status().as_u16(), self.at.elapsed());
        traces::set_response(&self.span, &SpanKind::Server, status);
        debug!(status, elapsed_ms = elapsed.as_secs_f64() * 1000.0, "answered");
        log.metrics.request(self.method.as_str(), route, status, elapsed);
        response.headers_mut().insert(X_REQUEST_ID, self.id.clone().into_header());
        security_headers::complete(response.headers_mut(), self.is_api);
    }
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
