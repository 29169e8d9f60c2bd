//! Authentication: one middleware layer over every `/api` route verifies the access token.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use jsonwebtoken::Algorithm;

use crate::agent::TokenRefresher;
use crate::http::error::{ApiError, TOKEN_REFUSED};
use crate::http::rate_limit::Limits;
use crate::http::security_log::AuthenticatedAs;
use crate::memory::{Held, Holder, Memory};

mod claims;
mod current_user;
mod errors;
mod remote_verifier;
mod verified_tokens;
mod signing_keys;
mod token_bucket;
mod verifier;

use errors::token_too_large;

pub use claims::{is_guest, plan_of};
pub use current_user::CurrentUser;
pub use verifier::{VerificationMode, Verifier, VerifierSettings};

/// The maximum length of a token; longer ones are refused unread. A token holds its user's `user_metadata`, which can be large.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// The state of the layer.
pub struct AuthLayer {
    /// Verifies tokens.
    pub verifier: Verifier,
    /// Counts requests.
    pub limits: Limits,
    /// The memory budget of requests.
    pub memory: Memory,
    /// Passes a user's newer token on to their running generations.
    pub token_refresher: TokenRefresher,
}

/// Middleware that requires a valid access token and adds the [`CurrentUser`] to the request.
pub async fn require_user(
    State(layer): State<Arc<AuthLayer>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let token = bearer(request.headers())?;
    let user = layer.verifier.verify(token).await?;
    layer.limits.count_request(user.id)?;
    layer.token_refresher.refresh(user.id, &user.token, user.expires_at);
    let (token, user_id) = (user.token.clone(), user.id);
    let held = Held::new(layer.memory.charge(Holder::User(user.id)));
    request.extensions_mut().insert(held.clone());
    request.extensions_mut().insert(user);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(AuthenticatedAs(user_id));
    if is_token_refused(&response) {
        layer.verifier.verify_again(&token).await?;
    }
    Ok(held.attach_to(response))
}

fn is_token_refused(response: &Response) -> bool {
    response.extensions().get().is_some_and(|error: &ApiError| error.code() == TOKEN_REFUSED)
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let missing = || {
        ApiError::unauthorized(
            "token_missing",
            "Sign in first: send Authorization: Bearer <Supabase access token>.",
        )
    };
    let header = headers.get(AUTHORIZATION).ok_or_else(missing)?;
    let (scheme, token) =
        header.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(missing)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(missing());
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(token_too_large());
    }
    Ok(token)
}

/// Whether a project's key is its secret one, which row-level security does not bind.
pub fn is_service_key(key: &str) -> bool {
    key.starts_with("sb_secret_") || role(key).as_deref() == Some("service_role")
}

/// Whether a project's key is the one for browsers.
pub fn is_publishable_key(key: &str) -> bool {
    key.starts_with("sb_publishable_") || role(key).as_deref() == Some("anon")
}

/// The role of a legacy key, which is a token.
fn role(key: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Claims {
        role: Option<String>,
    }
    jsonwebtoken::dangerous::insecure_decode::<Claims>(key).ok()?.claims.role
}

/// Whether a project's key is a token signed with its legacy secret.
pub fn is_legacy_key(key: &str) -> bool {
    jsonwebtoken::decode_header(key).is_ok_and(|header| header.alg == Algorithm::HS256)
}
