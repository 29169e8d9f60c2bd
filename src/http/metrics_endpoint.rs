//! `/metrics`, on a separate listener: it is for the operator, not for clients.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::agent::Generations;
use crate::observability::metrics::Metrics;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the `METRICS_ADDR` listener.
pub fn router(metrics: Metrics, generations: Generations) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state((metrics, generations))
}

async fn scrape(State((metrics, generations)): State<(Metrics, Generations)>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPENMETRICS)], metrics.text(generations.running()))
}
