//! What the routes of accounts share.

use tokio_util::task::TaskTracker;

use crate::agent::TokenRefresher;
use crate::api::files::Files;
use crate::clock::Clock;
use crate::http::rate_limit::{Limits, Turns};
use crate::supabase::Supabase;

/// Accounts in Supabase. Clones share everything.
#[derive(Clone)]
pub struct Accounts {
    pub(super) supabase: Supabase,
    pub(super) files: Files,
    pub(super) clock: Clock,
    /// Permits for exports and imports.
    pub(super) transfers: Turns,
    pub(super) token_refresher: TokenRefresher,
    pub(super) tasks: TaskTracker,
}

impl Accounts {
    /// Accounts in this Supabase.
    pub fn new(
        supabase: Supabase,
        files: Files,
        clock: Clock,
        limits: &Limits,
        token_refresher: TokenRefresher,
    ) -> Self {
        let transfers = limits.transfers.clone();
        Self { supabase, files, clock, transfers, token_refresher, tasks: TaskTracker::new() }
    }
}
