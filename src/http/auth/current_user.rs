//! The signed-in user of a request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::supabase::{AccessToken, Caller};

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

impl<S: Send + Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            ApiError::internal("a route that needs a user is outside the auth layer")
        })
    }
}
