//! The route table of the local Supabase's listener.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::json;

use super::body::{self, BodyError};
use super::context::Context;
use super::credential::Credential;
use super::{auth, rest, storage};
use memory::Full;

const REST_BODY_LIMIT: usize = 64 << 20;

pub(super) fn build(context: Arc<Context>) -> Router {
    Router::new()
        .route("/", get(welcome))
        .nest("/auth/v1", auth::router(&context))
        .nest_service("/rest/v1", any(serve_rest).with_state(context.clone()))
        .nest_service("/storage/v1", any(serve_storage).with_state(context.clone()))
        .fallback(not_found)
        .with_state(context)
}

async fn welcome() -> &'static str {
    "This is a local Supabase. Give its address and key to supabase-js:\n\
     Auth is at /auth/v1, REST at /rest/v1, Storage at /storage/v1.\n"
}

async fn not_found() -> Response {
    let message = "The local Supabase serves /auth/v1, /rest/v1 and /storage/v1, nothing else.";
    let body = json!({ "code": "not_found", "details": null, "hint": null, "message": message });
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}

async fn serve_rest(State(context): State<Arc<Context>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let credential = Credential::from_headers(&parts.headers, &context.service_key);
    let caller = match credential.caller(&context.signing_keys, context.clock.now()) {
        Err(refusal) => return refusal.into_response(),
        Ok(caller) => caller,
    };
    match body::read(&context.memory, caller.0, &parts.headers, body, REST_BODY_LIMIT).await {
        Err(error) => refused(error),
        Ok((body, held)) => {
            let Context { database, project, clock, .. } = &*context;
            let answer = rest::handle(database, *project, clock, caller, &parts, body).await;
            held.attach_to(answer)
        }
    }
}

async fn serve_storage(State(context): State<Arc<Context>>, request: Request) -> Response {
    storage::handle(&context, request).await
}

fn refused(error: BodyError) -> Response {
    let (status, code, message) = match error {
        BodyError::TooLarge | BodyError::Full(Full::Never) => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "54000",
            "The request body is larger than is taken here",
        ),
        BodyError::Broken => (StatusCode::BAD_REQUEST, "PGRST102", "The request body broke off"),
        BodyError::TooSlow => {
            (StatusCode::REQUEST_TIMEOUT, "57014", "The request body took too long to arrive")
        }
        BodyError::Full(Full::Share) => {
            (StatusCode::TOO_MANY_REQUESTS, "53200", "This caller's requests hold too many bytes")
        }
        BodyError::Full(Full::Budget) => {
            (StatusCode::SERVICE_UNAVAILABLE, "53200", "Requests in flight hold too many bytes")
        }
    };
    let body = json!({ "code": code, "details": null, "hint": null, "message": message });
    (status, Json(body)).into_response()
}
