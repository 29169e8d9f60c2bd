//! API errors for exceeded memory budgets.

use std::time::Duration;

use axum::http::StatusCode;

use super::ApiError;
use crate::memory::Full;

/// Bodies and responses are freed within seconds.
const RETRY_AFTER: Duration = Duration::from_secs(2);

impl From<Full> for ApiError {
    fn from(full: Full) -> Self {
        match full {
            Full::Budget => Self::unavailable(
                "overloaded",
                "The server has too many large requests at the moment. Please try again.",
                RETRY_AFTER,
            ),
            Full::Share => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_bytes_in_flight",
                "Your requests hold too many bytes together. Wait until some of them are done, \
                 then try again.",
            )
            .with_retry_after(RETRY_AFTER),
            Full::Never => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The request has more data, or more single values, than this server holds for one \
                 user (MEMORY_BUDGET_BYTES). Send less at once.",
            ),
        }
        .caused_by(full.to_string())
    }
}
