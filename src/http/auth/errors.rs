//! Why an access token is refused.

use axum::http::StatusCode;

use crate::http::error::ApiError;

pub(super) fn invalid_token(cause: impl Into<String>) -> ApiError {
    ApiError::unauthorized("token_invalid", "The access token is not valid. Sign in again.")
        .caused_by(cause)
}

/// 431: signing in again would not help.
pub(super) fn token_too_large() -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "token_too_large",
        "The access token is larger than 64 KiB. It holds the user's metadata: keep less there.",
    )
}

pub(super) fn anonymous_refused() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "anonymous_not_allowed",
        "This server does not accept anonymous users. Sign in with an account.",
    )
}
