//! Who is calling: access tokens are verified once, in one middleware layer over every `/api` route.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use jsonwebtoken::Algorithm;
use uuid::Uuid;

use crate::agent::TokenRefresher;
use crate::http::error::{ApiError, TOKEN_REFUSED};
use crate::http::rate_limit::Limits;
use crate::memory::{Held, Holder, Memory};
use crate::supabase::{AccessToken, Caller};

mod allowance;
mod ask_auth;
mod claims;
mod memory;
mod signing_keys;
mod verifier;

pub use verifier::{Verifier, VerifierSettings, Verifies};

/// Longer tokens are refused unread. A token holds its user's `user_metadata`, which can be large.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// The signed-in user, as the access token says. In a handler's signature it shows that the route
/// needs one.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// The user's id.
    pub id: Uuid,
    /// The token itself: Supabase is called with it, so that row-level security applies.
    pub token: AccessToken,
    /// When the token ends, in seconds since 1970.
    pub expires_at: i64,
    /// Signed in without an identity.
    pub is_anonymous: bool,
}

impl CurrentUser {
    /// The user, to call Supabase as.
    pub fn caller(&self) -> Caller<'_> {
        Caller::User(&self.token)
    }
}

/// What the layer needs.
#[derive(Clone)]
pub struct AuthLayer {
    /// Verifies tokens.
    pub verifier: Verifier,
    /// Counts requests.
    pub limits: Limits,
    /// What requests may hold.
    pub memory: Memory,
    /// Passes a user's newer token on to their running generations.
    pub token_refresher: TokenRefresher,
}

/// Middleware: lets a request pass only with a good access token, and remembers whose it is.
pub async fn require_user(
    State(layer): State<AuthLayer>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let token = bearer(request.headers())?;
    let user = layer.verifier.verify(token).await?;
    layer.limits.count_request(user.id)?;
    layer.token_refresher.refresh(user.id, &user.token, user.expires_at);
    let token = user.token.clone();
    let held = Held::new(layer.memory.charge(Holder::User(user.id)));
    request.extensions_mut().insert(held.clone());
    request.extensions_mut().insert(user);
    let response = next.run(request).await;
    if is_token_refused(&response) {
        layer.verifier.verify_again(&token).await?;
    }
    Ok(held.until_sent(response))
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

/// Whether a project's key is a token signed with its legacy secret.
pub fn is_legacy_key(key: &str) -> bool {
    jsonwebtoken::decode_header(key).is_ok_and(|header| header.alg == Algorithm::HS256)
}

fn invalid_token(cause: impl Into<String>) -> ApiError {
    ApiError::unauthorized("token_invalid", "The access token is not valid. Sign in again.")
        .caused_by(cause)
}

/// 431: signing in again would not help.
fn token_too_large() -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "token_too_large",
        "The access token is larger than 64 KiB. It holds the user's metadata: keep less there.",
    )
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            ApiError::internal("a route that needs a user is outside the auth layer")
        })
    }
}

fn anonymous_refused() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "anonymous_not_allowed",
        "This server does not accept anonymous users. Sign in with an account.",
    )
}
