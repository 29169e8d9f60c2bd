//! `/metrics`, on a separate listener: it is for the operator, not for clients.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::observability::metrics::Metrics;
use crate::providers::Providers;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the `METRICS_ADDR` listener.
pub fn router(metrics: Metrics, providers: Providers) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state((metrics, providers))
}

async fn scrape(State((metrics, providers)): State<(Metrics, Providers)>) -> impl IntoResponse {
    for (provider, retries) in providers.retries() {
        metrics.provider_retries(provider.as_str(), retries);
    }
    ([(CONTENT_TYPE, OPENMETRICS)], metrics.text())
}
