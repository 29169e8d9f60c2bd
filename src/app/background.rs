//! What the application does from time to time.

use std::time::Duration;

use crate::http::rate_limit::Limits;
use crate::providers::Providers;

/// How often the rate limits of idle users are removed.
const FORGET_IDLE_EVERY: Duration = Duration::from_secs(300);
/// How often the providers are asked for their models.
const REFRESH_MODELS_EVERY: Duration = Duration::from_secs(3600);

/// Removes the rate limits of idle users periodically.
pub(super) fn forget_idle_users(limits: Limits) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(FORGET_IDLE_EVERY).await;
            limits.forget_idle_users();
        }
    });
}

/// Refreshes the providers' model lists periodically.
pub(super) fn refresh_models(providers: Providers) {
    tokio::spawn(async move {
        loop {
            providers.refresh_models().await;
            tokio::time::sleep(REFRESH_MODELS_EVERY).await;
        }
    });
}
