//! What operators see of the local Supabase's requests: a count, and sign-ins that fail.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::addresses::Addresses;
use super::middleware::RequestLog;
use super::security_log::Answered;
use crate::observability::logging::RequestId;

/// Where passwords and codes are checked.
const SIGN_INS: [&str; 2] = ["/auth/v1/token", "/auth/v1/verify"];

/// The middleware.
pub async fn local_supabase_log(
    State(log): State<RequestLog>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let sign_in = SIGN_INS.into_iter().find(|sign_in| path.starts_with(sign_in));
    let (method, path) = (request.method().clone(), path.to_owned());
    let address = Addresses::from_extensions(request.extensions()).client;
    let id = RequestId::from_headers(request.headers());
    let response = next.run(request).await;
    log.metrics.local_request(&path, response.status().as_u16());
    if let Some(route) = sign_in.filter(|_| response.status().is_client_error()) {
        log.security.record(&Answered {
            method: &method,
            route,
            status: response.status(),
            code: Some("sign_in_failed"),
            user: None,
            address,
            request_id: id.as_str(),
        });
    }
    response
}
