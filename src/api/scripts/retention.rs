//! How long runs are kept. How many of a user's there may be is the database's business.

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
const MANY: usize = 200;
/// Between two looks at everybody's runs.
const SWEEP_EVERY: Duration = Duration::from_secs(6 * 3600);

#[derive(Deserialize)]
struct Row {
    id: Uuid,
}

impl Scripts {
    /// Deletes everybody's old runs now and from time to time, which takes the service key. Without it
    /// a user's old runs go when they run another script.
    pub fn sweep(&self) -> Option<JoinHandle<()>> {
        let scripts = self.supabase.has_service_key().then(|| self.clone())?;
        Some(tokio::spawn(async move {
            loop {
                scripts.forget_old(Caller::Service).await;
                tokio::time::sleep(SWEEP_EVERY).await;
            }
        }))
    }

    /// Deletes the owner's old runs.
    pub(super) async fn forget_old_of(&self, owner: &Owner) {
        self.forget_old(Caller::User(&owner.token)).await;
    }

    async fn forget_old(&self, caller: Caller<'_>) {
        let Some(retention) = self.retention else { return };
        let Ok(before) = self.clock.now().checked_sub(retention) else { return };
        if let Err(error) = self.forget(caller, before).await {
            warn!("old script runs are left for later: {error}");
        }
    }

    async fn forget(&self, caller: Caller<'_>, before: Timestamp) -> Result<(), SupabaseError> {
        loop {
            let old = self.supabase.rest(caller).from("script_runs");
            let old = old.parameter("created_at", format_args!("lt.{before}")).select("id");
            let old: Vec<Row> = old.limit(MANY).value().await?;
            if old.is_empty() {
                return Ok(());
            }
            let ids: Vec<_> = old.iter().map(|row| row.id.to_string()).collect();
            let gone = self.supabase.rest(caller).from("script_runs");
            let gone = gone.parameter("id", format_args!("in.({})", ids.join(",")));
            gone.delete().select("id").rows().await?;
            if old.len() < MANY {
                return Ok(());
            }
        }
    }
}
