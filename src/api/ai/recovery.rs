//! What a server does about answers that were cut off, its own and others'.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::Ai;
use crate::database::{self, CountLapsedUsage, ReleaseLeases};
use crate::supabase::{Caller, SupabaseError};

/// How often answers that were cut off are looked for.
const EVERY: Duration = Duration::from_secs(60);
/// How long the start of a server waits for its own to be freed.
const PATIENCE: Duration = Duration::from_secs(5);

impl Ai {
    /// Frees what this server had claimed when it ended, so that nobody waits for the leases to lapse. Only
    /// a server with a name can have left something that is certainly its own: the one that brings the
    /// local Supabase, which nobody else can have.
    pub async fn release_own_leases(&self) {
        let Some(p_server) = self.server else { return };
        let rest = self.supabase.rest(Caller::Service);
        match timeout(PATIENCE, database::call(rest, &ReleaseLeases { p_server })).await {
            Ok(Ok(0)) => {}
            Ok(Ok(released)) => info!("{released} answers were cut off when this server ended"),
            Ok(Err(error)) => warn!("the leases of this server could not be released: {error}"),
            Err(_) => warn!("the leases of this server could not be released in time"),
        }
    }

    /// Records the usage of all answers that were cut off, now and from time to time. Without a service key
    /// each user's is recorded when it is read, when they delete something or ask for an answer.
    pub async fn count_lapsed_usage(&self) {
        if !self.supabase.has_service_key() {
            return;
        }
        loop {
            if let Err(error) = self.count_all_lapsed().await {
                warn!("the usage of answers that were cut off is not counted yet: {error}");
            }
            sleep(EVERY).await;
        }
    }

    async fn count_all_lapsed(&self) -> Result<(), SupabaseError> {
        loop {
            let rest = self.supabase.rest(Caller::Service);
            match database::call(rest, &CountLapsedUsage {}).await? {
                0 => return Ok(()),
                counted => info!("{counted} answers that were cut off are accounted"),
            }
        }
    }
}
