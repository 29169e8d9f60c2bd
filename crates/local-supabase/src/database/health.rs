//! Whether the database can be read and written, for health checks.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::blocking::run_blocking;

/// How long a probe may take.
const MAX_TIME: Duration = Duration::from_millis(1500);
/// How long a result is served from the cache, so that many health checks cost one probe.
const CACHE_TTL: Duration = Duration::from_secs(1);
/// A write to the database may succeed on a full disk, because its log may have free space.
const PROBE_BYTES: usize = 256 << 10;

/// The result of the last probe.
#[derive(Default)]
pub(super) struct HealthCache {
    last: Mutex<Option<(Instant, bool)>>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ProbeError {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Disk(#[from] io::Error),
}

impl HealthCache {
    /// Whether the database is healthy, by the last probe or, if that is too old, by a new one.
    pub async fn check(
        &self,
        probe: impl Future<Output = Result<(), ProbeError>>,
        is_writing: impl Fn() -> bool,
    ) -> bool {
        let mut last = self.last.lock().await;
        if let Some((at, is_healthy)) = *last
            && at.elapsed() < CACHE_TTL
        {
            return is_healthy;
        }
        let is_healthy = match timeout(MAX_TIME, probe).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!("the local database cannot be used: {error}");
                false
            }
            // A long write is not a failure; its time is limited.
            Err(_) if is_writing() => true,
            Err(_) => {
                tracing::warn!("the local database does not answer within {MAX_TIME:?}");
                false
            }
        };
        *last = Some((Instant::now(), is_healthy));
        is_healthy
    }
}

/// Writes a file and removes it again.
pub(super) async fn probe_disk(file: PathBuf) -> io::Result<()> {
    let write = move || fs::write(&file, [0; PROBE_BYTES]).and_then(|()| fs::remove_file(&file));
    run_blocking(write).await
}
