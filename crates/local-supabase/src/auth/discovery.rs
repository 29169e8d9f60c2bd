//! Public endpoints: health, settings and public keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::error::AuthError;
use crate::context::Context;

const TEN_MINUTES: [(HeaderName, &str); 1] = [(header::CACHE_CONTROL, "public, max-age=600")];
const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

/// `GET /health`: whether the database can be read and written.
pub(super) async fn health(State(context): State<Arc<Context>>) -> Result<Json<Value>, AuthError> {
    if !context.database.is_healthy().await {
        return Err(AuthError::unavailable());
    }
    Ok(Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "name": "GoTrue",
        "description": "GoTrue is a user registration and authentication API",
    })))
}

/// `GET /settings`
pub(super) async fn settings(State(context): State<Arc<Context>>) -> impl IntoResponse {
    const ANONYMOUS: &str = "\"anonymous_users\":true";
    let settings = include_str!("settings.json");
    let settings = match context.allow_anonymous_users {
        true => settings.to_owned(),
        false => settings.replace(ANONYMOUS, "\"anonymous_users\":false"),
    };
    (JSON, settings)
}

/// `GET /.well-known/jwks.json`
pub(super) async fn jwks(State(context): State<Arc<Context>>) -> impl IntoResponse {
    (TEN_MINUTES, Json(context.signing_keys.jwks()))
}

/// `GET /.well-known/openid-configuration`
pub(super) async fn openid_configuration(State(context): State<Arc<Context>>) -> impl IntoResponse {
    let issuer = context.issuer();
    let configuration = json!({
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "userinfo_endpoint": format!("{issuer}/oauth/userinfo"),
        "issuer": issuer,
        "scopes_supported": ["openid", "profile", "email", "phone", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "ES256"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "none"],
        "claims_supported": [
            "sub", "aud", "iss", "exp", "iat", "auth_time", "nonce", "email", "email_verified",
            "phone_number", "phone_number_verified", "name", "picture", "preferred_username",
            "updated_at",
        ],
        "code_challenge_methods_supported": ["S256", "plain"],
    });
    (TEN_MINUTES, Json(configuration))
}
