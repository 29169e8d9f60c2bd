//! Limits on sign-ups, sign-ins and refreshes, as GoTrue has them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::AuthError;
use crate::auth_limits::ClientAddress;
use crate::context::Context;

/// Counts requests that create users, check passwords or send mail, and refuses those over the limit.
pub(super) async fn limit(
    State(context): State<Arc<Context>>,
    request: Request,
    next: Next,
) -> Response {
    let limits = &context.auth_limits;
    let limit = match (request.method(), request.uri().path()) {
        (&Method::POST, "/token") if is_refresh(&request) => &limits.refreshes,
        (&Method::POST, "/signup" | "/token" | "/otp" | "/magiclink" | "/recover" | "/resend")
        | (&Method::POST | &Method::GET, "/verify")
        | (&Method::PUT, "/user") => &limits.sign_ins,
        _ => return next.run(request).await,
    };
    match limit.allows(client_address(&request)) {
        true => next.run(request).await,
        false => AuthError::too_many().into_response(),
    }
}

/// A request without an address comes from this machine.
fn client_address(request: &Request) -> IpAddr {
    let address = request.extensions().get().copied();
    address.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ClientAddress(address)| address)
}

fn is_refresh(request: &Request) -> bool {
    request.uri().query().is_some_and(|query| query.contains("grant_type=refresh_token"))
}
