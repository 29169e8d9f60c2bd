//! The signed-in user of a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use uuid::Uuid;

use crate::http::error::ApiError;
use crate::supabase::{AccessToken, Caller};

/// The signed-in user, as named by the access token. As a handler's argument it shows that the route
/// requires one.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    /// The user's id.
    pub id: Uuid,
    /// The access token. Supabase is called with it, so that row-level security applies.
    pub token: AccessToken,
    /// When the token expires, in seconds since 1970.
    pub expires_at: i64,
    /// Whether the user signed in anonymously.
    pub is_anonymous: bool,
    /// What the claim of plans says, where there is one.
    pub plan: Option<Arc<str>>,
    /// `app_metadata.role` of the token: what the project's operator says the user is.
    pub role: Option<String>,
}

impl CurrentUser {
    /// The caller for requests to Supabase.
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
