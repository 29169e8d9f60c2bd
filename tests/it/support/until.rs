//! Waiting for what comes by itself, and failing where it does not.

use std::time::Duration;

use super::FakeProvider;

/// What has not happened by then never will.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Looks again and again until this holds.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    until_found(what, async || holds().await.then_some(())).await;
}

/// Looks again and again until there is one.
pub async fn until_found<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(TIMEOUT, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

impl FakeProvider {
    /// Waits until it has been sent so many requests.
    pub async fn until_asked(&self, times: usize) {
        until("the provider is asked", async || self.requests().len() >= times).await;
    }
}
