//! How long runs are kept. The database limits how many a user may have.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::task::JoinHandle;
use tracing::warn;
use uuid::Uuid;

use super::Scripts;
use crate::api::files::Owner;
use crate::supabase::{Caller, SupabaseError};

/// How many runs one request deletes.
const BATCH: usize = 200;
/// The interval of the clean-up of all users' runs.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(6 * 3600);

#[derive(Deserialize)]
struct Row {
    id: Uuid,
}

impl Scripts {
    /// Deletes the expired runs of all users now and at intervals, which takes the service key. Without
    /// it, a user's expired runs are deleted when they run another script.
    pub fn cleanup(&self) -> Option<JoinHandle<()>> {
        let scripts = self.supabase.has_service_key().then(|| self.clone())?;
        Some(tokio::spawn(async move {
            loop {
                scripts.delete_expired(Caller::Service).await;
                tokio::time::sleep(CLEANUP_INTERVAL).await;
            }
        }))
    }

    /// Deletes the owner's expired runs.
    pub(super) async fn delete_expired_for(&self, owner: &Owner) {
        self.delete_expired(Caller::User(&owner.token)).await;
    }

    async fn delete_expired(&self, caller: Caller<'_>) {
        let Some(retention) = self.retention else { return };
        let Ok(before) = self.clock.now().checked_sub(retention) else { return };
        if let Err(error) = self.delete_older(caller, before).await {
            warn!("old script runs are left for later: {error}");
        }
    }

    async fn delete_older(
        &self,
        caller: Caller<'_>,
        before: Timestamp,
    ) -> Result<(), SupabaseError> {
        loop {
            let old = self.supabase.rest(caller).from("script_runs");
            let old = old.parameter("created_at", format_args!("lt.{before}")).select("id");
            let old: Vec<Row> = old.limit(BATCH).value().await?;
            if old.is_empty() {
                return Ok(());
            }
            let ids: Vec<_> = old.iter().map(|row| row.id.to_string()).collect();
            let gone = self.supabase.rest(caller).from("script_runs");
            let gone = gone.parameter("id", format_args!("in.({})", ids.join(",")));
            gone.delete().select("id").rows().await?;
            if old.len() < BATCH {
                return Ok(());
            }
        }
    }
}
