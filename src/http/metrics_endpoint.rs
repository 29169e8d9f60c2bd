//! `/metrics`, on a listener of its own: it is for the operator, not for clients.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::agent::Generations;
use crate::observability::metrics::Metrics;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the listener of `METRICS_ADDR` serves.
pub fn router(metrics: Metrics, generations: Generations) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state((metrics, generations))
}

async fn scrape(State((metrics, generations)): State<(Metrics, Generations)>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS)], metrics.text(generations.running()))
}
