//! The route table of the local Supabase's listener.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::json;

use super::access::Credential;
use super::context::Context;
use super::{auth, rest, storage};
use crate::config::CorsOrigins;
use crate::cors;
use crate::hosts::AllowedHosts;

const REST_BODY_LIMIT: usize = 64 << 20;

pub(super) fn build(
    context: Arc<Context>,
    cors_origins: CorsOrigins,
    hosts: AllowedHosts,
) -> Router {
    Router::new()
        .route("/", get(welcome))
        .nest("/auth/v1", auth::router(&context))
        .nest_service("/rest/v1", any(serve_rest).with_state(context.clone()))
        .nest_service("/storage/v1", any(serve_storage).with_state(context.clone()))
        .fallback(not_found)
        .layer(from_fn_with_state(hosts, require_allowed_host))
        .layer(cors::layer(cors_origins, true))
        .with_state(context)
}

async fn welcome() -> &'static str {
    "This is a local Supabase. Give its address and key to supabase-js:\n\
     Auth is at /auth/v1, REST at /rest/v1, Storage at /storage/v1.\n"
}

/// Real projects have names of their own; this one is reached by any that leads here.
async fn require_allowed_host(
    State(hosts): State<AllowedHosts>,
    request: Request,
    next: Next,
) -> Response {
    let Some(refusal) = hosts.refusal(&request) else { return next.run(request).await };
    let body =
        json!({ "code": "host_not_allowed", "details": null, "hint": null, "message": refusal });
    (StatusCode::MISDIRECTED_REQUEST, Json(body)).into_response()
}

async fn not_found() -> Response {
    let message = "The local Supabase serves /auth/v1, /rest/v1 and /storage/v1, nothing else.";
    let body = json!({ "code": "not_found", "details": null, "hint": null, "message": message });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

async fn serve_rest(State(context): State<Arc<Context>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let credential = Credential::read(&parts.headers, &context.service_key);
    match credential.role(&context.signing_keys, context.clock.now()) {
        Err(refusal) => refusal.into_response(),
        Ok(role) => match read_body(body).await {
            Err(refusal) => refusal,
            Ok(body) => rest::handle(&context.database, &context.clock, role, &parts, body).await,
        },
    }
}

async fn serve_storage(State(context): State<Arc<Context>>, request: Request) -> Response {
    storage::handle(&context, request).await
}

async fn read_body(body: Body) -> Result<bytes::Bytes, Response> {
    to_bytes(body, REST_BODY_LIMIT).await.map_err(|_| {
        let message = "The request body is larger than 64 MiB or broke off";
        let body = json!({ "code": "54000", "details": null, "hint": null, "message": message });
        (StatusCode::PAYLOAD_TOO_LARGE, Json(body)).into_response()
    })
}
