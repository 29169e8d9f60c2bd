//! `auth/v1`: users, sessions and access tokens, as GoTrue (Supabase Auth) answers.
//!
//! No mail is sent: an e-mail address counts as confirmed at once, and requests that need a mail are
//! refused.

mod access_token;
mod account;
mod admin;
mod extract;
mod sql_types;
mod discovery;
mod email;
mod error;
mod identities;
mod logout;
mod params;
mod password_rules;
mod rate_limit;
mod refresh_tokens;
mod sessions;
mod signup;
mod token;
mod unsupported;
mod admin_update;
mod users;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::context::Context;

/// The routes, relative to `/auth/v1`.
pub(super) fn router(context: &Arc<Context>) -> Router<Arc<Context>> {
    Router::new()
        .route("/health", get(discovery::health))
        .route("/settings", get(discovery::settings))
        .route("/.well-known/jwks.json", get(discovery::jwks))
        .route("/.well-known/openid-configuration", get(discovery::openid_configuration))
        .route("/signup", post(signup::sign_up))
        .route("/token", post(token::grant))
        .route("/user", get(account::show).put(account::update))
        .route("/logout", post(logout::log_out))
        .route("/admin/users", get(admin::list).post(admin::create))
        .route("/admin/users/{user_id}", get(admin::show).put(admin::update).delete(admin::delete))
        .merge(unsupported::router())
        .fallback(not_found)
        .layer(from_fn_with_state(context.clone(), rate_limit::limit))
        .layer(from_fn(error::render))
}

async fn not_found() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::NOT_FOUND, headers, "404 page not found\n").into_response()
}
